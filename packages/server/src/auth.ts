// Who may ask: the bearer of the root token, or anybody where there is none. Never says why it refuses.
import { createHash, timingSafeEqual } from "node:crypto";
import { ApiError } from "./errors.ts";

function digest(text: string): Buffer {
  return createHash("sha256").update(text).digest();
}

export class Authenticator {
  readonly #root: Buffer | undefined;

  constructor(rootToken: string | undefined) {
    this.#root = rootToken === undefined ? undefined : digest(rootToken);
  }

  /** Errors: `authn`. Digests are compared, so that neither length nor content shows in the time it takes. */
  check(authorization: string | undefined): void {
    if (this.#root === undefined) return;
    const match = /^bearer +(\S+) *$/i.exec(authorization ?? "");
    if (match === null || !timingSafeEqual(digest(match[1]), this.#root))
      throw new ApiError("authn", "a valid access token is required");
  }
}

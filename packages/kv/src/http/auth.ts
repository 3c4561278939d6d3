// Who may ask: whoever shows the token, where there is one. Never tells why it refuses.
import { createHash, timingSafeEqual } from "node:crypto";
import { ApiError } from "./errors.ts";

const BEARER = /^bearer +(\S+) *$/i;

export class Guard {
  readonly #digest: Buffer | undefined;

  /** Undefined: everybody may. */
  constructor(token: string | undefined) {
    this.#digest = token === undefined ? undefined : digestOf(token);
  }

  /** Throws `ApiError`. */
  check(authorization: string | undefined): void {
    if (this.#digest === undefined) return;
    const token = BEARER.exec(authorization ?? "")?.[1];
    // Digests have one length: comparing them tells nothing of the token's.
    if (token !== undefined && timingSafeEqual(digestOf(token), this.#digest)) return;
    throw new ApiError("unauthorized", "a bearer token is needed", { "www-authenticate": "Bearer" });
  }
}

function digestOf(token: string): Buffer {
  return createHash("sha256").update(token).digest();
}

// Whose request it is: the root's, an issued token's, or anybody's where there is no root token. Never says why it refuses.
// For a request with an issued token: one lookup, one hash, one comparison in constant time.
import { timingSafeEqual } from "node:crypto";
import type { AccessToken, AccessTokensApi } from "@tailrace/engine";
import type { Runtime } from "@tailrace/engine/runtime";
import { Access, FULL_SCOPE, notAuthenticated } from "./access.ts";
import { digestOf, keyOf } from "./secret.ts";

interface Known {
  readonly access: Access;
  readonly digest: Buffer;
}

const BEARER = /^bearer +(\S+) *$/i;

export class Authenticator {
  readonly #tokens: AccessTokensApi;
  readonly #runtime: Runtime;
  readonly #known = new WeakMap<AccessToken, Known>();
  #root: Known | undefined;
  /** Where there is no root token, who presents no token of ours may do everything. */
  readonly #anyone: Access | undefined;

  constructor(tokens: AccessTokensApi, runtime: Runtime, rootToken: string | undefined) {
    this.#tokens = tokens;
    this.#runtime = runtime;
    if (rootToken === undefined) this.#anyone = this.#full("anyone");
    else this.#root = { access: this.#full("root"), digest: digestOf(rootToken) };
    tokens.onRevoked((token) => this.#known.get(token)?.access.revoke());
  }

  /** Another root token from now on; what the former one opened ends. Only where there is one. */
  replaceRootToken(token: string): void {
    const former = this.#root;
    if (former === undefined) throw new Error("there is no root token to replace");
    const digest = digestOf(token);
    if (timingSafeEqual(digest, former.digest)) return;
    this.#root = { access: this.#full("root"), digest };
    former.access.revoke();
  }

  /** At once where the answer rests on what is there. Errors: `authn`; EngineError while tokens cannot be looked up. */
  authenticate(authorization: string | undefined): Access | Promise<Access> {
    const bearer = authorization === undefined ? undefined : BEARER.exec(authorization)?.[1];
    if (bearer === undefined) return this.#orAnyone();
    const key = keyOf(bearer);
    if (key === undefined) return this.#asRoot(bearer) ?? this.#orAnyone();
    const token = this.#tokens.find(key);
    if (token === undefined) return this.#asRoot(bearer) ?? this.#unknown();
    const { access, digest } = this.#knownAs(token);
    if (!timingSafeEqual(digestOf(bearer), digest) || !access.isLive) throw notAuthenticated();
    return access;
  }

  #orAnyone(): Access {
    if (this.#anyone === undefined) throw notAuthenticated();
    return this.#anyone;
  }

  #asRoot(bearer: string): Access | undefined {
    if (this.#root === undefined || !timingSafeEqual(digestOf(bearer), this.#root.digest)) return undefined;
    return this.#root.access;
  }

  /** A token of ours that is not there: revoked, expired or never issued, also where anybody else may come in. That it is not there
   * is an answer like any other: an owner that others have taken over from must not give it. */
  async #unknown(): Promise<never> {
    await this.#tokens.assertCurrent();
    throw notAuthenticated();
  }

  #knownAs(token: AccessToken): Known {
    let known = this.#known.get(token);
    if (known === undefined) {
      const { scope, expiresAtMs, key } = token;
      const options = { who: `token:${token.id}`, key, scope, expiresAtMs, namespace: token.streamNamespace };
      known = { access: new Access(options, this.#runtime), digest: Buffer.from(token.secretHash, "hex") };
      this.#known.set(token, known);
    }
    return known;
  }

  #full(who: string): Access {
    return new Access({ who, key: null, scope: FULL_SCOPE, expiresAtMs: null, namespace: "" }, this.#runtime);
  }
}

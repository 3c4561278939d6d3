// The access tokens: part of the account's state machine. Holds hashes of secrets, never a secret.
// No clock in here: a command carries the time that it is decided by.
import sortedBtree from "sorted-btree";
import { NameTree } from "../catalog/name-tree.ts";
import type { ResourceSet } from "./resource-set.ts";

// The package is CommonJS: its class is the default export of its default export.
const BTree = sortedBtree.default;

export interface ReadWrite {
  readonly read: boolean;
  readonly write: boolean;
}

/** What a token permits, as it was asked for: groups stay groups, so that they take in operations added to them later. */
export interface AccessTokenScope {
  readonly basins: ResourceSet;
  /** By the streams' whole names. */
  readonly streams: ResourceSet;
  readonly accessTokens: ResourceSet;
  readonly opGroups: { readonly account: ReadWrite; readonly basin: ReadWrite; readonly stream: ReadWrite };
  /** Names of operations, as in the API. */
  readonly ops: readonly string[];
}

export interface AccessToken {
  readonly id: string;
  /** The public part of what a client presents: by it a token is found. Random, never used again. */
  readonly key: string;
  /** SHA-256 of the secret part, hexadecimal. */
  readonly secretHash: string;
  readonly issuedAtMs: number;
  /** Null: never. */
  readonly expiresAtMs: number | null;
  readonly scope: AccessTokenScope;
  readonly autoPrefixStreams: boolean;
  /** Added before every stream name that comes from the holder, and taken off every one that goes to it. */
  readonly streamNamespace: string;
}

export type AccessTokenCommand =
  /** `issuerKey` is the key of the token that asks, null for the root's. */
  | { readonly kind: "issue-token"; readonly token: AccessToken; readonly issuerKey: string | null }
  | { readonly kind: "revoke-token"; readonly id: string; readonly atMs: number };

export type AccessTokenOutcome =
  | { readonly kind: "issued" | "revoked"; readonly token: AccessToken }
  | { readonly kind: "exists" | "issuer-gone" | "not-found" };

export function isExpired(token: AccessToken, atMs: number): boolean {
  return token.expiresAtMs !== null && token.expiresAtMs <= atMs;
}

export class AccessTokens {
  readonly #byId = new NameTree<AccessToken>();
  readonly #byKey = new Map<string, AccessToken>();
  /** Those that expire, soonest first. */
  readonly #byExpiry = new BTree<[number, string], AccessToken>(undefined, compareExpiry);

  get tree(): NameTree<AccessToken> {
    return this.#byId;
  }

  /** The token that has this key, expired or not. */
  find(key: string): AccessToken | undefined {
    return this.#byKey.get(key);
  }

  apply(command: AccessTokenCommand): AccessTokenOutcome {
    switch (command.kind) {
      case "issue-token": {
        const { token, issuerKey } = command;
        this.#forgetExpired(token.issuedAtMs);
        // What an issuer asked for before it was revoked must not outlive it by a race.
        if (issuerKey !== null && !this.#byKey.has(issuerKey)) return { kind: "issuer-gone" };
        if (this.#byId.get(token.id) !== undefined) return { kind: "exists" };
        this.#add(token);
        return { kind: "issued", token };
      }
      case "revoke-token": {
        this.#forgetExpired(command.atMs);
        const token = this.#byId.get(command.id);
        if (token === undefined) return { kind: "not-found" };
        this.#forget(token);
        return { kind: "revoked", token };
      }
    }
  }

  #add(token: AccessToken): void {
    this.#byId.set(token.id, token);
    this.#byKey.set(token.key, token);
    if (token.expiresAtMs !== null) this.#byExpiry.set([token.expiresAtMs, token.key], token);
  }

  #forget(token: AccessToken): void {
    this.#byId.delete(token.id);
    this.#byKey.delete(token.key);
    if (token.expiresAtMs !== null) this.#byExpiry.delete([token.expiresAtMs, token.key]);
  }

  /** Expired tokens give up their ids and their memory at the next change. */
  #forgetExpired(atMs: number): void {
    for (;;) {
      const soonest = this.#byExpiry.minKey();
      if (soonest === undefined || soonest[0] > atMs) return;
      const token = this.#byExpiry.get(soonest);
      if (token === undefined) throw new Error("an expiring access token is not where its expiry says");
      this.#forget(token);
    }
  }
}

function compareExpiry(a: [number, string], b: [number, string]): number {
  if (a[0] !== b[0]) return a[0] - b[0];
  return a[1] < b[1] ? -1 : a[1] > b[1] ? 1 : 0;
}

// What the holder of one token may do, and until when. One object for each token, however many requests it makes.
// Refuses with `permission_denied` and `authn`, and never says what it would have taken.
import { type AccessTokenScope, ALL_RESOURCES, admits, type ResourceSet } from "@tailrace/engine";
import type { Runtime, TimerHandle } from "@tailrace/engine/runtime";
import { ApiError } from "../errors.ts";
import { ALL_OPERATIONS, bitOf, type Operation, type OperationSet } from "./operations.ts";
import { permittedOperations } from "./scope.ts";

export interface AccessOptions {
  /** For the audit: `root`, `anyone`, or `token:` and the token's id. */
  readonly who: string;
  /** The key of the token; null for the root's. */
  readonly key: string | null;
  readonly scope: AccessTokenScope;
  /** Null: never. */
  readonly expiresAtMs: number | null;
  /** Added before every stream name from the holder, and taken off every one to it. */
  readonly namespace: string;
}

/** Everything: what the root token permits. */
export const FULL_SCOPE: AccessTokenScope = {
  basins: ALL_RESOURCES,
  streams: ALL_RESOURCES,
  accessTokens: ALL_RESOURCES,
  opGroups: {
    account: { read: true, write: true },
    basin: { read: true, write: true },
    stream: { read: true, write: true },
  },
  ops: [],
};

/** A failed authentication never says why. */
export function notAuthenticated(): ApiError {
  return new ApiError("authn", "a valid access token is required");
}

export class Access {
  readonly who: string;
  readonly key: string | null;
  readonly scope: AccessTokenScope;
  readonly expiresAtMs: number | null;
  readonly namespace: string;
  readonly #operations: OperationSet;
  readonly #runtime: Runtime;
  readonly #listeners = new Set<() => void>();
  #expiry: TimerHandle | undefined;
  #revoked = false;

  constructor(options: AccessOptions, runtime: Runtime) {
    this.who = options.who;
    this.key = options.key;
    this.scope = options.scope;
    this.expiresAtMs = options.expiresAtMs;
    this.namespace = options.namespace;
    this.#operations = permittedOperations(options.scope);
    this.#runtime = runtime;
  }

  // Until when.

  get isLive(): boolean {
    return !this.#revoked && (this.expiresAtMs === null || this.#runtime.clock.wallMs() < this.expiresAtMs);
  }

  /** Errors: `authn`. */
  assertLive(): void {
    if (!this.isLive) throw notAuthenticated();
  }

  /** The token has been revoked. */
  revoke(): void {
    this.#revoked = true;
    this.#end();
  }

  /** Calls back once, when access ends (at once if it has); the answer takes the callback off. */
  onEnd(callback: () => void): () => void {
    if (!this.isLive) {
      callback();
      return () => undefined;
    }
    this.#listeners.add(callback);
    this.#watchExpiry();
    return () => {
      this.#listeners.delete(callback);
      if (this.#listeners.size === 0) this.#stopWatching();
    };
  }

  /** The runtime's timers may fall due early when an expiry is very far away, and the wall clock may jump: it is looked at again. */
  #watchExpiry(): void {
    if (this.expiresAtMs === null || this.#expiry !== undefined) return;
    this.#expiry = this.#runtime.timers.set(this.expiresAtMs - this.#runtime.clock.wallMs(), () => {
      this.#expiry = undefined;
      if (!this.isLive) this.#end();
      else if (this.#listeners.size > 0) this.#watchExpiry();
    });
  }

  #stopWatching(): void {
    if (this.#expiry !== undefined) this.#runtime.timers.clear(this.#expiry);
    this.#expiry = undefined;
  }

  #end(): void {
    this.#stopWatching();
    for (const listener of this.#listeners) listener();
    this.#listeners.clear();
  }

  // What.

  permits(operation: Operation): boolean {
    return (this.#operations & bitOf(operation)) !== 0;
  }

  get permitsEveryOperation(): boolean {
    return this.#operations === ALL_OPERATIONS;
  }

  /** Errors: `permission_denied`. */
  require(operation: Operation): void {
    if (!this.permits(operation)) throw denied(`the operation ${operation}`);
  }

  requireBasin(name: string): void {
    this.#requireName(this.scope.basins, name, "this basin");
  }

  /** `name` is the stream's whole name. */
  requireStream(name: string): void {
    this.#requireName(this.scope.streams, name, "this stream");
  }

  requireAccessToken(id: string): void {
    this.#requireName(this.scope.accessTokens, id, "this access token");
  }

  /** Whether who asks may know of this basin. */
  admitsBasin(name: string): boolean {
    return admits(this.scope.basins, name);
  }

  #requireName(set: ResourceSet, name: string, what: string): void {
    if (!admits(set, name)) throw denied(what);
  }
}

export function denied(what: string): ApiError {
  return new ApiError("permission_denied", `the access token does not permit ${what}`);
}

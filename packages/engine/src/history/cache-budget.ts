// One bound on what the caches of a shard hold together: chunks as they were written, and history fetched from the store.
// Each takes what the other does not need; where both want more, fetched history keeps a share of its own, so that readers
// of the past get on beside any number of writers, and no more than that.

/** Of the whole, what fetched history may keep while written chunks want room too. */
const FETCHED_SHARE = 1 / 4;

export interface BoundedCache {
  readonly bytes: number;
  /** Lets go of what it needs least; there is something when `bytes` is not 0. */
  dropOldest(): void;
}

export class CacheBudget {
  readonly #maxBytes: number;
  #written: BoundedCache | undefined;
  #fetched: BoundedCache | undefined;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** Bytes of fetched history that are never in the way of written chunks. */
  get fetchedShareBytes(): number {
    return this.#maxBytes * FETCHED_SHARE;
  }

  /** The caches that it binds; each calls `enforce` when it has grown. */
  bind(written: BoundedCache, fetched: BoundedCache): void {
    this.#written = written;
    this.#fetched = fetched;
  }

  enforce(): void {
    const written = this.#written;
    const fetched = this.#fetched;
    if (written === undefined || fetched === undefined) return;
    while (written.bytes + fetched.bytes > this.#maxBytes) {
      const less = written.bytes === 0 || fetched.bytes > this.fetchedShareBytes ? fetched : written;
      less.dropOldest();
    }
  }
}

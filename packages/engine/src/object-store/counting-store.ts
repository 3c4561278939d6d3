// Counts the requests that go to another store, and observes how long puts take: object-store requests are a cost.
// Changes nothing about them.
import type { Clock } from "../runtime/runtime.ts";
import type { DeletedMany, ObjectStore } from "./object-store.ts";

export type RequestKind = "put" | "putIfAbsent" | "get" | "getRange" | "list" | "delete" | "deleteMany";

export interface CountingStoreOptions {
  readonly clock: Clock;
  /** Called when a put or put-if-absent has ended, well or not, with its milliseconds. */
  readonly onPut?: (durationMs: number, kind: "put" | "putIfAbsent", succeeded: boolean) => void;
  /** Requests to both are counted, and observed, as those to this one. */
  readonly countsWith?: CountingStore;
}

export class CountingStore implements ObjectStore {
  /** Requests started so far. */
  readonly counts: Record<RequestKind, number>;
  readonly #store: ObjectStore;
  readonly #clock: Clock;
  /** As in CountingStoreOptions; may be exchanged at any time. */
  onPut: CountingStoreOptions["onPut"];

  constructor(store: ObjectStore, options: CountingStoreOptions) {
    this.#store = store;
    this.#clock = options.clock;
    const { countsWith } = options;
    this.counts = countsWith?.counts ?? {
      put: 0,
      putIfAbsent: 0,
      get: 0,
      getRange: 0,
      list: 0,
      delete: 0,
      deleteMany: 0,
    };
    this.onPut = countsWith === undefined ? options.onPut : (...put) => countsWith.onPut?.(...put);
  }

  get description(): string {
    return this.#store.description;
  }

  get exclusive(): boolean {
    return this.#store.exclusive;
  }

  putIfAbsent(key: string, parts: readonly Uint8Array[]): Promise<void> {
    this.counts.putIfAbsent++;
    return this.#timed("putIfAbsent", () => this.#store.putIfAbsent(key, parts));
  }

  put(key: string, parts: readonly Uint8Array[]): Promise<void> {
    this.counts.put++;
    return this.#timed("put", () => this.#store.put(key, parts));
  }

  get(key: string): Promise<Uint8Array> {
    this.counts.get++;
    return this.#store.get(key);
  }

  getRange(key: string, offset: number, length: number): Promise<Uint8Array> {
    this.counts.getRange++;
    return this.#store.getRange(key, offset, length);
  }

  list(prefix: string, after?: string): Promise<string[]> {
    this.counts.list++;
    return this.#store.list(prefix, after);
  }

  delete(key: string): Promise<void> {
    this.counts.delete++;
    return this.#store.delete(key);
  }

  async deleteMany(keys: readonly string[]): Promise<DeletedMany> {
    this.counts.deleteMany++;
    const deleted = await this.#store.deleteMany(keys);
    this.counts.deleteMany += deleted.requests - 1;
    return deleted;
  }

  close(): Promise<void> {
    return this.#store.close();
  }

  async #timed(kind: "put" | "putIfAbsent", put: () => Promise<void>): Promise<void> {
    const startMs = this.#clock.monotonicMs();
    let succeeded = false;
    try {
      await put();
      succeeded = true;
    } finally {
      this.onPut?.(this.#clock.monotonicMs() - startMs, kind, succeeded);
    }
  }
}

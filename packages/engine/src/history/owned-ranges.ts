// Getting parts of objects that this process owns, for somebody who waits: asked again until a deadline, verified, and what is corrupt stops the shard.
import { EngineError } from "../errors.ts";
import { RETRY_FIRST_MS, RETRY_MAX_MS, STORE_DEADLINE_MS } from "../limits.ts";
import { type ObjectStore, ObjectStoreError } from "../object-store/index.ts";
import type { Runtime } from "../runtime/index.ts";
import { CorruptObjectError } from "../shard/corrupt.ts";
import { pause, withDeadline } from "../shard/waiting.ts";

export interface OwnedRangesOptions {
  readonly runtime: Runtime;
  readonly store: ObjectStore;
  /** Resolves when this process still owns what it reads: then nobody else has collected it. Errors: EngineError. */
  readonly assertOwner: () => Promise<void> | undefined;
  readonly onCorrupt: (error: CorruptObjectError) => void;
}

export class OwnedRanges {
  readonly #options: OwnedRangesOptions;

  constructor(options: OwnedRangesOptions) {
    this.#options = options;
  }

  /** `verify` throws a CorruptObjectError for what it does not believe. Errors: EngineError `unavailable`, `storage`. */
  async get(key: string, from: number, length: number, verify: (bytes: Uint8Array) => void): Promise<Uint8Array> {
    const { runtime, store } = this.#options;
    const lateAtMs = runtime.clock.monotonicMs() + STORE_DEADLINE_MS;
    const late = () =>
      new EngineError("unavailable", "the object store does not answer, and what is asked for is not in memory");
    for (let retryMs = RETRY_FIRST_MS; ; retryMs = Math.min(2 * retryMs, RETRY_MAX_MS)) {
      try {
        const leftMs = Math.max(0, lateAtMs - runtime.clock.monotonicMs());
        const bytes = await withDeadline(runtime, store.getRange(key, from, length), leftMs, late);
        verify(bytes);
        return bytes;
      } catch (error) {
        const corrupt = await this.#corruption(error, key);
        if (corrupt !== undefined) {
          this.#options.onCorrupt(corrupt);
          throw new EngineError("storage", corrupt.message);
        }
        if (!(error instanceof ObjectStoreError)) throw error;
      }
      runtime.branches.reached("history-retried");
      if (runtime.clock.monotonicMs() + retryMs >= lateAtMs) throw late();
      await pause(runtime, retryMs);
    }
  }

  /** What an error says of the object itself; undefined when it says nothing. Throws when the object is another owner's to collect. */
  async #corruption(error: unknown, key: string): Promise<CorruptObjectError | undefined> {
    if (error instanceof CorruptObjectError) return error;
    if (!(error instanceof ObjectStoreError) || error.kind !== "absent") return undefined;
    await this.#options.assertOwner();
    return new CorruptObjectError(key, "it is missing");
  }
}

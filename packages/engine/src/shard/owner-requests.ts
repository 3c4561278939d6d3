// What an owner asks of the store in the background, beside its log: asked again until it is answered, or the owner stops. An object that is missing
// is corruption only for one who still owns the shard; what stands where only an owner may write is its own, or another's who has deposed it.
import { EngineError } from "../errors.ts";
import { RETRY_FIRST_MS, RETRY_MAX_MS } from "../limits.ts";
import type { EngineLogger } from "../logger.ts";
import { type ObjectStore, ObjectStoreError } from "../object-store/index.ts";
import type { Runtime } from "../runtime/index.ts";
import { CorruptObjectError } from "./corrupt.ts";
import { pause } from "./waiting.ts";

export interface OwnerRequestsOptions {
  readonly runtime: Runtime;
  readonly store: ObjectStore;
  readonly logger: EngineLogger;
  /** Resolves when this process still owns the shard: then nobody else has collected anything. Errors: EngineError. */
  readonly assertOwner: () => Promise<void> | undefined;
}

export class OwnerRequests {
  readonly #options: OwnerRequestsOptions;
  #stopped = false;

  constructor(options: OwnerRequestsOptions) {
    this.#options = options;
  }

  get stopped(): boolean {
    return this.#stopped;
  }

  /** Nothing is asked again. */
  stop(): void {
    this.#stopped = true;
  }

  /** Asks again until the store answers. Errors: CorruptObjectError, which names `key`, when an object is missing that nobody else can have
   * collected; ObjectStoreError once stopped. */
  async untilAnswered<T>(ask: () => Promise<T>, key: string): Promise<T> {
    const { runtime } = this.#options;
    for (let retryMs = RETRY_FIRST_MS; ; retryMs = Math.min(2 * retryMs, RETRY_MAX_MS)) {
      try {
        return await ask();
      } catch (error) {
        if (!(error instanceof ObjectStoreError) || this.#stopped) throw error;
        if (error.kind === "absent" && (await this.#isOwner())) throw new CorruptObjectError(key, "it is missing");
      }
      await pause(runtime, retryMs);
    }
  }

  /** Puts an object until it is in: true; false when stopped. `assertOwn` throws when what stands there is not this owner's. */
  async put(key: string, parts: readonly Uint8Array[], what: string, assertOwn: () => Promise<void>): Promise<boolean> {
    const { runtime, store, logger } = this.#options;
    for (let retryMs = RETRY_FIRST_MS; !this.#stopped; retryMs = Math.min(2 * retryMs, RETRY_MAX_MS)) {
      try {
        await store.putIfAbsent(key, parts);
        return !this.#stopped;
      } catch (error) {
        if (!(error instanceof ObjectStoreError)) throw error;
        if (error.kind === "exists") {
          await assertOwn();
          runtime.branches.reached("flush-was-in");
          return !this.#stopped;
        }
        logger.warn({ key, kind: error.kind, error: error.message }, `a ${what} was not put and will be tried again`);
      }
      await pause(runtime, retryMs);
    }
    return false;
  }

  /** False also when nobody can say at the moment. One that is not the owner any more is stopped with its log. */
  async #isOwner(): Promise<boolean> {
    try {
      await this.#options.assertOwner();
      return !this.#stopped;
    } catch (error) {
      if (!(error instanceof EngineError)) throw error;
      return false;
    }
  }
}

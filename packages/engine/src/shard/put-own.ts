// Putting an object that only this incarnation can have written: a fence, a marker, a release. Never takes another's for its own.
import { RETRY_FIRST_MS, RETRY_MAX_MS } from "../limits.ts";
import type { EngineLogger } from "../logger.ts";
import { type ObjectStore, ObjectStoreError } from "../object-store/index.ts";
import type { Runtime } from "../runtime/index.ts";
import { retriedReads } from "./retry.ts";
import { pause } from "./waiting.ts";

export interface PutOwnOptions {
  readonly runtime: Runtime;
  readonly store: ObjectStore;
  readonly logger: EngineLogger;
}

/** Puts bytes that only this incarnation can have written. True when they are there, false when other bytes are. Errors: ObjectStoreError. */
export async function putOwn(options: PutOwnOptions, key: string, bytes: Uint8Array): Promise<boolean> {
  for (let retryMs = RETRY_FIRST_MS; ; retryMs = Math.min(2 * retryMs, RETRY_MAX_MS)) {
    try {
      await options.store.putIfAbsent(key, [bytes]);
      return true;
    } catch (error) {
      if (!(error instanceof ObjectStoreError) || error.kind === "denied" || error.kind === "full") throw error;
      if (error.kind === "exists") {
        const found = await retriedReads(options.store, options.runtime).get(key);
        const own = Buffer.compare(found, bytes) === 0;
        if (own) options.runtime.branches.reached("fence-was-in");
        return own;
      }
      if (retryMs === RETRY_MAX_MS) throw error;
      options.logger.warn({ key, kind: error.kind, error: error.message }, "a put failed and will be tried again");
    }
    await pause(options.runtime, retryMs);
  }
}

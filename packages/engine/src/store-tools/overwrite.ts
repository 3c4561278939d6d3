// The plain puts of an operator's command, where overwriting is what is meant. Each may be done twice, and is tried again.
import { RETRY_FIRST_MS, RETRY_MAX_MS } from "../limits.ts";
import { type ObjectStore, ObjectStoreError } from "../object-store/index.ts";
import type { Runtime } from "../runtime/index.ts";
import { pause } from "../shard/waiting.ts";

/** Puts `bytes` under `key`, whatever stands there. Errors: ObjectStoreError. */
export function overwrite(
  { store, runtime }: { readonly store: ObjectStore; readonly runtime: Runtime },
  key: string,
  bytes: Uint8Array,
): Promise<void> {
  return repeated(runtime, () => store.put(key, [bytes]));
}

/** Does something again, with growing pauses for about a second, as long as that can help. Errors: the last one's. */
export async function repeated<T>(runtime: Runtime, act: () => Promise<T>): Promise<T> {
  for (let retryMs = RETRY_FIRST_MS; ; retryMs *= 2) {
    try {
      return await act();
    } catch (error) {
      const mayHelp = error instanceof ObjectStoreError && (error.kind === "ambiguous" || error.kind === "unavailable");
      if (!mayHelp || retryMs > RETRY_MAX_MS) throw error;
    }
    await pause(runtime, retryMs);
  }
}

// Reading again what a store did not answer: a takeover makes many requests, and one that fails must not end it.
import { RETRY_FIRST_MS, RETRY_MAX_MS } from "../limits.ts";
import { type ObjectStore, ObjectStoreError } from "../object-store/index.ts";
import type { Runtime } from "../runtime/index.ts";
import { pause } from "./waiting.ts";

/** What reading a log and its manifest takes. */
export type StoreReads = Pick<ObjectStore, "get" | "getRange" | "list">;

/** The same reads, each tried again with growing pauses for about a second. Errors: the last one's, at once when trying again cannot help. */
export function retriedReads(store: StoreReads, runtime: Runtime): StoreReads {
  return {
    get: (key) => retried(runtime, () => store.get(key)),
    getRange: (key, offset, length) => retried(runtime, () => store.getRange(key, offset, length)),
    list: (prefix, after) => retried(runtime, () => store.list(prefix, after)),
  };
}

async function retried<T>(runtime: Runtime, read: () => Promise<T>): Promise<T> {
  for (let retryMs = RETRY_FIRST_MS; ; retryMs *= 2) {
    try {
      return await read();
    } catch (error) {
      if (!(error instanceof ObjectStoreError) || error.kind !== "unavailable" || retryMs > RETRY_MAX_MS) throw error;
    }
    await pause(runtime, retryMs);
  }
}

/** An object's bytes; undefined where there is none. Errors: ObjectStoreError of another kind. */
export async function getIfThere(store: Pick<StoreReads, "get">, key: string): Promise<Uint8Array | undefined> {
  try {
    return await store.get(key);
  } catch (error) {
    if (error instanceof ObjectStoreError && error.kind === "absent") return undefined;
    throw error;
  }
}

/** All keys with a prefix, in order, up to `below` and behind `from` if these are given. */
export async function listAll(
  store: Pick<StoreReads, "list">,
  prefix: string,
  below?: string,
  from?: string,
): Promise<string[]> {
  const all: string[] = [];
  for (let after = from; ; after = all.at(-1)) {
    const page = await store.list(prefix, after);
    for (const key of page) {
      if (below !== undefined && key >= below) return all;
      all.push(key);
    }
    if (page.length === 0) return all;
  }
}

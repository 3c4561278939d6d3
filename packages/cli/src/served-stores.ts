// The stores that a server works on, each with what stands between it and the engine: traces, counts, a second get for a slow one, a cache on a local
// disk. Changes nothing about what is asked but that.
import { isSegmentKey } from "@tailrace/engine";
import {
  CachedStore,
  CountingStore,
  DiskCache,
  HedgedStore,
  type ObjectStore,
  StoreOpenError,
} from "@tailrace/engine/object-store";
import { systemRuntime } from "@tailrace/engine/runtime";
import type { StoreMeter } from "@tailrace/server";
import { ExitCode, ExitError } from "./exit-codes.ts";
import { openStoresOrExit } from "./open-stores.ts";
import type { ServeOptions } from "./options.ts";
import type { OpenTelemetry } from "./tracing/open-telemetry.ts";
import { TracedStore } from "./tracing/traced-store.ts";

export interface ServedStores {
  readonly store: ObjectStore;
  readonly logStore: ObjectStore | undefined;
  /** Of both. */
  readonly meter: StoreMeter;
  /** Those whose requests are spans. */
  readonly traced: readonly TracedStore[];
}

type StoreOptions = Pick<ServeOptions, "store" | "walStore" | "s3Sse" | "cacheDir" | "cacheSize">;

/** Errors: ExitError (usage, store). */
export async function servedStores(options: StoreOptions, telemetry: OpenTelemetry | undefined): Promise<ServedStores> {
  const isRemote = options.store.startsWith("s3://");
  if (options.cacheDir !== undefined && !isRemote)
    throw new ExitError(ExitCode.usage, "--cache-dir is for what is fetched from an s3:// store");
  const cache = options.cacheDir === undefined ? undefined : openCache(options.cacheDir, options.cacheSize);
  try {
    const opened = await openStoresOrExit(options.store, options.walStore, { s3Sse: options.s3Sse });
    const traced: TracedStore[] = [];
    const tracedIfAsked = (store: ObjectStore) => {
      if (telemetry === undefined) return store;
      traced.push(new TracedStore(store, telemetry));
      return traced[traced.length - 1];
    };
    const { clock } = systemRuntime;
    const counting = new CountingStore(tracedIfAsked(opened.store), { clock });
    const hedged = isRemote ? new HedgedStore(counting, systemRuntime) : undefined;
    const reading = hedged ?? counting;
    return {
      store: cache === undefined ? reading : new CachedStore(reading, { cache, isImmutable: isSegmentKey }),
      logStore:
        opened.logStore === undefined
          ? undefined
          : new CountingStore(tracedIfAsked(opened.logStore), { clock, countsWith: counting }),
      meter: {
        counts: counting.counts,
        hedges: hedged?.counts,
        diskCache: cache,
        set onPut(onPut: StoreMeter["onPut"]) {
          counting.onPut = onPut;
        },
      },
      traced,
    };
  } catch (error) {
    await cache?.close();
    throw error;
  }
}

function openCache(directory: string, maxBytes: number): DiskCache {
  try {
    return DiskCache.open(directory, maxBytes);
  } catch (error) {
    throw error instanceof StoreOpenError ? new ExitError(ExitCode.store, error.message) : error;
  }
}

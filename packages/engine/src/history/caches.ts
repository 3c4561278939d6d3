// What of a shard's records, and of its streams, is kept in memory, by one figure.
import { CACHE_AGE_MS, MIN_MANY_STREAMS, STREAM_BYTES, STREAMS_SHARE } from "../limits.ts";
import type { Runtime } from "../runtime/index.ts";
import { CacheBudget } from "./cache-budget.ts";
import { ChunkCache } from "./chunk-cache.ts";
import { RunCache } from "./run-cache.ts";

export interface Caches {
  readonly budget: CacheBudget;
  readonly chunks: ChunkCache;
  readonly runs: RunCache;
}

export function cachesOf(runtime: Runtime, cacheBytes: number): Caches {
  const budget = new CacheBudget(cacheBytes);
  const chunks = new ChunkCache(runtime, budget, CACHE_AGE_MS);
  const runs = new RunCache(runtime, budget, CACHE_AGE_MS);
  budget.bind(chunks, runs);
  return { budget, chunks, runs };
}

/** Streams in memory beyond which they leave it as soon as they can. */
export function manyStreams(cacheBytes: number): number {
  return Math.max(MIN_MANY_STREAMS, Math.floor((cacheBytes * STREAMS_SHARE) / STREAM_BYTES));
}

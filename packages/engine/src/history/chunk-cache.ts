// The newest durable chunks, kept in memory as they were written: what tails and recent history are served from.
// Bounded in bytes by the budget it shares, and in age; empty it holds no timer.
import type { Runtime, TimerHandle } from "../runtime/index.ts";
import type { Chunk } from "../shard/chunk.ts";
import type { BoundedCache, CacheBudget } from "./cache-budget.ts";

interface Cached {
  readonly chunk: Chunk;
  readonly expiresMs: number;
}

export class ChunkCache implements BoundedCache {
  readonly #runtime: Runtime;
  readonly #budget: CacheBudget;
  readonly #maxAgeMs: number;
  /** In the order of places, which is the order of age. */
  readonly #chunks = new Map<number, Cached>();
  #bytes = 0;
  #timer: TimerHandle | undefined;

  constructor(runtime: Runtime, budget: CacheBudget, maxAgeMs: number) {
    this.#runtime = runtime;
    this.#budget = budget;
    this.#maxAgeMs = maxAgeMs;
  }

  get bytes(): number {
    return this.#bytes;
  }

  add(chunk: Chunk): void {
    this.#chunks.set(chunk.place, { chunk, expiresMs: this.#runtime.clock.monotonicMs() + this.#maxAgeMs });
    this.#bytes += chunk.contentBytes;
    this.#budget.enforce();
    this.#arm();
  }

  dropOldest(): void {
    for (const [place, cached] of this.#chunks) {
      this.#drop(place, cached);
      return;
    }
  }

  get(place: number): Chunk | undefined {
    return this.#chunks.get(place)?.chunk;
  }

  clear(): void {
    this.#chunks.clear();
    this.#bytes = 0;
    if (this.#timer !== undefined) this.#runtime.timers.clear(this.#timer);
    this.#timer = undefined;
  }

  #drop(place: number, cached: Cached): void {
    this.#chunks.delete(place);
    this.#bytes -= cached.chunk.contentBytes;
  }

  #arm(): void {
    if (this.#timer !== undefined) return;
    const [oldest] = this.#chunks.values();
    if (oldest === undefined) return;
    const delayMs = Math.max(1, oldest.expiresMs - this.#runtime.clock.monotonicMs());
    this.#timer = this.#runtime.timers.set(delayMs, () => {
      this.#timer = undefined;
      const nowMs = this.#runtime.clock.monotonicMs();
      for (const [place, cached] of this.#chunks) {
        if (cached.expiresMs > nowMs) break;
        this.#drop(place, cached);
      }
      this.#arm();
    });
  }
}

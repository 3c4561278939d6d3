// The newest durable chunks, kept in memory as they were written: what tails and recent history are served from.
// Bounded in bytes and in age; empty it holds no timer.
import type { Runtime, TimerHandle } from "../runtime/index.ts";
import type { Chunk } from "../shard/chunk.ts";

interface Cached {
  readonly chunk: Chunk;
  readonly expiresMs: number;
}

export class ChunkCache {
  readonly #runtime: Runtime;
  readonly #maxBytes: number;
  readonly #maxAgeMs: number;
  /** In the order of places, which is the order of age. */
  readonly #chunks = new Map<number, Cached>();
  #bytes = 0;
  #timer: TimerHandle | undefined;

  constructor(runtime: Runtime, maxBytes: number, maxAgeMs: number) {
    this.#runtime = runtime;
    this.#maxBytes = maxBytes;
    this.#maxAgeMs = maxAgeMs;
  }

  get bytes(): number {
    return this.#bytes;
  }

  add(chunk: Chunk): void {
    this.#chunks.set(chunk.place, { chunk, expiresMs: this.#runtime.clock.monotonicMs() + this.#maxAgeMs });
    this.#bytes += chunk.contentBytes;
    for (const [place, cached] of this.#chunks) {
      if (this.#bytes <= this.#maxBytes) break;
      this.#drop(place, cached);
    }
    this.#arm();
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

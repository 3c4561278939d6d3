// Runs of history that were fetched from the store, least recently used out first, and gone a while after the last use.
import type { Runtime, TimerHandle } from "../runtime/index.ts";
import type { EntryBytes } from "./entry-bytes.ts";

interface CachedRun {
  readonly source: EntryBytes;
  readonly bytes: number;
}

export class RunCache {
  readonly #runtime: Runtime;
  readonly #maxBytes: number;
  readonly #maxAgeMs: number;
  readonly #runs = new Map<string, CachedRun>();
  #bytes = 0;
  #usedMs = 0;
  #timer: TimerHandle | undefined;

  constructor(runtime: Runtime, maxBytes: number, maxAgeMs: number) {
    this.#runtime = runtime;
    this.#maxBytes = maxBytes;
    this.#maxAgeMs = maxAgeMs;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get(key: string): EntryBytes | undefined {
    const run = this.#runs.get(key);
    if (run === undefined) return undefined;
    this.#runs.delete(key);
    this.#runs.set(key, run);
    this.#usedMs = this.#runtime.clock.monotonicMs();
    return run.source;
  }

  has(key: string): boolean {
    return this.#runs.has(key);
  }

  set(key: string, source: EntryBytes, bytes: number): void {
    this.#delete(key);
    this.#runs.set(key, { source, bytes });
    this.#bytes += bytes;
    for (const oldest of this.#runs.keys()) {
      if (this.#bytes <= this.#maxBytes) break;
      this.#delete(oldest);
    }
    this.#usedMs = this.#runtime.clock.monotonicMs();
    this.#arm(this.#maxAgeMs);
  }

  clear(): void {
    this.#runs.clear();
    this.#bytes = 0;
    if (this.#timer !== undefined) this.#runtime.timers.clear(this.#timer);
    this.#timer = undefined;
  }

  #delete(key: string): void {
    const run = this.#runs.get(key);
    if (run === undefined) return;
    this.#runs.delete(key);
    this.#bytes -= run.bytes;
  }

  /** All of it goes once nobody has used any of it for a while: nothing is held at idle. */
  #arm(delayMs: number): void {
    this.#timer ??= this.#runtime.timers.set(delayMs, () => {
      this.#timer = undefined;
      const idleMs = this.#runtime.clock.monotonicMs() - this.#usedMs;
      if (idleMs >= this.#maxAgeMs) this.clear();
      else this.#arm(this.#maxAgeMs - idleMs);
    });
  }
}

// Runs of history that were fetched from the store, least recently used out first, and gone a while after the last use.
// Bounded in bytes by the budget it shares.
import type { Runtime, TimerHandle } from "../runtime/index.ts";
import type { BoundedCache, CacheBudget } from "./cache-budget.ts";
import type { EntryBytes } from "./entry-bytes.ts";

/** The runs that one get has brought share its bytes, and go together. */
interface Fetch {
  readonly source: EntryBytes;
  /** All that it holds in memory, what lies between its runs included. */
  readonly bytes: number;
  readonly keys: readonly string[];
}

export class RunCache implements BoundedCache {
  readonly #runtime: Runtime;
  readonly #budget: CacheBudget;
  readonly #maxAgeMs: number;
  /** By run. */
  readonly #runs = new Map<string, Fetch>();
  /** In the order of last use. */
  readonly #fetches = new Set<Fetch>();
  #bytes = 0;
  #usedMs = 0;
  #timer: TimerHandle | undefined;
  #closed = false;

  constructor(runtime: Runtime, budget: CacheBudget, maxAgeMs: number) {
    this.#runtime = runtime;
    this.#budget = budget;
    this.#maxAgeMs = maxAgeMs;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get(key: string): EntryBytes | undefined {
    const fetch = this.#runs.get(key);
    if (fetch === undefined) return undefined;
    this.#fetches.delete(fetch);
    this.#fetches.add(fetch);
    this.#usedMs = this.#runtime.clock.monotonicMs();
    return fetch.source;
  }

  has(key: string): boolean {
    return this.#runs.has(key);
  }

  /** `keys` are the runs in `source`, which holds `bytes` in memory. */
  set(keys: readonly string[], source: EntryBytes, bytes: number): void {
    if (this.#closed) return;
    const fetch: Fetch = { source, bytes, keys };
    for (const key of keys) this.#runs.set(key, fetch);
    this.#fetches.add(fetch);
    this.#bytes += bytes;
    this.#budget.enforce();
    this.#usedMs = this.#runtime.clock.monotonicMs();
    this.#arm(this.#maxAgeMs);
  }

  dropOldest(): void {
    for (const oldest of this.#fetches) {
      this.#drop(oldest);
      return;
    }
  }

  clear(): void {
    this.#runs.clear();
    this.#fetches.clear();
    this.#bytes = 0;
    if (this.#timer !== undefined) this.#runtime.timers.clear(this.#timer);
    this.#timer = undefined;
  }

  /** Keeps nothing from now on: what was still being fetched, neither. */
  close(): void {
    this.#closed = true;
    this.clear();
  }

  #drop(fetch: Fetch): void {
    this.#fetches.delete(fetch);
    this.#bytes -= fetch.bytes;
    for (const key of fetch.keys) if (this.#runs.get(key) === fetch) this.#runs.delete(key);
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

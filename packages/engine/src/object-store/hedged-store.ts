// Another store whose slow ranged gets are asked for a second time: the first answer counts. One request in many takes far longer than the others on a
// store of many machines, and another one seldom does too. Never asks for more than a small share of requests twice, however slow the store is.
import type { Milliseconds, Runtime } from "../runtime/runtime.ts";
import { ForwardingStore } from "./forwarding-store.ts";
import type { ObjectStore } from "./object-store.ts";

/** Of requests that may be made twice. */
const HEDGED_SHARE = 0.05;
/** How many may be, one right after the other, when there were none for long. */
const MAX_SAVED_HEDGES = 4;
/** A request is slow when it takes longer than this share of the last ones. */
const SLOW_QUANTILE = 0.95;
const SAMPLES = 128;
/** Fewer say nothing yet. */
const MIN_SAMPLES = 32;
/** Below this nothing is gained. */
const MIN_WAIT_MS: Milliseconds = 10;

export interface HedgeCounts {
  /** Gets that were asked for a second time. */
  hedged: number;
  /** Of these, those of which the second answer came first. */
  won: number;
}

export class HedgedStore extends ForwardingStore {
  readonly counts: HedgeCounts = { hedged: 0, won: 0 };
  readonly #runtime: Runtime;
  /** How long the last ones took, the oldest to be replaced next. */
  readonly #tookMs: number[] = [];
  #next = 0;
  #savedHedges = 0;

  constructor(store: ObjectStore, runtime: Runtime) {
    super(store);
    this.#runtime = runtime;
  }

  override getRange(key: string, offset: number, length: number): Promise<Uint8Array> {
    this.#savedHedges = Math.min(MAX_SAVED_HEDGES, this.#savedHedges + HEDGED_SHARE);
    const first = this.#timed(key, offset, length);
    const waitMs = this.#slowAfterMs();
    if (waitMs === undefined) return first;
    return new Promise((resolve, reject) => {
      let underWay = 1;
      const settle = (bytes: Uint8Array) => {
        timers.clear(timer);
        resolve(bytes);
      };
      // As long as the other one may still succeed, a failure is none.
      const fail = (error: unknown) => {
        underWay -= 1;
        if (underWay > 0) return;
        timers.clear(timer);
        reject(error);
      };
      const { timers } = this.#runtime;
      const timer = timers.set(waitMs, () => {
        if (this.#savedHedges < 1) return;
        this.#savedHedges -= 1;
        this.counts.hedged += 1;
        underWay += 1;
        let isOver = false;
        first.then(
          () => {
            isOver = true;
          },
          () => undefined,
        );
        this.#timed(key, offset, length).then((bytes) => {
          if (!isOver) this.counts.won += 1;
          settle(bytes);
        }, fail);
      });
      first.then(settle, fail);
    });
  }

  async #timed(key: string, offset: number, length: number): Promise<Uint8Array> {
    const { clock } = this.#runtime;
    const startMs = clock.monotonicMs();
    const bytes = await this.store.getRange(key, offset, length);
    this.#tookMs[this.#next] = clock.monotonicMs() - startMs;
    this.#next = (this.#next + 1) % SAMPLES;
    return bytes;
  }

  /** Undefined while too little is known. */
  #slowAfterMs(): Milliseconds | undefined {
    if (this.#tookMs.length < MIN_SAMPLES) return undefined;
    const sorted = this.#tookMs.toSorted((a, b) => a - b);
    return Math.max(MIN_WAIT_MS, sorted[Math.floor(SLOW_QUANTILE * sorted.length)]);
  }
}

// When the next checkpoint is due: so many records or bytes after the last one, which is the log's own count and the same in
// every replica, and then a moment of chance, so that one replica is first and the others see it.
import { CHECKPOINT_SPREAD_MS } from "./limits.ts";
import type { ReplicaRuntime, Timer } from "./runtime.ts";

export interface Interval {
  readonly everyRecords: number;
  readonly everyBytes: number;
}

export class Due {
  readonly #runtime: ReplicaRuntime;
  readonly #interval: Interval;
  readonly #fire: () => void;
  #records = 0;
  #bytes = 0;
  #timer: Timer | undefined;
  #ended = false;

  constructor(runtime: ReplicaRuntime, interval: Interval, fire: () => void) {
    this.#runtime = runtime;
    this.#interval = interval;
    this.#fire = fire;
  }

  /** A record was applied. */
  count(bytes: number): void {
    this.#records += 1;
    this.#bytes += bytes;
    const { everyRecords, everyBytes } = this.#interval;
    const isDue = this.#records >= everyRecords || this.#bytes >= everyBytes;
    if (!isDue || this.#timer !== undefined || this.#ended) return;
    this.#timer = this.#runtime.setTimer(this.#runtime.fraction() * CHECKPOINT_SPREAD_MS, () => {
      this.#timer = undefined;
      this.#fire();
    });
  }

  /** A checkpoint was applied. */
  reset(): void {
    this.#records = 0;
    this.#bytes = 0;
    if (this.#timer !== undefined) this.#runtime.clearTimer(this.#timer);
    this.#timer = undefined;
  }

  end(): void {
    this.#ended = true;
    this.reset();
  }
}

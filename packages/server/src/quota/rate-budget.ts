// A budget that refills at a rate: what may be spent now, and how long until something may be again. Pure; the caller brings the time.
// It may be overdrawn by one spending, so that whatever is smaller than nothing's limit goes through some time.

/** As much as the rate gives in this time may be saved up. */
const BURST_MS = 1_000;

export class RateBudget {
  readonly #perMs: number;
  readonly #most: number;
  #left: number;
  #atMs: number;

  /** Begins full. `perSecond` is above 0. */
  constructor(perSecond: number, nowMs: number) {
    this.#perMs = perSecond / 1_000;
    this.#most = (perSecond * BURST_MS) / 1_000;
    this.#left = this.#most;
    this.#atMs = nowMs;
  }

  #refill(nowMs: number): void {
    this.#left = Math.min(this.#most, this.#left + Math.max(0, nowMs - this.#atMs) * this.#perMs);
    this.#atMs = nowMs;
  }

  /** Milliseconds until anything may be spent; 0 for now. */
  waitMs(nowMs: number): number {
    this.#refill(nowMs);
    return this.#left > 0 ? 0 : Math.ceil(-this.#left / this.#perMs) + 1;
  }

  spend(amount: number, nowMs: number): void {
    this.#refill(nowMs);
    this.#left -= amount;
  }

  /** Nothing was spent for so long that it is as good as new. */
  isFull(nowMs: number): boolean {
    this.#refill(nowMs);
    return this.#left >= this.#most;
  }
}

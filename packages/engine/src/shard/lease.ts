// The lease: an owner's proof, good for a moment, that nobody had taken over (docs/protocol.md).
// Measures only; earning is the log's work. Time is counted from before the proof was asked for, never from its answer.
import type { Clock } from "../runtime/index.ts";

/** Both clocks at one instant. */
export interface Instant {
  readonly monotonicMs: number;
  readonly wallMs: number;
}

export function instant(clock: Clock): Instant {
  return { monotonicMs: clock.monotonicMs(), wallMs: clock.wallMs() };
}

export class Lease {
  readonly #clock: Clock;
  readonly #leaseMs: number;
  /** Held for as long as the process lives: nobody else can take over before. */
  readonly #forLife: boolean;
  #earned: Instant | undefined;
  /** Given away for good: a proof that was asked for before may still come in. */
  #dropped = false;

  /** `exclusive`: the store is held by a lock that the kernel drops when this process dies, and not before. */
  constructor(clock: Clock, leaseMs: number, exclusive: boolean) {
    this.#clock = clock;
    this.#leaseMs = leaseMs;
    this.#forLife = exclusive;
  }

  /** Counts from `from`, the start of the first attempt of what proved ownership. Never shortens a lease. */
  earn(from: Instant): void {
    if (this.#earned === undefined || from.monotonicMs >= this.#earned.monotonicMs) this.#earned = from;
  }

  /** Elapsed time is the larger of both clocks' readings: a suspended machine's monotonic clock may have stood still. */
  get held(): boolean {
    if (this.#dropped) return false;
    if (this.#forLife) return true;
    if (this.#earned === undefined) return false;
    const monotonicMs = this.#clock.monotonicMs() - this.#earned.monotonicMs;
    const wallMs = this.#clock.wallMs() - this.#earned.wallMs;
    return Math.max(monotonicMs, wallMs) < this.#leaseMs;
  }

  /** Gives the right to answer away, for good (before a release). */
  drop(): void {
    this.#dropped = true;
  }
}

// How the clocks of a process go wrong without anybody's doing: each runs a little too fast or too slow. A wall clock that is off is led back
// slowly, as by NTP, and goes wrong the other way; it never goes backwards by itself. (For clocks that jump: `nemesis.ts`.)
import type { Chance } from "./chance.ts";

/** A clock runs this much too fast or too slow at most; the lease's margin is made for more. */
const MAX_DRIFT = 0.02;
/** A wall clock is off by this at most, unless it has jumped. */
export const MAX_WALL_ERROR_MS = 200;

export class Drift {
  /** What the monotonic clock takes a second for. */
  readonly monotonicRate: number;
  readonly #wallPeriodMs: number;
  readonly #phase: number;

  constructor(chance: Chance) {
    this.monotonicRate = 1 + MAX_DRIFT * (2 * chance.fraction() - 1);
    // From the one end to the other and back.
    this.#wallPeriodMs = (4 * MAX_WALL_ERROR_MS) / (MAX_DRIFT * (1 - chance.fraction()));
    this.#phase = chance.fraction();
  }

  /** What the wall clock shows too much, when so much time has passed in the world. */
  wallErrorMs(nowMs: number): number {
    const turn = (nowMs / this.#wallPeriodMs + this.#phase) % 1;
    return MAX_WALL_ERROR_MS * (turn < 0.5 ? 4 * turn - 1 : 3 - 4 * turn);
  }
}

// Processes that fall asleep and wake up, and clocks that are set: how a process comes to believe that no time has passed, or too much. Never both
// sets a clock back and suspends the machine that it is in, which is more than any lease can bear.
import type { Chance } from "./world/chance.ts";
import type { Lane } from "./world/scheduler.ts";
import type { SimProcess } from "./world/sim-process.ts";
import type { World } from "./world/world.ts";

/** How long processes sleep, about. */
const SLEEPS_MS = [100, 1_000, 1_700, 2_500, 10_000, 30_000, 150_000];
const JUMPS_MS = [-3_600_000, -2_000, -100, 100, 1_400, 3_600_000];

/** Which of its two ways of sleeping a process knows. */
export type Sleep =
  /** Its clocks go on, nothing else does: SIGSTOP, a machine that swaps. */
  | "frozen"
  /** Its monotonic clock stands still too: a virtual machine that is suspended. */
  | "suspended";

export class Sleepers {
  readonly #world: World;
  readonly #chance: Chance;
  readonly #lane: Lane;
  readonly #sleeping = new Map<SimProcess, { readonly sleep: Sleep; readonly sinceMs: number }>();
  /** Processes whose wall clock was set back. */
  readonly #setBack = new Set<SimProcess>();
  readonly #suspended = new Set<SimProcess>();

  /** `lane`: whose doing it is. */
  constructor(world: World, chance: Chance, lane: Lane) {
    this.#world = world;
    this.#chance = chance;
    this.#lane = lane;
  }

  /** The first that sleeps, and has done so for this long. */
  asleepFor(ms: number): SimProcess | undefined {
    const { nowMs } = this.#world.scheduler;
    for (const [process, { sinceMs }] of this.#sleeping) if (nowMs - sinceMs >= ms) return process;
    return undefined;
  }

  sleep(process: SimProcess, wanted: Sleep, forMs = this.#chance.pick(SLEEPS_MS)): void {
    const { scheduler } = this.#world;
    const sleep = this.#setBack.has(process) ? "frozen" : wanted;
    if (sleep === "suspended") this.#suspended.add(process);
    scheduler.freeze(process.lane);
    scheduler.note(this.#lane, `${process.name} is ${sleep}`);
    const asleep = { sleep, sinceMs: scheduler.nowMs };
    this.#sleeping.set(process, asleep);
    scheduler.after(forMs * (0.5 + this.#chance.fraction()), this.#lane, `${process.name} wakes up`, () => {
      // It may have been woken before its time, and sleep again.
      if (this.#sleeping.get(process) === asleep) this.#wake(process);
    });
  }

  wakeAll(): void {
    for (const process of [...this.#sleeping.keys()]) this.#wake(process);
  }

  #wake(process: SimProcess): void {
    const asleep = this.#sleeping.get(process);
    if (asleep === undefined) return;
    this.#sleeping.delete(process);
    if (process.over) return;
    const { scheduler } = this.#world;
    const sleptMs = scheduler.nowMs - asleep.sinceMs;
    if (asleep.sleep === "suspended") process.runtime.suspended(sleptMs);
    scheduler.thaw(process.lane, asleep.sleep === "suspended" ? sleptMs : 0);
  }

  /** Sets a process's wall clock. */
  jump(process: SimProcess): void {
    const byMs = this.#chance.pick(JUMPS_MS);
    if (byMs < 0) {
      if (this.#suspended.has(process)) return;
      this.#setBack.add(process);
    }
    process.runtime.wallOffsetMs += byMs;
    this.#world.clocksJumped = true;
    this.#world.scheduler.note(this.#lane, `the wall clock of ${process.name} jumps by ${byMs} ms`);
  }
}

// One seed, from its start to its verdict: sets the stage, lets the nemesis and the actors loose, heals, looks at what is left.
// Everything that happens follows from the seed and the limits.
import type { BranchCounts } from "@tailrace/engine/runtime";
import { silence, watchBounds } from "./bounds.ts";
import { checkAgeing } from "./check/ageing.ts";
import type { History, Standing } from "./check/history.ts";
import { Recorder } from "./check/recorder.ts";
import { Client } from "./clients/client.ts";
import { Epilogue } from "./epilogue.ts";
import { isDamage, judgeFailures, stackOf } from "./failures.ts";
import { Nemesis } from "./nemesis.ts";
import { drawScenario, type Scenario, settingsOf } from "./scenario.ts";
import { markedRecords, standing } from "./standing.ts";
import { judgeStore, watchStore } from "./store-check.ts";
import { judgeStreamQuota } from "./stream-quota.ts";
import { Budget } from "./workload/budget.ts";
import { Cast } from "./workload/cast.ts";
import { Chance } from "./world/chance.ts";
import { MAX_WALL_ERROR_MS } from "./world/drift.ts";
import { Trace } from "./world/trace.ts";
import { World } from "./world/world.ts";

export interface Limits {
  /** Operations that actors may ask for. */
  readonly operations: number;
  /** Faults that the nemesis may cause. */
  readonly faults: number;
}

export const NO_LIMITS: Limits = { operations: 600, faults: Number.POSITIVE_INFINITY };

export interface RunResult {
  readonly seed: number;
  readonly scenario: string;
  /** Whether an object rotted, and whether a process stopped at it in the end. */
  readonly rot: "none" | "found" | "of no account";
  /** In words; empty when all is well. */
  readonly violations: readonly string[];
  readonly history: History;
  /** Streams whose records vanish by age, for the checker. */
  readonly expiring: ReadonlySet<string>;
  /** Where things of unknown outcome stand, for the checker. */
  readonly standing: Standing;
  readonly branches: BranchCounts;
  readonly digest: string;
  /** Empty unless it was kept. */
  readonly trace: string;
  readonly simulatedMs: number;
  /** How much of that passed before everything fell silent. */
  readonly busyMs: number;
  readonly steps: number;
  readonly used: Limits;
}

/** So much slower than later do things go wrong in the beginning. */
const EARLY_SLOWNESS = 4;
/** Basins and streams are there by then, whatever goes wrong. */
const FOUNDING_MS = 600_000;
/** How long the workload goes on after everything is healed. */
const HEALTHY_MS = 5_000;
/** Within this after that, everything that was begun is over. */
const LIVENESS_MS = 90_000;

export interface RunOptions {
  readonly limits?: Limits;
  readonly keepTrace?: boolean;
}

export async function run(seed: number, options: RunOptions = {}): Promise<RunResult> {
  const simulation = new Simulation(seed, options);
  await simulation.play();
  return simulation.result();
}

class Simulation {
  readonly #seed: number;
  readonly #chance: Chance;
  readonly #trace: Trace;
  readonly #world: World;
  readonly #recorder: Recorder;
  readonly #budget: Budget;
  readonly #nemesis: Nemesis;
  readonly #scenario: Scenario;
  readonly #cast: Cast;
  readonly #unhandled = (error: unknown) => this.#world.violation(`an unhandled rejection: ${stackOf(error)}`);
  #stopping = false;
  #rotFound = false;
  #silentFromMs: number | undefined;
  /** It has come to its end: nobody writes any more. */
  #isOver = false;

  constructor(seed: number, { limits = NO_LIMITS, keepTrace = false }: RunOptions) {
    this.#seed = seed;
    const chance = new Chance(seed);
    this.#chance = chance;
    this.#trace = new Trace(keepTrace);
    const scenario = drawScenario(chance.fork());
    this.#scenario = scenario;
    this.#world = new World(chance.word(), this.#trace, scenario.sites, scenario.exclusive, settingsOf(scenario));
    const { scheduler } = this.#world;
    this.#recorder = new Recorder(() => scheduler.nowMs);
    this.#budget = new Budget(limits.operations, limits.faults);
    this.#nemesis = new Nemesis(this.#world, chance.fork(), this.#budget, scenario);
    this.#cast = new Cast(scenario);
  }

  async play(): Promise<void> {
    process.on("unhandledRejection", this.#unhandled);
    try {
      await this.#play();
      judgeFailures(this.#world);
      judgeStreamQuota(this.#world, this.#scenario.quotas.streamsPerBasin);
      if (this.#isOver) await judgeStore(this.#world);
    } catch (error) {
      this.#world.violation(stackOf(error));
    } finally {
      process.off("unhandledRejection", this.#unhandled);
    }
  }

  async #play(): Promise<void> {
    const { scheduler } = this.#world;
    const chance = this.#chance;
    watchBounds(
      this.#world,
      () => this.#cast.actors.length,
      () => !this.#stopping,
    );
    watchStore(this.#world);
    this.#nemesis.supervise();
    const { early, faultPaceMs } = this.#scenario;
    // Where things go wrong from the first moment on, they do so slowly enough for a start.
    if (early) this.#nemesis.begin(EARLY_SLOWNESS * faultPaceMs);
    if (!(await this.#finishes(this.#cast.found(this.#client("founder")), FOUNDING_MS, "setting the stage"))) return;
    if (!early) this.#nemesis.begin(faultPaceMs);
    if (this.#scenario.rots) this.#nemesis.rotSomething();
    const running = this.#cast.begin(
      (name) => this.#client(name),
      this.#budget,
      () => this.#stopping,
    );
    await scheduler.run(() => false, scheduler.nowMs + chance.between(...this.#scenario.lastsMs));
    this.#nemesis.heal();
    await scheduler.run(() => false, scheduler.nowMs + HEALTHY_MS);
    this.#stopping = true;
    if (!(await this.#finishes(running, LIVENESS_MS, () => this.#cast.doings))) return;
    if (this.#world.rots.length > 0 && (await this.#rotIsFound())) {
      this.#isOver = true;
      return;
    }
    const epilogue = new Epilogue({
      world: this.#world,
      subjects: this.#cast.subjects,
      client: (name) => this.#client(name),
      streamsAreBounded: this.#scenario.quotas.streamsPerBasin !== undefined,
      over: () => this.#damageHasStoppedIt(),
    });
    // What rotted may be found at any time.
    const sound = this.#world.rots.length === 0;
    if (sound && !(await this.#finishes(epilogue.followers(), LIVENESS_MS, "followers"))) return;
    if (sound && this.#scenario.lastsThroughRestart) {
      if (!(await this.#finishes(epilogue.deletions(), LIVENESS_MS, "the last deletions"))) return;
      this.#nemesis.startAfresh();
    }
    if (!(await this.#finishes(epilogue.witness(), LIVENESS_MS, "the witness"))) return;
    if (this.#damageHasStoppedIt()) {
      this.#rotFound = true;
      this.#isOver = true;
      return;
    }
    if (sound && !(await this.#finishes(this.#cast.lastWords(), LIVENESS_MS, "the gatekeepers"))) return;
    if (sound && !(await this.#finishes(epilogue.ageing(), LIVENESS_MS, "what ages to vanish"))) return;
    this.#nemesis.rest();
    this.#silentFromMs = this.#world.scheduler.nowMs;
    await silence(this.#world);
    this.#isOver = true;
  }

  /** Whether a process that starts afresh stops at what rotted. Where it goes on, it was something that counts no more, or that only a read looks at. */
  async #rotIsFound(): Promise<boolean> {
    this.#nemesis.rest();
    const last = this.#nemesis.startAfresh();
    if (last === undefined) throw new Error("no process could be started");
    const settled = last.engine.started.then(
      () => false,
      () => true,
    );
    if (!(await this.#finishes(settled, LIVENESS_MS, "a process to start or to fail"))) return true;
    this.#rotFound = await settled;
    if (this.#rotFound && !isDamage(last.failure))
      this.#world.violation(`something rotted, and ${last.name} failed for another reason: ${String(last.failure)}`);
    return this.#rotFound;
  }

  /** Whether the last process has stopped because it read what rotted. */
  #damageHasStoppedIt(): boolean {
    const last = this.#world.processes.at(-1);
    return this.#world.rots.length > 0 && last !== undefined && last.over && isDamage(last.failure);
  }

  /** Lets time pass until `work` is done; false, and a violation, when it is not in time. */
  async #finishes(work: Promise<unknown>, withinMs: number, what: string | (() => string)): Promise<boolean> {
    let done = false;
    const mark = () => {
      done = true;
    };
    work.then(mark, mark);
    const { scheduler } = this.#world;
    if (!(await scheduler.run(() => done, scheduler.nowMs + withinMs))) {
      this.#world.violation(`still waiting after ${withinMs} ms: ${typeof what === "string" ? what : what()}`);
      return false;
    }
    await work;
    return true;
  }

  #client(name: string): Client {
    return new Client(name, this.#world, this.#chance.fork(), this.#recorder);
  }

  result(): RunResult {
    const history = this.#recorder.history();
    const ageing = this.#cast.ageingStreams;
    return {
      seed: this.#seed,
      scenario: this.#scenario.name,
      rot: this.#world.rots.length === 0 ? "none" : this.#rotFound ? "found" : "of no account",
      violations: [...this.#world.violations, ...checkAgeing(history, ageing, 2 * MAX_WALL_ERROR_MS)],
      history,
      expiring: new Set(ageing.map(({ stream }) => stream)),
      standing: standing(history, this.#world.bucket.logged, markedRecords(this.#world.sealings)),
      branches: this.#world.branches,
      digest: this.#trace.digest,
      trace: this.#trace.text,
      simulatedMs: this.#world.scheduler.nowMs,
      busyMs: this.#silentFromMs ?? this.#world.scheduler.nowMs,
      steps: this.#world.scheduler.steps,
      used: { operations: this.#budget.operationsUsed, faults: this.#budget.faultsUsed },
    };
  }
}

// One seed, from its start to its verdict: sets the stage, lets the nemesis and the actors loose, heals, looks at what is left.
// Everything that happens follows from the seed and the limits.
import { CorruptObjectError, DeploymentError, type DeposedBy, DeposedError } from "@tailrace/engine";
import type { BranchCounts } from "@tailrace/engine/runtime";
import { type AgeingStream, checkAgeing } from "./check/ageing.ts";
import type { History, Standing } from "./check/history.ts";
import { Recorder } from "./check/recorder.ts";
import { Client } from "./clients/client.ts";
import { ensureBasin, ensureStream, keyOf } from "./clients/operations.ts";
import { Epilogue } from "./epilogue.ts";
import { Nemesis } from "./nemesis.ts";
import { drawScenario, type Scenario } from "./scenario.ts";
import { standing } from "./standing.ts";
import type { Actor, Stage } from "./workload/actor.ts";
import { Admin, SCRATCH_BASIN } from "./workload/admin.ts";
import { Budget } from "./workload/budget.ts";
import { Doubter } from "./workload/doubters.ts";
import { Flood } from "./workload/flood.ts";
import { Gatekeeper } from "./workload/gatekeeper.ts";
import { Keeper } from "./workload/keeper.ts";
import { Reader, Tailer } from "./workload/readers.ts";
import { type Ageing, Subject } from "./workload/subject.ts";
import { SessionWriter, Writer } from "./workload/writers.ts";
import { Chance } from "./world/chance.ts";
import { MAX_WALL_ERROR_MS } from "./world/drift.ts";
import { Lane } from "./world/scheduler.ts";
import { Trace } from "./world/trace.ts";
import { World } from "./world/world.ts";

const BASIN = "simulated-basin";
const CREATING_BASIN = "creating-basin";
const SEALED_BASIN = "sealed-basin";
/** 32 bytes in base64. */
const KEY = Buffer.alloc(32, "simulated").toString("base64");

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

/** Those who use what ages are silent for long enough, now and then. */
const AGEING_PACES_MS = [300, 1_500, 5_000];
/** So much slower than later do things go wrong in the beginning. */
const EARLY_SLOWNESS = 4;
/** Basins and streams are there by then, whatever goes wrong. */
const FOUNDING_MS = 600_000;
/** How long the workload goes on after everything is healed. */
const HEALTHY_MS = 5_000;
/** Within this after that, everything that was begun is over. */
const LIVENESS_MS = 90_000;
/** Caches are let go of a minute after their last use; late requests of the past arrive within another. */
const SETTLING_MS = 200_000;
/** For this long nothing may happen in the end. */
const SILENT_MS = 60_000;
/** Requests that an owner has under way at most for itself, for all readers ahead of what they want, and for what each of them wants. */
const WRITER_REQUESTS = 16;
const READ_AHEAD_REQUESTS = 32;
/** Of a flush, which gets or puts, and of deletes behind it. */
const FLUSH_REQUESTS = 8 + 8;
/** A segment of which so much is dead, and at least half, is rewritten; a merge takes so many. */
const DEAD_BYTES = 500;
const MERGE_INPUTS = 6;
/** A merge asks for one thing at a time. */
const MERGE_REQUESTS = 1;
/** An idle process waits for one thing: what expires next, days ahead. */
const MAX_IDLE_TIMERS = 1;
/** Bounds are looked at this often. */
const INSPECTION_MS = 500;

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
  /** All of them; the one that floods go to is not for others, and those that age have actors of their own. */
  readonly #subjects: readonly Subject[];
  readonly #flooded: Subject;
  readonly #ageing: readonly Subject[];
  readonly #actors: Actor[] = [];
  readonly #unhandled = (error: unknown) => this.#world.violation(`an unhandled rejection: ${stackOf(error)}`);
  #stopping = false;
  #rotFound = false;
  #silentFromMs: number | undefined;

  constructor(seed: number, { limits = NO_LIMITS, keepTrace = false }: RunOptions) {
    this.#seed = seed;
    const chance = new Chance(seed);
    this.#chance = chance;
    this.#trace = new Trace(keepTrace);
    const scenario = drawScenario(chance.fork());
    this.#scenario = scenario;
    this.#world = new World(chance.word(), this.#trace, scenario.sites, scenario.exclusive, {
      flushLimits: { bytes: 1_000 * scenario.flushChunks, chunks: scenario.flushChunks, streams: 100 },
      compactionLimits: {
        fanIn: scenario.mergeFanIn,
        mergedBytes: scenario.mergedBytes,
        deadBytes: DEAD_BYTES,
        inputs: MERGE_INPUTS,
      },
      cacheBytes: scenario.cacheBytes,
      quotas: { perBasin: { appendsPerSecond: scenario.appendsPerSecond }, perToken: {} },
    });
    const { scheduler } = this.#world;
    this.#recorder = new Recorder(() => scheduler.nowMs);
    this.#budget = new Budget(limits.operations, limits.faults);
    this.#nemesis = new Nemesis(this.#world, chance.fork(), this.#budget, scenario);
    const stream = (basin: string, name: string, mortal: boolean, ageing?: Ageing) =>
      new Subject({
        basin,
        name,
        mortal,
        createdOnAppend: basin === CREATING_BASIN,
        createdOnRead: basin === CREATING_BASIN,
        encryptionKey: basin === SEALED_BASIN ? KEY : undefined,
        ageing,
      });
    const { streams } = scenario;
    this.#flooded = stream(BASIN, "flooded", false);
    const { ageing } = streams;
    this.#ageing =
      ageing === undefined
        ? []
        : [
            stream(BASIN, "ageing", false, { ...ageing, deleteOnEmptySecs: 0 }),
            stream(BASIN, "ageing/away", false, ageing),
          ];
    this.#subjects = [
      stream(BASIN, "lasting", false),
      ...(streams.second ? [stream(BASIN, "lasting/2", false)] : []),
      ...(streams.mortal ? [stream(BASIN, "mortal", true)] : []),
      ...(streams.createdOnUse ? [stream(CREATING_BASIN, "created on use", true)] : []),
      ...(streams.scratch ? [stream(SCRATCH_BASIN, "scratch", true)] : []),
      ...(streams.sealed ? [stream(SEALED_BASIN, "sealed", true)] : []),
      ...(scenario.actors.floods > 0 ? [this.#flooded] : []),
      ...this.#ageing,
    ];
  }

  async play(): Promise<void> {
    process.on("unhandledRejection", this.#unhandled);
    try {
      await this.#play();
    } catch (error) {
      this.#world.violation(stackOf(error));
    } finally {
      process.off("unhandledRejection", this.#unhandled);
    }
  }

  async #play(): Promise<void> {
    const { scheduler } = this.#world;
    const chance = this.#chance;
    this.#inspect();
    this.#nemesis.supervise();
    const { early, faultPaceMs } = this.#scenario;
    // Where things go wrong from the first moment on, they do so slowly enough for a start.
    if (early) this.#nemesis.begin(EARLY_SLOWNESS * faultPaceMs);
    if (!(await this.#finishes(this.#setTheStage(), FOUNDING_MS, "setting the stage"))) return;
    if (!early) this.#nemesis.begin(faultPaceMs);
    if (this.#scenario.rots) this.#nemesis.rotSomething();
    const running = this.#begin();
    await scheduler.run(() => false, scheduler.nowMs + chance.between(...this.#scenario.lastsMs));
    this.#nemesis.heal();
    await scheduler.run(() => false, scheduler.nowMs + HEALTHY_MS);
    this.#stopping = true;
    if (
      !(await this.#finishes(running, LIVENESS_MS, () =>
        this.#actors.map((a) => `${a.client.name} is ${a.doing}`).join(", "),
      ))
    )
      return;
    if (this.#world.rots.length > 0 && (await this.#rotIsFound())) {
      this.#judgeProcesses();
      return;
    }
    const epilogue = new Epilogue({
      world: this.#world,
      subjects: this.#subjects,
      client: (name) => this.#client(name),
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
      this.#judgeProcesses();
      return;
    }
    const gatekeepers = this.#actors.filter((actor) => actor instanceof Gatekeeper);
    const lastWords = Promise.all(gatekeepers.map((gatekeeper) => gatekeeper.lastWord()));
    if (sound && !(await this.#finishes(lastWords, LIVENESS_MS, "the gatekeepers"))) return;
    if (sound && !(await this.#finishes(epilogue.ageing(), LIVENESS_MS, "what ages to vanish"))) return;
    this.#nemesis.rest();
    await this.#silence();
    this.#judgeProcesses();
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

  async #setTheStage(): Promise<void> {
    const client = this.#client("founder");
    const patiently = async (attempt: () => Promise<boolean>) => {
      while (!(await attempt())) {
        client.lookElsewhere();
        await client.pause(client.chance.delayMs(200));
      }
    };
    await patiently(() => ensureBasin(client, BASIN, {}));
    const creating = { create_stream_on_append: true, create_stream_on_read: true };
    await patiently(() => ensureBasin(client, SCRATCH_BASIN, {}));
    await patiently(() => ensureBasin(client, CREATING_BASIN, creating));
    await patiently(() => ensureBasin(client, SEALED_BASIN, { stream_cipher: "aes-256-gcm" }));
    for (const subject of this.#subjects) {
      if (!subject.createdOnAppend)
        await patiently(async () => (await ensureStream(client, subject, subject.config)).kind === "provisioned");
    }
  }

  #begin(): Promise<unknown> {
    const stage: Stage = {
      subjects: this.#subjects.filter((subject) => subject !== this.#flooded && subject.ageing === undefined),
      budget: this.#budget,
      pacesMs: this.#scenario.actorPacesMs,
      adminPacesMs: this.#scenario.adminPacesMs,
      commandRate: this.#scenario.commandRate,
      stopping: () => this.#stopping,
    };
    const add = (kind: string, count: number, make: (client: Client) => Actor) => {
      for (let i = 1; i <= count; i += 1) this.#actors.push(make(this.#client(`${kind}${i}`)));
    };
    const { writers, sessions, readers, tailers, admins, floods, doubters, gatekeepers } = this.#scenario.actors;
    add("writer", writers, (client) => new Writer(client, stage));
    add("session", sessions, (client) => new SessionWriter(client, stage));
    add("reader", readers, (client) => new Reader(client, stage));
    add("tailer", tailers, (client) => new Tailer(client, stage));
    add("admin", admins, (client) => new Admin(client, stage));
    add("doubter", doubters, (client) => new Doubter(client, stage));
    add("gatekeeper", gatekeepers, (client) => new Gatekeeper(client, stage));
    add("flood", floods, (client) => new Flood(client, stage, this.#flooded));
    if (this.#ageing.length > 0) {
      const ageing: Stage = { ...stage, subjects: this.#ageing, pacesMs: AGEING_PACES_MS };
      add("ageing writer", 1, (client) => new Writer(client, ageing));
      add("ageing reader", 2, (client) => new Reader(client, ageing));
      add("ageing tailer", 1, (client) => new Tailer(client, ageing));
      add("keeper", 1, (client) => new Keeper(client, ageing));
    }
    return Promise.all(this.#actors.map((actor) => actor.run()));
  }

  /** At rest nothing happens, nothing is asked of the store, and nothing is kept. */
  async #silence(): Promise<void> {
    const { scheduler, bucket, sites } = this.#world;
    this.#silentFromMs = scheduler.nowMs;
    await scheduler.run(() => false, scheduler.nowMs + SETTLING_MS);
    const { requests } = bucket;
    const { steps } = scheduler;
    await scheduler.run(() => false, scheduler.nowMs + SILENT_MS);
    if (bucket.requests !== requests)
      this.#world.violation(`${bucket.requests - requests} requests to the store in a silent minute`);
    if (scheduler.steps !== steps)
      this.#world.violation(`${scheduler.steps - steps} events happened in a silent minute`);
    for (const { process } of sites) {
      if (process === undefined || process.over) continue;
      const { pendingTimers } = process.runtime;
      if (pendingTimers > MAX_IDLE_TIMERS)
        this.#world.violation(`${process.name} has ${pendingTimers} timers in a silent minute`);
      if (process.active > 0)
        this.#world.violation(`${process.name} has ${process.active} requests in a silent minute`);
      const { inFlightAppendBytes, waitingAppendBytes, cachedBytes, activeReaders } = process.engine.stats();
      for (const [what, value] of Object.entries({
        inFlightAppendBytes,
        waitingAppendBytes,
        cachedBytes,
        activeReaders,
      }))
        if (value !== 0) this.#world.violation(`${process.name} has ${value} ${what} in a silent minute`);
    }
  }

  /** Queues and memory stay within their bounds, all the time. */
  #inspect(): void {
    const { scheduler, sites } = this.#world;
    for (const { process } of sites) {
      if (process === undefined || process.over) continue;
      const stats = process.engine.stats();
      const bounds: readonly (readonly [string, number, number])[] = [
        ["bytes in flight", stats.inFlightAppendBytes, 129 * 1024 * 1024],
        ["waiting bytes", stats.waitingAppendBytes, 129 * 1024 * 1024],
        ["cached bytes", stats.cachedBytes, 330 * 1024 * 1024],
        ["timers", process.runtime.pendingTimers, 400],
        [
          "requests to the store",
          process.store.underWay,
          WRITER_REQUESTS + READ_AHEAD_REQUESTS + FLUSH_REQUESTS + MERGE_REQUESTS + this.#actors.length + 1,
        ],
      ];
      for (const [what, value, bound] of bounds)
        if (value > bound) this.#world.violation(`${process.name} has ${value} ${what}, over ${bound}`);
    }
    if (this.#stopping) return;
    scheduler.after(INSPECTION_MS, inspector, "inspects", () => this.#inspect());
  }

  #authorOf({ found }: DeposedBy): Lane | undefined {
    return found.kind === "place" ? this.#world.watch.authorOf(found.number) : undefined;
  }

  #judgeProcesses(): void {
    for (const { name, lane, failure } of this.#world.processes) {
      if (failure instanceof DeposedError && this.#authorOf(failure.by) === lane)
        this.#world.violation(`${name} took its own object for another's: ${failure.message}`);
      if (failure === undefined || failure instanceof DeposedError) continue;
      if (failure.name === "ObjectStoreError" || failure.name === "EngineError") continue;
      if (isDamage(failure)) {
        // A deployment that is not even readable has an error of its own.
        const key = failure instanceof CorruptObjectError ? failure.key : "deployment.json";
        if (!this.#world.rots.some((rot) => rot.key === key))
          this.#world.violation(`${name} found ${key} corrupt, which had not rotted: ${failure.message}`);
      } else this.#world.violation(`${name} failed: ${stackOf(failure)}`);
    }
  }

  /** For the checks. */
  #ageingStreams(): readonly AgeingStream[] {
    return this.#ageing.map((subject) => {
      const { ageSecs = 0, deleteOnEmptySecs = 0 } = subject.ageing ?? {};
      return {
        stream: keyOf(subject),
        ageMs: 1000 * ageSecs,
        deletesItselfAfterMs: deleteOnEmptySecs === 0 ? undefined : 1000 * deleteOnEmptySecs,
      };
    });
  }

  result(): RunResult {
    const history = this.#recorder.history();
    const ageing = this.#ageingStreams();
    return {
      seed: this.#seed,
      scenario: this.#scenario.name,
      rot: this.#world.rots.length === 0 ? "none" : this.#rotFound ? "found" : "of no account",
      violations: [...this.#world.violations, ...checkAgeing(history, ageing, 2 * MAX_WALL_ERROR_MS)],
      history,
      expiring: new Set(ageing.map(({ stream }) => stream)),
      standing: standing(history, this.#world.bucket, this.#world.sealings),
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

function isDamage(error: Error | undefined): boolean {
  return error instanceof CorruptObjectError || error instanceof DeploymentError;
}

const inspector = new Lane("inspector");

function stackOf(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}

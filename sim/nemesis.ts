// What goes wrong, and when: processes crash, freeze, are suspended and come back, others take over meanwhile; the store's weather
// turns; connections break; clocks jump. Heals everything at the end. Never touches a process but as the world could.

import { Operator } from "./operator.ts";
import type { Scenario } from "./scenario.ts";
import { Sleepers } from "./sleepers.ts";
import type { Budget } from "./workload/budget.ts";
import type { Chance } from "./world/chance.ts";
import { Lane } from "./world/scheduler.ts";
import type { SimProcess } from "./world/sim-process.ts";
import { WEATHERS, type Weather } from "./world/weather.ts";
import type { Site, World } from "./world/world.ts";

/** How often somebody looks whether a process runs at all. */
const SUPERVISION_MS = 400;
/** A frozen process is given up by its supervisor after this, mostly, and another one is started elsewhere. */
const GIVEN_UP_MS = 8_000;

/** When something rots, after the beginning. */
const ROTS_BETWEEN_MS = [2_000, 12_000] as const;

/** What can be wrong with one process's way to the store, while all others are well. */
const WAYS: readonly Weather[] = [
  WEATHERS.away,
  WEATHERS.ambiguous,
  WEATHERS.ambiguous,
  WEATHERS.stalling,
  WEATHERS.hiccups,
  WEATHERS.late,
  WEATHERS.crawling,
  WEATHERS.flaky,
];
const CUT_OFF_FOR_MS = [1_000, 3_000, 8_000];
/** What may ail an owner that is about to be overtaken. */
const AILMENTS = ["none", "none", "cut off", "cut off", "cut off", "freeze", "suspend", "clock"] as const;
/** A flush, or a marker, is waited for this long, and looked for this often. */
const AWAITED_MS = 10_000;
const AWAIT_POLL_MS = 10;
/** What befalls an owner while it flushes and another takes over, and within what time of the flush's first put. */
const FLUSH_AILMENTS = [
  "none",
  "crash",
  "stall",
  "stall and crash",
  "cut short",
  "cut short",
  "log away",
  "sleep",
  "sleep",
  "sleep and stall",
  "race",
  "race",
  "race",
] as const;
const WITHIN_FLUSH_MS = 400;
/** So that others have taken over, flushed, and perhaps collected when it wakes. */
const FLUSH_SLEEPS_MS = [1_500, 8_000, 20_000, 100_000];
const FLUSH_STALLS: readonly Weather[] = [
  WEATHERS.flushStalling,
  WEATHERS.flushStalling,
  WEATHERS.flushAmbiguous,
  WEATHERS.flushAway,
  WEATHERS.logStalling,
  WEATHERS.logLate,
];
/** So long both go slowly where a flush and a takeover race: the manifest shall come to stand between a fence and its taker's next look. */
const RACE_MS = 20_000;
/** A taker may answer this long after its fence; its clock jumps before, or never. */
const WITHIN_WAIT_MS = 1_700;
/** Whoever follows a release does not sit still for longer than this; one that waits for a lease does. */
const SUCCESSION_MS = 1_000;
const SUCCESSION_POLL_MS = 20;

export class Nemesis {
  readonly lane = new Lane("nemesis");
  readonly #world: World;
  readonly #chance: Chance;
  readonly #budget: Budget;
  readonly #scenario: Scenario;
  readonly #operator: Operator;
  readonly #sleepers: Sleepers;
  #healed = false;
  #resting = false;
  /** What it did so far. */
  #deeds = 0;

  constructor(world: World, chance: Chance, budget: Budget, scenario: Scenario) {
    this.#world = world;
    this.#chance = chance;
    this.#budget = budget;
    this.#scenario = scenario;
    this.#sleepers = new Sleepers(world, chance, this.lane);
    this.#operator = new Operator(world, chance.fork(), () => {
      this.#deeds += 1;
    });
  }

  /** From here on things go wrong, about this often. */
  begin(paceMs: number): void {
    this.#next(paceMs);
  }

  /** Some time soon, an object rots. */
  rotSomething(): void {
    const { scheduler } = this.#world;
    scheduler.after(this.#chance.between(...ROTS_BETWEEN_MS), this.lane, "something rots", () => {
      if (this.#budget.takeFault()) this.#world.rot();
    });
  }

  #next(paceMs: number): void {
    this.#world.scheduler.after(this.#chance.delayMs(paceMs), this.lane, "acts", () => {
      if (this.#healed) return;
      if (this.#budget.takeFault()) this.#act();
      this.#next(paceMs);
    });
  }

  /** From here on somebody sees to it that a process runs; the first starts at once. */
  supervise(): void {
    const { scheduler, sites } = this.#world;
    const alive = sites.filter(({ process }) => process !== undefined && !process.over);
    const awake = alive.filter(({ process }) => process?.lane.state === "running");
    if (alive.length === 0) this.#startSomewhere();
    else if (awake.length === 0) this.#replaceSleepers();
    if (this.#resting) return;
    scheduler.after(this.#chance.delayMs(SUPERVISION_MS), this.lane, "looks around", () => this.supervise());
  }

  /** Nobody who is awake serves, and for too long: another process starts elsewhere. Where a sleeper holds the lock, it must die first. */
  #replaceSleepers(): void {
    const process = this.#sleepers.asleepFor(GIVEN_UP_MS);
    if (process === undefined) return;
    if (this.#world.bucket.exclusive) process.crash();
    this.#startSomewhere();
  }

  #startSomewhere(): SimProcess | undefined {
    const free = this.#freeSites();
    return free.length === 0 ? undefined : this.#world.start(this.#chance.pick(free));
  }

  /** A process freezes in the middle of taking over, and another overtakes it. */
  #stumble(): void {
    const { scheduler } = this.#world;
    const process = this.#startSomewhere();
    if (process === undefined) return;
    const stumble = () => {
      if (process.over || process.lane.state !== "running" || this.#healed) return;
      this.#sleepers.sleep(process, "frozen");
      this.#startSomewhere();
    };
    // It may be about to look whether its marker is the newest.
    if (this.#chance.happens(0.4)) this.#await(process, ({ store }) => store.manifests > 0, stumble);
    else scheduler.after(this.#chance.between(5, 150), this.lane, `${process.name} stumbles`, stumble);
  }

  #freeSites(): Site[] {
    return this.#world.sites.filter(({ process }) => process === undefined || process.over);
  }

  #awake(): SimProcess[] {
    return this.#world.sites.flatMap(({ process }) =>
      process !== undefined && !process.over && process.lane.state === "running" ? [process] : [],
    );
  }

  #act(): void {
    this.#deeds += 1;
    const chance = this.#chance;
    const world = this.#world;
    const awake = this.#awake();
    const victim = awake.length === 0 ? undefined : chance.pick(awake);
    const { acts } = this.#scenario;
    if (acts.length === 0) return;
    switch (chance.pick(acts)) {
      case "weather":
        this.#weather();
        return;
      case "connections":
        world.connectionBreaks = chance.pick([0, 0.02, 0.1, 0.4]);
        return;
      case "crash":
        victim?.crash();
        return;
      case "stop":
        victim?.stop();
        return;
      case "freeze":
        if (victim !== undefined) this.#sleepers.sleep(victim, "frozen");
        return;
      case "suspend":
        if (victim !== undefined) this.#sleepers.sleep(victim, "suspended");
        return;
      case "start":
        this.#startSomewhere();
        return;
      case "start at once":
        // Everybody wants to take over.
        for (const each of awake) if (chance.happens(0.5)) each.crash();
        for (const _site of world.sites) this.#startSomewhere();
        return;
      case "stumble":
        this.#stumble();
        return;
      case "clock":
        if (victim !== undefined) this.#sleepers.jump(victim);
        return;
      case "cut off":
        if (victim !== undefined) this.#cutOff(victim);
        return;
      case "usurp":
        this.#usurp();
        return;
      case "hand over":
        this.#handOver();
        return;
      case "overtake a flush":
        this.#overtakeFlush();
        return;
      case "operate":
        this.#operator.act();
        return;
    }
  }

  /** The one that serves, as far as anybody knows. */
  #owner(): SimProcess | undefined {
    return this.#world.processes.findLast(({ state, lane }) => state === "serving" && lane.state === "running");
  }

  /** Another process starts beside the one that serves, which lives on, and may have troubles of its own. */
  #usurp(): void {
    const chance = this.#chance;
    const { scheduler } = this.#world;
    const owner = this.#owner();
    if (owner === undefined) return;
    const ailment = chance.pick(AILMENTS);
    if (ailment === "cut off") this.#cutOff(owner);
    scheduler.after(chance.between(0, 1_000), this.lane, `usurps the place of ${owner.name}`, () => {
      if (this.#healed) return;
      const taker = this.#startSomewhere();
      if (taker === undefined) return;
      scheduler.after(chance.between(0, WITHIN_WAIT_MS), this.lane, "goes on", () => {
        if (this.#healed) return;
        if (chance.happens(0.3)) this.#sleepers.jump(taker);
        if (owner.over || owner.lane.state !== "running") return;
        if (ailment === "freeze") this.#sleepers.sleep(owner, "frozen");
        if (ailment === "suspend") this.#sleepers.sleep(owner, "suspended");
        if (ailment === "clock") this.#sleepers.jump(owner);
      });
    });
  }

  /** The one that serves is overtaken while it flushes: as soon as it has begun, or before, while its log or its flushes may be slow already. */
  #overtakeFlush(): void {
    const owner = this.#owner();
    if (owner === undefined) return;
    const ailment = this.#chance.pick(FLUSH_AILMENTS);
    if (ailment === "cut short") {
      this.#cutShort(owner);
      return;
    }
    if (ailment.includes("stall")) this.#cutOff(owner, FLUSH_STALLS);
    else if (ailment === "race") this.#cutOff(owner, [WEATHERS.flushStalling], RACE_MS);
    if (this.#chance.happens(0.4)) this.#fallUpon(owner, ailment);
    else {
      const { flushes } = owner.store;
      this.#await(
        owner,
        ({ store }) => store.flushes > flushes,
        () => this.#fallUpon(owner, ailment),
      );
    }
  }

  /** It crashes right behind a manifest, with appends in flight that never arrive: another one is in their place. */
  #cutShort(owner: SimProcess): void {
    const { scheduler } = this.#world;
    const { manifests } = owner.store;
    this.#cutOff(owner, [WEATHERS.appendsStalling], RACE_MS);
    const crash = () => {
      if (this.#healed || owner.over) return;
      owner.crash();
      this.#startSomewhere();
    };
    this.#await(
      owner,
      ({ store }) => store.manifests > manifests,
      () => scheduler.after(this.#chance.between(5, 60), this.lane, `cuts ${owner.name} short`, crash),
    );
  }

  /** Acts as soon as `process` has come to do something; not at all when it takes too long. */
  #await(process: SimProcess, done: (process: SimProcess) => boolean, act: () => void, leftMs = AWAITED_MS): void {
    if (this.#healed || process.over || leftMs <= 0) return;
    if (done(process)) act();
    else
      this.#world.scheduler.after(AWAIT_POLL_MS, this.lane, `waits for ${process.name}`, () =>
        this.#await(process, done, act, leftMs - AWAIT_POLL_MS),
      );
  }

  /** Another process starts, and meanwhile or soon after something befalls the one that flushes. */
  #fallUpon(owner: SimProcess, ailment: (typeof FLUSH_AILMENTS)[number]): void {
    const chance = this.#chance;
    const { scheduler } = this.#world;
    const soon = (what: string, act: () => void) =>
      scheduler.after(chance.between(0, WITHIN_FLUSH_MS), this.lane, what, () => {
        if (!this.#healed) act();
      });
    soon(`overtakes a flush of ${owner.name}`, () => {
      const taker = this.#startSomewhere();
      if (taker !== undefined && ailment === "race") this.#cutOff(taker, [WEATHERS.logStalling], RACE_MS);
    });
    soon(`falls upon ${owner.name}`, () => {
      if (owner.over || owner.lane.state !== "running") return;
      if (ailment.endsWith("crash")) owner.crash();
      if (ailment === "log away") this.#cutOff(owner, [WEATHERS.logAway]);
      if (ailment.startsWith("sleep")) this.#sleepers.sleep(owner, "frozen", chance.pick(FLUSH_SLEEPS_MS));
    });
  }

  /** The one that serves stops in peace, and another one follows: soon, right behind what it writes last, or when it has ended. */
  #handOver(): void {
    const chance = this.#chance;
    const owner = this.#owner();
    if (owner === undefined) return;
    if (chance.happens(0.6)) this.#cutOff(owner, [WEATHERS.ambiguous]);
    owner.stop();
    const way = chance.between(1, 3);
    if (way === 1) this.#succeed(owner, this.#deeds);
    else if (way === 2) this.#followClosely(owner, this.#world.watch.filledBy(owner.lane));
    else
      this.#world.scheduler.after(chance.between(0, 1_000), this.lane, `hands over from ${owner.name}`, () => {
        if (!this.#healed) this.#startSomewhere();
      });
  }

  /** Starts a process once `owner` has written more than `filled` places: it may not know yet that it has. */
  #followClosely(owner: SimProcess, filled: number): void {
    if (this.#healed) return;
    if (owner.over || this.#world.watch.filledBy(owner.lane) > filled) this.#startSomewhere();
    else
      this.#world.scheduler.after(SUCCESSION_POLL_MS, this.lane, "waits for a last word", () =>
        this.#followClosely(owner, filled),
      );
  }

  /** Starts a process when `owner` has ended. Where nothing else happens meanwhile, a release spares it the wait for a lease. */
  #succeed(owner: SimProcess, deeds: number): void {
    const { scheduler, processes, sites } = this.#world;
    if (!owner.over) {
      scheduler.after(SUCCESSION_POLL_MS, this.lane, "waits for an end", () => this.#succeed(owner, deeds));
      return;
    }
    if (this.#healed) return;
    const alone = processes.every(({ over }) => over) && owner.released;
    const heir = this.#startSomewhere();
    if (heir === undefined || !alone) return;
    const startedMs = scheduler.nowMs;
    const started = processes.length;
    const undisturbed = () =>
      this.#deeds === deeds &&
      processes.length === started &&
      this.#world.weather === WEATHERS.calm &&
      this.#world.logWeather === WEATHERS.calm &&
      sites.every(({ weather }) => weather === undefined);
    const look = () => {
      if (heir.state !== "starting" || !undisturbed()) return;
      const { lastPutMs, lastRequestMs } = heir.store;
      // Its last word to the store before it serves is that it has taken over; what it reads then may take its time.
      if (lastPutMs > startedMs && scheduler.nowMs - lastRequestMs > SUCCESSION_MS)
        this.#world.violation(`${heir.name} follows the release of ${owner.name}, and waits all the same`);
      else scheduler.after(SUCCESSION_POLL_MS, this.lane, "waits for the heir", look);
    };
    look();
  }

  /** For a while something is wrong between one process and the store. */
  #cutOff(
    process: SimProcess,
    ways: readonly Weather[] = WAYS,
    forMs: number = this.#chance.pick(CUT_OFF_FOR_MS),
  ): void {
    const { scheduler, sites } = this.#world;
    const site = sites.find((each) => each.process === process);
    if (site === undefined) return;
    const weather = this.#chance.pick(ways);
    site.weather = weather;
    scheduler.note(this.lane, `weather between ${process.name} and the store: ${weather.name}`);
    scheduler.after(forMs, this.lane, `${site.name} reaches the store again`, () => {
      if (site.weather === weather) site.weather = undefined;
    });
  }

  #weather(): void {
    const { scheduler } = this.#world;
    const { weathers } = this.#scenario;
    if (weathers.length === 0) return;
    const weather = this.#chance.pick(weathers);
    const where = this.#scenario.logApart && this.#chance.happens(0.5) ? "logWeather" : "weather";
    this.#set(weather, where);
    scheduler.after(this.#chance.pick([500, 2_000, 6_000, 20_000]), this.lane, "the weather clears", () => {
      if (this.#world[where] === weather) this.#set(WEATHERS.calm, where);
    });
  }

  #set(weather: Weather, where: "weather" | "logWeather" = "weather"): void {
    this.#world[where] = weather;
    this.#world.scheduler.note(this.lane, `${where === "weather" ? "weather" : "weather at the log"}: ${weather.name}`);
  }

  /** From here on nothing goes wrong any more, and somebody serves. */
  heal(): void {
    this.#healed = true;
    this.#operator.stop();
    this.#world.connectionBreaks = 0;
    this.#set(WEATHERS.calm);
    this.#world.logWeather = WEATHERS.calm;
    for (const site of this.#world.sites) site.weather = undefined;
    this.#sleepers.wakeAll();
  }

  /** A last process after all others: what it makes of the bucket is what is in it. */
  startAfresh(): SimProcess | undefined {
    for (const { process } of this.#world.sites) process?.crash();
    return this.#startSomewhere();
  }

  /** Nobody looks after the processes any more, and what was still to happen to them does not. */
  rest(): void {
    this.#resting = true;
    this.#world.scheduler.kill(this.lane);
  }
}

// What kind of run a seed stands for: how many sites, which clients, which faults and how often. Drawn before anything happens, so that
// a change of the engine leaves a seed its kind. Most are a mixture; some are about one thing that a mixture seldom comes to.
import type { AppendQuotaOptions } from "@tailrace/server/api";
import type { Chance } from "./world/chance.ts";
import type { ProcessSettings } from "./world/sim-process.ts";
import { WEATHERS, type Weather } from "./world/weather.ts";

export const ACTS = [
  "weather",
  "connections",
  "crash",
  "stop",
  "freeze",
  "suspend",
  "start",
  "start at once",
  "stumble",
  "clock",
  "cut off",
  "usurp",
  "hand over",
  "overtake a flush",
  "operate",
] as const;
/** What the nemesis may do. */
export type Act = (typeof ACTS)[number];

export interface Scenario {
  readonly name: string;
  readonly sites: number;
  /** A disk under a lock, instead of a bucket that anyone may use. */
  readonly exclusive: boolean;
  /** The log has a store of its own, with weathers of its own; a lock is then on the log alone. */
  readonly logApart: boolean;
  /** Some object rots: then nothing may be served that is not right, and in the end the object must be named. */
  readonly rots: boolean;
  /** Each as often as it is named. */
  readonly acts: readonly Act[];
  readonly weathers: readonly Weather[];
  /** A fault comes about this often. */
  readonly faultPaceMs: number;
  /** How long things go wrong, at least and at most. */
  readonly lastsMs: readonly [number, number];
  /** The log is flushed into a segment after so many chunks. */
  readonly flushChunks: number;
  /** Nothing was written for so long: what is left of the log is flushed. */
  readonly restMs: number;
  /** So many segments become one, of so many bytes at most: what is larger than half of that is left alone. */
  readonly mergeFanIn: number;
  readonly mergedBytes: number;
  /** Memory for records. Where there is little, what was flushed is read from segments at once, and its chunks are collected soon. */
  readonly cacheBytes: number;
  /** A stream that nobody used for so long leaves memory, if it has been flushed. */
  readonly dormantMs: number;
  /** Beyond so many in memory, at once. */
  readonly manyStreams: number;
  readonly quotas: Quotas;
  /** Whether things go wrong before there is any stream. */
  readonly early: boolean;
  readonly actors: {
    readonly writers: number;
    readonly sessions: number;
    readonly readers: number;
    readonly tailers: number;
    readonly admins: number;
    readonly floods: number;
    readonly doubters: number;
    readonly gatekeepers: number;
    /** Who append with a token of their own. */
    readonly tenants: number;
  };
  /** An actor asks about this often: each has one of these paces. */
  readonly actorPacesMs: readonly number[];
  readonly adminPacesMs: readonly number[];
  /** How likely a batch has a fence among its records, and a trim. */
  readonly commandRate: number;
  readonly streams: {
    readonly second: boolean;
    readonly mortal: boolean;
    readonly createdOnUse: boolean;
    /** Encrypted. */
    readonly sealed: boolean;
    /** In a basin that is deleted and founded again. */
    readonly scratch: boolean;
    /** Seconds after which records vanish, and after which a stream that is empty does; undefined for no such streams. */
    readonly ageing: { readonly ageSecs: number; readonly deleteOnEmptySecs: number } | undefined;
  };
  /** In the end all processes crash, right after the last word, and what another one finds in the store is what counts. */
  readonly lastsThroughRestart: boolean;
}

/** An operator's limits; undefined for as much as anybody likes. */
export interface Quotas {
  /** What each process lets through in a second. */
  readonly perBasin: AppendQuotaOptions["perBasin"];
  readonly perToken: AppendQuotaOptions["perToken"];
  readonly streamsPerBasin: number | undefined;
}

const NO_QUOTAS: Quotas = { perBasin: {}, perToken: {}, streamsPerBasin: undefined };

const MUCH_CACHE_BYTES = 256 * 1024 * 1024;
/** Streams of a basin that every run begins with, at most (`workload/cast.ts`). */
const MOST_FOUNDED = 6;
/** Streams that a flush takes at most. */
const FLUSH_STREAMS = 100;
/** About so many bytes make a flush of as many chunks. */
const CHUNK_BYTES = 1_000;
/** A segment of which so much is dead, and at least half, is rewritten; a merge takes so many. */
const DEAD_BYTES = 500;
const MERGE_INPUTS = 6;

/** How processes are set up for it. */
export function settingsOf(scenario: Scenario): ProcessSettings {
  const { flushChunks, mergeFanIn, mergedBytes, restMs, cacheBytes, dormantMs, manyStreams, quotas } = scenario;
  return {
    flushLimits: { bytes: CHUNK_BYTES * flushChunks, chunks: flushChunks, streams: FLUSH_STREAMS },
    compactionLimits: { fanIn: mergeFanIn, mergedBytes, deadBytes: DEAD_BYTES, inputs: MERGE_INPUTS },
    restMs,
    cacheBytes,
    dormantMs,
    manyStreams,
    quotas,
    streamsPerBasin: quotas.streamsPerBasin,
    logApart: scenario.logApart,
  };
}

/** `chance` is the seed's first: what it draws here does not depend on anything that happens. */
export function drawScenario(chance: Chance): Scenario {
  // First of all: a seed's kind does not change when there is more to draw.
  const kind = chance.between(1, 20);
  const scenario = ofKind(kind, chance);
  // Of any kind, but where little is asked.
  const gatekeepers = chance.happens(scenario.name === "deposed" ? 0.6 : 0.25) && scenario.name !== "idlers" ? 1 : 0;
  const appendsPerSecond = chance.happens(0.1) ? chance.pick([2, 5, 20]) : undefined;
  const tenants = chance.happens(0.12) && scenario.name !== "idlers" ? chance.between(1, 2) : 0;
  const quota = quotas(chance, appendsPerSecond, scenario.actors.floods > 0);
  const drawn = {
    ...scenario,
    quotas: quota,
    // Last of all, so that seeds kept their kinds when it came.
    logApart: chance.between(1, 12) === 4,
    actors: { ...scenario.actors, gatekeepers, tenants },
  };
  const dormantMs = chance.pick(scenario.name === "flushing" ? [20, 100, 500, 2_000] : [100, 500, 3_000, 60_000]);
  const manyStreams = chance.pick([3, 1_000]);
  return { ...drawn, dormantMs, manyStreams, restMs: chance.pick([300, 1_500, 5_000, 90_000]) };
}

/** Any of them now and then. A flood would wait for hours until its bytes were allowed for. */
function quotas(chance: Chance, appendsPerSecond: number | undefined, isFlooded: boolean): Quotas {
  const basinBytes = chance.happens(0.1) && !isFlooded ? chance.pick([6_000, 20_000]) : undefined;
  const tokens = chance.pick([{ appendsPerSecond: chance.pick([1, 3]) }, { appendBytesPerSecond: 200 }]);
  return {
    perBasin: { appendsPerSecond, appendBytesPerSecond: basinBytes },
    perToken: tokens,
    streamsPerBasin: chance.happens(0.15) ? chance.between(MOST_FOUNDED, MOST_FOUNDED + 3) : undefined,
  };
}

function ofKind(kind: number, chance: Chance): Scenario {
  const mixed = mixture(chance);
  if (kind <= 4) return takers(chance, mixed);
  if (kind <= 6) return idlers(mixed);
  if (kind <= 7) return flood(mixed);
  if (kind <= 8) return { ...mixed, name: "rot", rots: true };
  if (kind <= 11) return deposed(chance, mixed);
  if (kind <= 13) return catalog(chance, mixed);
  if (kind <= 15) return ageing(chance, mixed);
  if (kind <= 17) return flushing(chance, mixed);
  if (kind <= 18) return merging(chance, mixed);
  return mixed;
}

/** Some faults often, others never. */
function mixture(chance: Chance): Scenario {
  return {
    name: "mixed",
    sites: chance.between(1, 3),
    exclusive: chance.happens(0.15),
    logApart: false,
    rots: false,
    acts: ACTS.flatMap((act) =>
      Array.from({ length: chance.pick([0, 1, 1, 3]) * (act === "weather" ? 2 : 1) }, () => act),
    ),
    weathers: Object.values(WEATHERS).filter((weather) => weather !== WEATHERS.calm && chance.happens(0.4)),
    faultPaceMs: chance.pick([1_000, 2_000, 6_000]),
    early: chance.happens(0.3),
    actors: {
      writers: chance.between(1, 4),
      sessions: chance.between(0, 2),
      readers: chance.between(1, 3),
      tailers: chance.between(0, 2),
      admins: chance.between(0, 1),
      floods: 0,
      doubters: 0,
      gatekeepers: 0,
      tenants: 0,
    },
    actorPacesMs: [30, 100, 300, 300, 1000],
    adminPacesMs: [1500],
    commandRate: 0.05,
    streams: {
      second: chance.happens(0.5),
      mortal: chance.happens(0.5),
      createdOnUse: chance.happens(0.4),
      sealed: chance.happens(0.2),
      scratch: chance.happens(0.2),
      ageing: undefined,
    },
    lastsThroughRestart: chance.happens(0.5),
    flushChunks: chance.pick([4, 12, 40, 1_000]),
    mergeFanIn: 4,
    mergedBytes: 12_000,
    cacheBytes: chance.pick([MUCH_CACHE_BYTES, MUCH_CACHE_BYTES, 20_000, 1_000]),
    lastsMs: [10_000, 60_000],
    dormantMs: 60_000,
    restMs: 90_000,
    manyStreams: 1_000,
    quotas: NO_QUOTAS,
  };
}

/** Nobody owns the shard for long, and the store does not say clearly who does. */
function takers(chance: Chance, mixed: Scenario): Scenario {
  return {
    ...mixed,
    name: "takers",
    sites: 4,
    exclusive: false,
    acts: [
      "start at once",
      "start at once",
      "start at once",
      "stumble",
      "stumble",
      "stop",
      "freeze",
      "weather",
      "weather",
    ],
    weathers: [WEATHERS.ambiguous, WEATHERS.stalling, chance.pick([WEATHERS.flaky, WEATHERS.late])],
    faultPaceMs: chance.pick([400, 1_000, 2_500]),
    early: false,
    actors: { ...mixed.actors, writers: 2, sessions: 0, readers: 1 },
  };
}

/** Little is asked, so that every answer needs a lease of its own, of a store that often does not give one. */
function idlers(mixed: Scenario): Scenario {
  return {
    ...mixed,
    name: "idlers",
    exclusive: false,
    acts: ["weather", "weather", "weather", "clock", "start", "freeze"],
    weathers: [WEATHERS.crawling, WEATHERS.crawling, WEATHERS.stalling, WEATHERS.away],
    faultPaceMs: 3_000,
    early: false,
    actors: {
      writers: 2,
      sessions: 0,
      readers: 3,
      tailers: 2,
      admins: 0,
      floods: 0,
      doubters: 0,
      gatekeepers: 0,
      tenants: 0,
    },
    actorPacesMs: [1_000, 2_500, 4_000],
  };
}

/** Whoever serves is overtaken, and asked all the same. Few write, for a write tells an owner that it is not one any more. */
function deposed(chance: Chance, mixed: Scenario): Scenario {
  return {
    ...mixed,
    name: "deposed",
    sites: 4,
    exclusive: false,
    acts: [
      "usurp",
      "usurp",
      "usurp",
      "hand over",
      "hand over",
      "hand over",
      chance.pick(["clock", "cut off", "stumble"]),
    ],
    faultPaceMs: chance.pick([3_000, 5_000]),
    early: false,
    actors: {
      writers: chance.between(0, 1),
      sessions: 0,
      readers: 2,
      tailers: chance.between(0, 1),
      admins: 0,
      floods: 0,
      doubters: 2,
      gatekeepers: 0,
      tenants: 0,
    },
    actorPacesMs: [150, 300, 600],
    streams: { ...mixed.streams, scratch: false, createdOnUse: false },
  };
}

/** Streams come and go, and whoever sees to it comes to its end in the middle of it. */
function catalog(chance: Chance, mixed: Scenario): Scenario {
  return {
    ...mixed,
    name: "catalog",
    // What is under way may be so for long, or be cut short.
    acts: chance.pick([
      ["weather"],
      ["weather", "weather", "crash"],
      ["crash", "crash", "stop", "hand over", "usurp", "weather"],
    ]),
    weathers: [WEATHERS.away, WEATHERS.full, WEATHERS.ambiguous, WEATHERS.stalling],
    faultPaceMs: chance.pick([4_000, 8_000]),
    early: false,
    actors: { ...mixed.actors, writers: 1, readers: 1, admins: 4 },
    adminPacesMs: [200, 500],
    streams: { ...mixed.streams, mortal: true },
  };
}

/** Records and streams vanish by age, by the owners' wall clocks: those are left alone. */
function ageing(chance: Chance, mixed: Scenario): Scenario {
  return {
    ...mixed,
    name: "ageing",
    acts: ["weather", "crash", "stop", "freeze", "suspend", "start", "cut off", "hand over"],
    faultPaceMs: chance.pick([3_000, 8_000, 20_000]),
    early: false,
    actors: { ...mixed.actors, writers: 1, sessions: 0, readers: 1, tailers: 0 },
    streams: {
      ...mixed.streams,
      ageing: chance.pick([
        { ageSecs: 2, deleteOnEmptySecs: 1 },
        { ageSecs: 2, deleteOnEmptySecs: 7 },
        { ageSecs: 4, deleteOnEmptySecs: 12 },
        { ageSecs: 12, deleteOnEmptySecs: 3 },
        { ageSecs: 25, deleteOnEmptySecs: 2 },
      ]),
    },
  };
}

/** The log is flushed all the time, segments are merged, and all is collected soon behind, by owners that sleep, stall, crash and are overtaken in the middle of it. */
function flushing(chance: Chance, mixed: Scenario): Scenario {
  return {
    ...mixed,
    name: "flushing",
    sites: 5,
    exclusive: false,
    acts: [
      ...Array.from({ length: 6 }, (): Act => "overtake a flush"),
      "operate",
      ...chance.pick<readonly Act[]>([["freeze"], ["usurp"], ["hand over"], ["crash"], ["weather", "weather"]]),
    ],
    weathers: [WEATHERS.flushStalling, WEATHERS.flushAmbiguous, WEATHERS.logStalling, WEATHERS.late],
    faultPaceMs: chance.pick([3_000, 8_000]),
    early: false,
    lastsMs: [30_000, 120_000],
    flushChunks: chance.pick([2, 4, 8]),
    mergeFanIn: chance.pick([2, 2, 3]),
    mergedBytes: chance.pick([4_000, 12_000, 40_000]),
    cacheBytes: chance.pick([1_000, 1_000, 20_000]),
    actors: {
      writers: chance.between(1, 3),
      sessions: chance.between(0, 1),
      readers: chance.between(1, 2),
      tailers: chance.between(1, 2),
      admins: chance.between(0, 1),
      floods: 0,
      doubters: chance.happens(0.3) ? 1 : 0,
      gatekeepers: 0,
      tenants: 0,
    },
    actorPacesMs: chance.pick([
      [60, 150, 400],
      [300, 1_000, 2_000],
    ]),
    commandRate: chance.pick([0.05, 0.3]),
    streams: { ...mixed.streams, second: false, scratch: false },
  };
}

/** Segments are merged and dropped under readers that are slow to get what they want, or under streams that come and go while flushes are slow. */
function merging(chance: Chance, mixed: Scenario): Scenario {
  const readsAreSlow = chance.happens(0.5);
  const actors = readsAreSlow
    ? { writers: 1, readers: 6, tailers: 0, admins: 2, doubters: 0 }
    : { writers: 0, readers: 1, tailers: 0, admins: 4, doubters: 0 };
  return {
    ...mixed,
    name: "merging",
    sites: 2,
    exclusive: false,
    acts: ["weather", "weather", "weather", "weather", "crash", "operate"],
    weathers: [readsAreSlow ? WEATHERS.readsStalling : WEATHERS.flushStalling],
    faultPaceMs: 6_000,
    early: false,
    lastsMs: [30_000, 90_000],
    flushChunks: 2,
    mergeFanIn: readsAreSlow ? 2 : 4,
    mergedBytes: 12_000,
    cacheBytes: 1_000,
    actors: { sessions: 0, floods: 0, gatekeepers: 0, tenants: 0, ...actors },
    // Merges and deletes wait for moments in which nothing is written.
    actorPacesMs: [500, 1_000],
    adminPacesMs: readsAreSlow ? [1_000] : [200, 500],
    commandRate: 0.05,
    streams: { ...mixed.streams, second: false, mortal: true, scratch: false },
  };
}

/** More is asked at once than a stream may have in flight. */
function flood(mixed: Scenario): Scenario {
  return {
    ...mixed,
    name: "flood",
    acts: ["weather", "weather", "weather", ...mixed.acts.slice(0, 3)],
    weathers: [WEATHERS.hiccups, WEATHERS.hiccups, ...mixed.weathers.slice(0, 1)],
    faultPaceMs: 2_000,
    actors: { ...mixed.actors, sessions: 0, tailers: 0, floods: 1 },
  };
}

// The bounds within which everything is explored. One world with all at once would be too large; each of these has all that one
// part of the protocol depends on. The small ones belong to `npm test`, the large ones to `npm run model -- --large`.
import type { Bounds } from "./model.ts";

const NOTHING: Bounds = {
  window: 2,
  leaseTicks: 1,
  chunks: [0, 0, 0],
  flushes: [0, 0, 0],
  third: false,
  restarts: 0,
  releases: false,
  clockFaults: 0,
  losses: 0,
  collectVersions: false,
  orphans: false,
  lock: false,
};

export const SMALL_WORLDS = {
  /** An owner with two chunks in flight, and a taker that may start over. */
  "two owners": { ...NOTHING, chunks: [2, 1, 0], restarts: 1 },
  "a narrow window": { ...NOTHING, window: 1, chunks: [2, 1, 0], restarts: 1 },
  /** Suspended machines, and wall clocks that are wrong; leases of two ticks. */
  clocks: { ...NOTHING, leaseTicks: 2, chunks: [2, 1, 0], clockFaults: 1, releases: true },
  /** Three, each of which may release. */
  releases: { ...NOTHING, third: true, chunks: [1, 1, 0], releases: true },
  /** Three, under the file store's lock. */
  "a lock": { ...NOTHING, third: true, chunks: [2, 1, 1], restarts: 1, lock: true },
  /** An owner and a taker that flush and collect. */
  "a flush": { ...NOTHING, chunks: [1, 1, 0], flushes: [1, 1, 0], restarts: 1, collectVersions: true },
  /** Where a fence in a collected place leads to what is still there of its first owner. */
  "a narrow flush": { ...NOTHING, window: 1, chunks: [2, 1, 0], flushes: [1, 0, 0], restarts: 1 },
  /** Segments added and rewritten, and manifest versions collected. */
  compaction: { ...NOTHING, chunks: [1, 1, 0], flushes: [3, 1, 0], collectVersions: true },
  /** A sleeping taker, one that overtakes it, and an owner that flushes and collects under both. */
  sleepers: { ...NOTHING, third: true, chunks: [1, 0, 0], flushes: [1, 0, 0] },
  orphans: { ...NOTHING, third: true, flushes: [0, 1, 0], collectVersions: true, orphans: true },
  "a lost object": { ...NOTHING, third: true, chunks: [1, 1, 0], losses: 1 },
} as const satisfies Readonly<Record<string, Bounds>>;

export type SmallWorld = keyof typeof SMALL_WORLDS;

export const LARGE_WORLDS = {
  "three owners": { ...NOTHING, third: true, chunks: [2, 1, 1] },
  "three that release": { ...NOTHING, third: true, chunks: [1, 1, 1], releases: true },
  "three wrong clocks": { ...NOTHING, third: true, chunks: [1, 1, 0], releases: true, clockFaults: 1 },
  "light sleepers": { ...NOTHING, third: true, chunks: [1, 0, 0], flushes: [1, 0, 0], restarts: 1 },
} as const satisfies Readonly<Record<string, Bounds>>;

// The seeds that every test run plays. Together they reach every rare branch of the engine.
import { drawScenario } from "./scenario.ts";
import { Chance } from "./world/chance.ts";

export interface FixedSeed {
  readonly seed: number;
  readonly why: string;
}

/** What a seed is about does not change with the engine (`scenario.ts`); what happens in it does. */
export const FIXED_SEEDS: readonly FixedSeed[] = [
  ...[2, 11, 14, 17, 21, 30, 31, 36].map((seed) => ({ seed, why: "a mixture" })),
  ...[5, 10, 19, 22, 29, 34, 57, 72, 75].map((seed) => ({ seed, why: "processes that take over from each other" })),
  ...[1, 3, 9, 24, 59, 74, 82, 136, 266, 371, 377].map((seed) => ({ seed, why: "a slow store, and leases" })),
  ...[67, 90, 99].map((seed) => ({ seed, why: "an object that rots" })),
  ...[100, 154].map((seed) => ({ seed, why: "a flood that waits for room" })),
];

/**
 * Where a change of the engine has made some branch rarer than that, these are played as well, in order, until all are reached; when
 * they are not, the run fails. When many are needed, choose the fixed seeds anew.
 */
export const RESERVE: readonly number[] = Array.from({ length: 600 }, (_, i) => 1000 + i).filter((seed) =>
  ["takers", "idlers", "flood"].includes(drawScenario(new Chance(seed).fork()).name),
);

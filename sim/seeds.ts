// The seeds that every test run plays. Together they reach every rare branch of the engine.

export interface FixedSeed {
  readonly seed: number;
  readonly why: string;
}

/** What a seed is about does not change with the engine (`scenario.ts`); what happens in it does. */
export const FIXED_SEEDS: readonly FixedSeed[] = [
  ...[17, 26, 35, 99, 113, 172].map((seed) => ({ seed, why: "a mixture" })),
  ...[1, 13, 45, 55, 88, 123, 161, 183].map((seed) => ({ seed, why: "processes that take over from each other" })),
  ...[3, 20, 89, 126, 149, 294, 299].map((seed) => ({ seed, why: "little asked of a slow store: leases" })),
  ...[136, 191].map((seed) => ({ seed, why: "a flood that waits for room" })),
];

/**
 * Where a change of the engine has made some branch rarer, these are played as well, in order, until all are reached: none of a
 * hundred and fifty may be needed for nothing. When many are played, choose the fixed seeds anew.
 */
export const RESERVE: readonly number[] = Array.from({ length: 150 }, (_, i) => 1000 + i);

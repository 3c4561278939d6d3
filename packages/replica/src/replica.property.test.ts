// Several replicas over a simulated log that loses replies, breaks connections and lets appends arrive late, crashing and coming
// back: whatever happens, each proposal counts once, states agree, and strong reads see everything acknowledged before them.
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { decodeRecord } from "./record/envelope.ts";
import { type Action, History } from "./testing/history.ts";

const REPLICAS = 3;
const replica = fc.integer({ min: 0, max: REPLICAS - 1 });

const action: fc.Arbitrary<Action> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant("propose" as const),
      replica,
      count: fc.integer({ min: 1, max: 12 }),
      spreadMs: fc.constantFrom(0, 30, 1000),
      refused: fc.boolean(),
    }),
  },
  {
    weight: 5,
    arbitrary: fc.record({
      do: fc.constant("read" as const),
      replica,
      count: fc.integer({ min: 1, max: 6 }),
      spreadMs: fc.constantFrom(0, 100, 1000),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("crash" as const), replica }) },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant("freeze" as const), replica, forMs: fc.integer({ min: 1, max: 5000 }) }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("outage" as const), forMs: fc.integer({ min: 1, max: 3000 }) }) },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant("weather" as const),
      delayMs: fc.integer({ min: 0, max: 100 }),
      loss: fc.constantFrom(0, 0.02, 0.1, 0.3),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant("pass" as const),
      ms: fc.oneof(fc.integer({ max: 20, min: 0 }), fc.integer({ min: 0, max: 1500 })),
    }),
  },
);

const seed = fc.integer();
/** Short ones are over before the network lets the log tell. */
const proposalTimeoutMs = fc.constantFrom(50, 1000, 20_000);
const actions = fc.array(action, { minLength: 5, maxLength: 40 });

test("each proposal counts once, in order, and strong reads see what was acknowledged", async () => {
  const reached = { applied: 0, refused: 0, unknown: 0, reads: 0, repeated: 0 };
  await fc.assert(
    fc.asyncProperty(seed, actions, proposalTimeoutMs, async (seed, actions, proposalTimeoutMs) => {
      const history = new History({ seed, replicas: REPLICAS, actions, options: { proposalTimeoutMs } });
      await history.play();
      reached.applied += history.acknowledged;
      reached.refused += history.outcomes("refused");
      reached.unknown += history.unknown;
      reached.reads += history.reads;
      reached.repeated += history.repeated;
    }),
    { numRuns: 150 },
  );
  // What nothing reached, nothing tested.
  for (const [what, count] of Object.entries(reached)) assert.ok(count > 0, `${what}: ${count}`);
});

test("the same with a log that remembers two proposers: who is forgotten begins anew, and nothing counts twice", async () => {
  let evicted = 0;
  await fc.assert(
    fc.asyncProperty(seed, actions, async (seed, actions) => {
      const history = new History({ seed, replicas: REPLICAS, maxSessions: 2, actions });
      await history.play();
      evicted += history.evicted;
    }),
    { numRuns: 100 },
  );
  assert.ok(evicted > 0);
});

test("the same with snapshots and trims: who fell behind restores, and nothing is lost", async () => {
  const reached = { snapshots: 0, trims: 0, restored: 0 };
  await fc.assert(
    fc.asyncProperty(seed, actions, async (seed, actions) => {
      const history = new History({ seed, replicas: REPLICAS, snapshotEvery: 15, actions });
      await history.play();
      reached.snapshots += history.snapshots.records.filter((record) => decodeRecord(record)?.kind === "whole").length;
      reached.trims += history.stream.first > 0 ? 1 : 0;
      reached.restored += history.restored;
    }),
    { numRuns: 150 },
  );
  for (const [what, count] of Object.entries(reached)) assert.ok(count > 0, `${what}: ${count}`);
});

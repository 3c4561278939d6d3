// The checker of histories sees what is planted.
import assert from "node:assert/strict";
import { test } from "node:test";
import { type Attempt, type StoredRecord, violations } from "./history.ts";

const attempts: Attempt[] = [
  { bodies: ["a1", "a2"], acknowledgedAt: 0 },
  { bodies: ["b1", "b2"], acknowledgedAt: undefined },
  { bodies: ["c1", "c2"], acknowledgedAt: 2 },
  { bodies: ["d1"], acknowledgedAt: undefined, refused: true },
];
const stored = (...bodies: string[]): StoredRecord[] => bodies.map((body, seqNum) => ({ seqNum, body }));

test("what can have come of it is no violation, with an unknown batch there or not", () => {
  assert.deepEqual(violations(attempts, stored("a1", "a2", "c1", "c2")), []);
  assert.deepEqual(violations(attempts, stored("a1", "a2", "c1", "c2", "b1", "b2")), []);
});

const planted: [string, StoredRecord[]][] = [
  ["a lost batch", stored("a1", "a2")],
  ["a doubled record", stored("a1", "a2", "c1", "c2", "c2")],
  ["reordered batches", stored("c1", "c2", "a1", "a2")],
  ["a torn unknown batch", stored("a1", "a2", "c1", "c2", "b1")],
  ["records of one batch apart", stored("a1", "a2", "c1", "c2", "b2", "b1")],
  ["a record that nobody wrote", stored("a1", "a2", "c1", "c2", "x")],
  ["a refused batch that is there", stored("a1", "a2", "c1", "c2", "d1")],
  ["an altered record", stored("a1", "a2", "c1", "C2")],
  ["a hole", [...stored("a1", "a2", "c1", "c2").slice(0, 3), { seqNum: 7, body: "c2" }]],
];
for (const [what, records] of planted) {
  test(`${what} is seen`, () => assert.notDeepEqual(violations(attempts, records), []));
}

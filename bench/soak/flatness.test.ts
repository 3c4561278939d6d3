// What is flat passes; what grows, jumps or is missing does not.
import assert from "node:assert/strict";
import { test } from "node:test";
import { percentile } from "../load/percentile.ts";
import { drifts } from "./flatness.ts";
import { gauge, type Sample } from "./sample.ts";

const steady = (i: number): Sample => ({
  atSecs: 10 * i,
  rssMiB: 200 + (i % 7),
  heapUsedMiB: 60 + (i % 5),
  openFds: 40 + (i % 3),
  ackP50Ms: 3,
  ackP99Ms: 20 + (i % 11),
  tailP50Ms: 4,
  tailP99Ms: 25,
  appends: 500,
  recordsRead: 500,
  errors: 0,
});
const run = (change: (i: number) => Partial<Sample> = () => ({})) =>
  drifts(Array.from({ length: 60 }, (_, i) => ({ ...steady(i), ...change(i) })));
const unsteady = (rows: ReturnType<typeof drifts>) => rows.filter((row) => !row.flat).map((row) => row.figure);

test("a steady run is flat, also when it warmed up", () => {
  assert.deepEqual(unsteady(run()), []);
  assert.deepEqual(unsteady(run((i) => (i < 6 ? { rssMiB: 90, ackP99Ms: 400 } : {}))), []);
});

test("a leak is seen, and a descriptor now and then, and answers that become slow", () => {
  assert.deepEqual(unsteady(run((i) => ({ rssMiB: 200 + 3 * i }))), ["rssMiB"]);
  assert.deepEqual(unsteady(run((i) => ({ openFds: 40 + Math.floor(i / 3) }))), ["openFds"]);
  assert.deepEqual(unsteady(run((i) => ({ ackP50Ms: i > 40 ? 30 : 3 }))), ["ackP50Ms"]);
});

test("what was not measured is not flat", () => {
  assert.equal(unsteady(drifts([])).length, 7);
  assert.deepEqual(unsteady(run((i) => (i > 50 ? { tailP99Ms: Number.NaN } : {}))), ["tailP99Ms"]);
});

test("a gauge that is missing is no zero", () => {
  assert.equal(gauge("# HELP a b\na 1.5e3\n", "a"), 1500);
  assert.throws(() => gauge("ab 1\n", "a"));
  assert.equal(percentile([3, 1, 2], 0.5), 2);
});

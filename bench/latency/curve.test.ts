// A curve says of every fraction how long that many took at most, over all rounds, and how far rounds lie apart.
import assert from "node:assert/strict";
import { test } from "node:test";
import { curveOf, Latencies } from "./curve.ts";

const taking = (...tookMs: number[]): Latencies => {
  const latencies = new Latencies();
  for (const ms of tookMs) latencies.add(ms);
  return latencies;
};

test("rounds are put together, and their medians kept apart", () => {
  const fast = taking(...Array.from({ length: 50 }, () => 2));
  const slow = taking(...Array.from({ length: 50 }, () => 400));
  const { count, rounds, p50Ms, curve } = curveOf("a load", "tailrace", [fast, slow]);
  assert.deepEqual([count, rounds], [100, 2]);
  const near = (actual: number | undefined, expected: number) =>
    assert.ok(Math.abs((actual ?? Number.NaN) / expected - 1) < 0.002, `${actual} is not near ${expected}`);
  near(p50Ms[0], 2);
  near(p50Ms[1], 400);
  const at = (fraction: number) => curve.find(([each]) => each === fraction)?.[1];
  near(at(0.5), 2);
  near(at(0.51), 400);
  near(at(1), 400);
});

test("what took no time at all is counted", () => {
  assert.equal(taking(0, 0.0001).count, 2);
});

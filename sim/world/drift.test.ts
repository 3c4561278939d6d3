// Clocks drift within their bounds, and do drift.
import assert from "node:assert/strict";
import { test } from "node:test";
import { Chance } from "./chance.ts";
import { Drift, MAX_WALL_ERROR_MS } from "./drift.ts";

test("wall clocks run fast and slow, are never off by more than the bound, and never go backwards", () => {
  let fast = 0;
  let slow = 0;
  for (let seed = 0; seed < 50; seed += 1) {
    const drift = new Drift(new Chance(seed));
    assert.ok(Math.abs(drift.monotonicRate - 1) <= 0.02);
    for (let nowMs = 0; nowMs < 200_000; nowMs += 500) {
      const error = drift.wallErrorMs(nowMs);
      const gained = drift.wallErrorMs(nowMs + 500) - error;
      assert.ok(Math.abs(error) <= MAX_WALL_ERROR_MS);
      assert.ok(Math.abs(gained) <= 0.02 * 500 + 1e-6, `${gained}`);
      if (gained > 1) fast += 1;
      if (gained < -1) slow += 1;
    }
  }
  assert.ok(fast > 1_000 && slow > 1_000, `${fast} and ${slow}`);
});

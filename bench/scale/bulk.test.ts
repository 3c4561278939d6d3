// The rate at the end is that of the last part, not the mean.
import assert from "node:assert/strict";
import { test } from "node:test";
import { rateBetween } from "./bulk.ts";

test("rates of the first and the last fifth", () => {
  const samples = Array.from({ length: 11 }, (_, i) => ({
    atSecs: i <= 5 ? i : 5 + 2 * (i - 5),
    appendedMiB: 100 * i,
    rssMiB: 1,
  }));
  assert.equal(rateBetween(samples, 0, 0.2), 100);
  assert.equal(rateBetween(samples, 0.8, 1), 50);
  assert.ok(Number.isNaN(rateBetween([], 0, 1)));
});

// A budget lets through what its rate gives, over any time that is long enough, and tells truly how long to wait.
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { RateBudget } from "./rate-budget.ts";

test("whoever waits as told spends no more than the rate, a second's worth saved up, and one overdraft", () => {
  const spendings = fc.array(fc.record({ amount: fc.integer({ min: 1, max: 500 }), idleMs: fc.nat(300) }), {
    maxLength: 100,
  });
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 2_000 }), spendings, (perSecond, steps) => {
      const budget = new RateBudget(perSecond, 0);
      let nowMs = 0;
      let spent = 0;
      let largest = 0;
      for (const { amount, idleMs } of steps) {
        nowMs += idleMs;
        const waitMs = budget.waitMs(nowMs);
        if (waitMs > 2) assert.ok(budget.waitMs(nowMs + waitMs - 2) > 0, "no longer than needed");
        nowMs += waitMs;
        assert.equal(budget.waitMs(nowMs), 0);
        budget.spend(amount, nowMs);
        spent += amount;
        largest = Math.max(largest, amount);
        assert.ok(spent <= perSecond + (nowMs * perSecond) / 1_000 + largest + 1e-6);
      }
    }),
  );
});

test("what is not spent is saved up for a second, and no longer", () => {
  const budget = new RateBudget(10, 0);
  assert.equal(budget.isFull(0), true);
  budget.spend(10, 0);
  assert.ok(budget.waitMs(0) > 0);
  assert.equal(budget.waitMs(200), 0);
  assert.equal(budget.isFull(900), false);
  assert.equal(budget.isFull(60_000), true);
  budget.spend(10, 60_000);
  assert.ok(budget.waitMs(60_000) > 0);
});

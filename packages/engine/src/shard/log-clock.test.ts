// The marks of the log's clock bound when anything came in, from above and as closely as they stand.
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { CLOCK_MARK_MS, LogClock } from "./log-clock.ts";

test("what came in is never said to be older than it is, nor more than a second younger", () => {
  const gaps = fc.array(fc.nat(3 * CLOCK_MARK_MS), { minLength: 1, maxLength: 300 });
  fc.assert(
    fc.property(gaps, (gapsMs) => {
      const clock = new LogClock();
      const putMs: number[] = [];
      let nowMs = 1_000_000;
      gapsMs.forEach((gapMs, place) => {
        nowMs += gapMs;
        putMs.push(nowMs);
        if (clock.isDue(nowMs)) clock.add(place, nowMs);
      });
      putMs.forEach((actualMs, place) => {
        const latestMs = clock.latestMs(place);
        assert.ok(latestMs >= actualMs && latestMs <= actualMs + CLOCK_MARK_MS, `place ${place}`);
      });
    }),
  );
});

test("a wall clock that goes back makes nothing older", () => {
  const clock = new LogClock();
  clock.add(1, 50_000);
  assert.equal(clock.isDue(10_000), false);
  clock.add(2, 10_000);
  assert.equal(clock.latestMs(2), 50_000);
  assert.equal(clock.latestMs(3), 51_000);
});

test("a log without marks is as old as its opening", () => {
  const clock = new LogClock();
  assert.equal(clock.latestMs(7), Number.POSITIVE_INFINITY);
  clock.opened(5_000);
  assert.equal(clock.latestMs(7), 5_000);
  clock.add(9, 8_000);
  assert.equal(clock.latestMs(7), 8_000);
});

// A seed is its run: the same twice, byte for byte, and another for another seed. What is not of the seed is noticed.
import assert from "node:assert/strict";
import { mock, test } from "node:test";
import { run } from "../run.ts";
import { Chance } from "../world/chance.ts";

const SEED = 1;

test("two runs of a seed have the same trace and the same history", async () => {
  const [first, second] = [await run(SEED, { keepTrace: true }), await run(SEED, { keepTrace: true })];
  assert.ok(first.trace.length > 10_000);
  assert.equal(first.trace, second.trace);
  assert.equal(first.digest, second.digest);
  assert.deepEqual(first.history, second.history);
});

test("keeping the trace changes nothing, another seed everything", async () => {
  const { digest } = await run(SEED);
  assert.equal(digest, (await run(SEED, { keepTrace: true })).digest);
  assert.notEqual(digest, (await run(SEED + 1)).digest);
});

test("chance that does not come from the seed is noticed", async () => {
  const { digest } = await run(SEED);
  let draws = 0;
  const { delayMs } = Chance.prototype;
  const planted = mock.method(Chance.prototype, "delayMs", function planted(this: Chance, typicalMs: number) {
    draws += 1;
    const drawn = delayMs.call(this, typicalMs);
    // Deep inside the run, something real is asked.
    return draws < 500 ? drawn : drawn + 1 + Number(process.hrtime.bigint() % 7n);
  });
  try {
    assert.notEqual(digest, (await run(SEED)).digest);
    assert.ok(draws > 500);
  } finally {
    planted.mock.restore();
  }
});

test("a shorter run begins as the whole one does", async () => {
  const whole = await run(SEED, { keepTrace: true });
  const operations = Math.floor(whole.used.operations / 2);
  const shorter = await run(SEED, { keepTrace: true, limits: { operations, faults: whole.used.faults } });
  assert.equal(shorter.used.operations, operations);
  let same = 0;
  while (same < shorter.trace.length && shorter.trace[same] === whole.trace[same]) same += 1;
  assert.ok(same > shorter.trace.length / 10, `${same} of ${shorter.trace.length}`);
});

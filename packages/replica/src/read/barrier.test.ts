import assert from "node:assert/strict";
import { test } from "node:test";
import { StoppedError, UnavailableError } from "../errors.ts";
import { MAX_RETRY_MS } from "../limits.ts";
import { LogError } from "../log/log.ts";
import { VirtualTime } from "../testing/virtual-time.ts";
import { Barrier } from "./barrier.ts";

/** A log whose checks are answered by hand. */
function log() {
  const checks: PromiseWithResolvers<number>[] = [];
  const checkTail = () => {
    const check = Promise.withResolvers<number>();
    checks.push(check);
    return check.promise;
  };
  return { checks, checkTail };
}

test("a check serves those that waited when it began, and nobody who came later", async () => {
  const time = new VirtualTime(1);
  const { checks, checkTail } = log();
  const barrier = new Barrier({ checkTail }, time);
  const [first, ...rest] = [barrier.tail(), barrier.tail(), barrier.tail()];
  await time.settle();
  assert.equal(checks.length, 1);
  checks[0].resolve(10);
  assert.equal(await first.promise, 10);
  await time.settle();
  // Those who came while it was under way share one that began after they came.
  assert.deepEqual(
    rest.map(({ over }) => over),
    [false, false],
  );
  assert.equal(checks.length, 2);
  checks[1].resolve(12);
  assert.deepEqual(await Promise.all(rest.map(({ promise }) => promise)), [12, 12]);
  await time.settle();
  assert.equal(checks.length, 2);
});

test("a check that fails is made again, for those who still wait", async () => {
  const time = new VirtualTime(1);
  const { checks, checkTail } = log();
  const barrier = new Barrier({ checkTail }, time);
  const [patient, hasty] = [barrier.tail(), barrier.tail()];
  await time.settle();
  const given = hasty.until(time, time.monotonicMs() + 1, "no tail");
  await Promise.all([assert.rejects(given, UnavailableError), time.passMs(1)]);
  checks[0].reject(new LogError("unknown", "the connection broke"));
  await time.passMs(MAX_RETRY_MS);
  assert.equal(checks.length, 2);
  checks[1].resolve(5);
  assert.equal(await patient.promise, 5);
  assert.equal(time.pendingTimers, 0);
});

test("a refusal and an end are told at once", async () => {
  const time = new VirtualTime(1);
  const { checks, checkTail } = log();
  const barrier = new Barrier({ checkTail }, time);
  const refused = barrier.tail();
  checks[0].reject(new LogError("refused", "no such stream"));
  await assert.rejects(refused.promise, /no such stream/);
  await time.settle();
  const ended = [barrier.tail(), barrier.tail()];
  barrier.end(new StoppedError("closed"));
  await assert.rejects(ended[1].promise, StoppedError);
  await assert.rejects(barrier.tail().promise, StoppedError);
});

// Rounds of faults: a world of its own, many clients, one fault after the other, and in the end a history that must be linearizable.
// TAILRACE_FAULT_SECS says how long faults happen, over all stores together (default 60); TAILRACE_SEED which come when.
import assert from "node:assert/strict";
import { randomInt } from "node:crypto";
import { type TestContext, test } from "node:test";
import { check } from "../../sim/check/checker.ts";
import type { Operation, Standing } from "../../sim/check/history.ts";
import { Random } from "../../sim/check/testing/random.ts";
import { standing } from "../../sim/standing.ts";
import { recordsByContent } from "./log-tap.ts";
import { haunt } from "./nemesis.ts";
import { Tally } from "./tally.ts";
import { Workload } from "./workload.ts";
import type { World } from "./world.ts";

const SECS = Number(process.env.TAILRACE_FAULT_SECS ?? 60);
const SEED = Number(process.env.TAILRACE_SEED ?? randomInt(2 ** 31));
/** The file store and S3: each has half of the time. */
const STORES = 2;
/** Faults of one round. Longer histories show no more: what is wrong is wrong within seconds. */
const ROUND_MS = 15_000;
const ROUNDS = Math.max(1, Math.round((SECS * 1000) / STORES / ROUND_MS));
/** Starting, recovering, reading everything, checking; ample, for machines that are busy with other things. */
const ROUND_TIMEOUT_MS = 120_000;

/** The tests of one store, each a round. */
export function faultRounds(open: (random: Random, faults: Tally) => Promise<World>): void {
  for (let round = 0; round < ROUNDS; round += 1) {
    test(`round ${round + 1} of ${ROUNDS}: what clients are told is linearizable`, { timeout: ROUND_TIMEOUT_MS }, (t) =>
      play(t, SEED + round, open),
    );
  }
}

async function play(t: TestContext, seed: number, open: (random: Random, faults: Tally) => Promise<World>) {
  const random = new Random(seed);
  const faults = new Tally();
  const world = await open(random.fork(), faults);
  t.after(() => world.close());
  const workload = new Workload(world.url, random.fork());
  await workload.prepare();
  workload.start();
  await haunt(world.faults, random.fork(), performance.now() + ROUND_MS, faults);
  await world.heal();
  const history = await workload.finish();
  assert.equal(await world.servers.stop(), 0);
  for (const missing of world.missing) t.diagnostic(`not done: ${missing}`);
  const logged = await world.log.end();
  assert.ok(logged.size > 0, "nothing of the log was seen");
  judge(t, seed, history, standing(history, logged, recordsByContent), world, faults);
}

function judge(
  t: TestContext,
  seed: number,
  history: readonly Operation[],
  standing: Standing,
  world: World,
  faults: Tally,
): void {
  const outcomes = new Tally();
  for (const { call, answer } of history) outcomes.add(`${call.kind} ${answer.kind}`);
  t.diagnostic(`seed ${seed}: faults: ${faults}`);
  t.diagnostic(`seed ${seed}: ${history.length} operations: ${outcomes}`);
  const startedMs = performance.now();
  const violations = check(history, { standing });
  t.diagnostic(
    `seed ${seed}: judged in ${Math.round(performance.now() - startedMs)} ms, ${standing.records.size} records of unknown outcome stand in the log`,
  );
  assert.equal(violations.map(({ report }) => report).join("\n\n"), "", `seed ${seed}: not linearizable`);
  assert.deepEqual(world.servers.unexpectedEnds, [], `seed ${seed}: a process ended on its own`);
  assert.ok(faults.total > 0, `seed ${seed}: no fault was injected`);
  assert.ok(outcomes.of("append appended") > 0, `seed ${seed}: nothing was acknowledged`);
  assert.ok(outcomes.of("read records") > 0, `seed ${seed}: nothing was read`);
}

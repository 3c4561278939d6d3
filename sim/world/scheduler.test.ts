// What simulations rest on: virtual time passes in order, chance alone decides ties, a sleeping lane loses nothing, a dead one everything.
import assert from "node:assert/strict";
import { test } from "node:test";
import { Chance } from "./chance.ts";
import { Lane, Scheduler } from "./scheduler.ts";
import { Trace } from "./trace.ts";

function scheduler(seed = 1): Scheduler {
  return new Scheduler(new Chance(seed), new Trace(true));
}

test("events happen at their time and in its order, with promise jobs in between", async () => {
  const world = scheduler();
  const lane = new Lane("a");
  const order: string[] = [];
  world.after(20, lane, "second", () => order.push(`second@${world.nowMs}`));
  world.after(10, lane, "first", () => {
    void Promise.resolve().then(() => order.push(`job@${world.nowMs}`));
  });
  assert.equal(await world.run(() => order.length === 2, 1000), true);
  assert.deepEqual(order, ["job@10", "second@20"]);
  assert.equal(await world.run(() => false, 1000), false);
  assert.equal(world.nowMs, 1000);
});

test("what is due at once happens in any order, which follows from the seed", async () => {
  const orderOf = async (seed: number) => {
    const world = scheduler(seed);
    const lane = new Lane("a");
    const order: number[] = [];
    for (let i = 0; i < 6; i += 1) world.after(5, lane, "tied", () => order.push(i));
    await world.run(() => false, 10);
    return order.join("");
  };
  const orders = new Set<string>();
  for (let seed = 0; seed < 50; seed += 1) {
    assert.equal(await orderOf(seed), await orderOf(seed));
    orders.add(await orderOf(seed));
  }
  assert.ok(orders.size > 40, `${orders.size} orders`);
});

test("a frozen lane's events wait until it thaws, a dead one's never happen, a cancelled one neither", async () => {
  const world = scheduler();
  const [frozen, dead, awake] = [new Lane("frozen"), new Lane("dead"), new Lane("awake")];
  const happened: string[] = [];
  const note = (what: string) => () => happened.push(`${what}@${world.nowMs}`);
  world.after(10, frozen, "frozen", note("frozen"));
  world.after(10, dead, "dead", note("dead"));
  world.cancel(world.after(10, awake, "cancelled", note("cancelled")));
  world.after(10, awake, "awake", note("awake"));
  world.freeze(frozen);
  world.kill(dead);
  await world.run(() => false, 100);
  assert.deepEqual(happened, ["awake@10"]);
  world.thaw(frozen, 0);
  await world.run(() => false, 200);
  assert.deepEqual(happened, ["awake@10", "frozen@100"]);
  assert.equal(world.pending, 0);
});

test("a suspended machine's timers move with its clock, what others sent it does not", async () => {
  const world = scheduler();
  const lane = new Lane("suspended");
  const happened: string[] = [];
  const note = (what: string) => () => happened.push(`${what}@${world.nowMs}`);
  world.after(50, lane, "early timer", note("early timer"), true);
  world.after(500, lane, "late timer", note("late timer"), true);
  world.after(50, lane, "message", note("message"));
  await world.run(() => false, 40);
  world.freeze(lane);
  await world.run(() => false, 140);
  world.thaw(lane, 100);
  await world.run(() => false, 1000);
  assert.deepEqual(happened, ["message@140", "early timer@150", "late timer@600"]);
});

test("an event that is over cannot be cancelled, and nothing is counted twice", async () => {
  const world = scheduler();
  const lane = new Lane("a");
  const event = world.after(1, lane, "once", () => world.cancel(event));
  const other = world.after(50, lane, "called off", () => assert.fail("it was called off"));
  world.after(100, lane, "later", () => undefined);
  world.cancel(other);
  world.cancel(other);
  await world.run(() => false, 10);
  assert.equal(world.pending, 1);
});

test("a loop without end at one instant, and a queue without bound, are seen", async () => {
  const world = scheduler();
  const lane = new Lane("a");
  const again = () => {
    world.after(0, lane, "again", again);
  };
  again();
  await assert.rejects(
    world.run(() => false, 10),
    /without end/,
  );
  const other = scheduler();
  assert.throws(() => {
    for (;;) other.after(1, lane, "one more", () => undefined);
  }, /events are pending/);
});

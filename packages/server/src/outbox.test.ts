import assert from "node:assert/strict";
import { test } from "node:test";
import { Outbox } from "./outbox.ts";

test("so many answers at once, the others in turn", async () => {
  const outbox = new Outbox();
  let entered = 0;
  while (outbox.enter() === undefined) entered += 1;
  assert.equal(entered, 32);
  const order: number[] = [];
  for (const each of [1, 2]) void outbox.enter()?.then(() => order.push(each));
  // The one that the loop ended with comes first.
  for (let i = 0; i < 3; i += 1) outbox.leave();
  await Promise.resolve();
  assert.deepEqual(order, [1, 2]);
  for (let i = 0; i < 32; i += 1) outbox.leave();
  assert.equal(outbox.enter(), undefined);
});

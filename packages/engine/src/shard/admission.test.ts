// Who may go in, in which order, and what it costs.
import assert from "node:assert/strict";
import { test } from "node:test";
import { EngineError } from "../errors.ts";
import { Admission } from "./admission.ts";

const A = { name: "a" };
const B = { name: "b" };

function admission() {
  return new Admission<object>({ totalBytes: 100, perStreamBytes: 60, waitingBytes: 1_000_000 });
}

test("streams that wait take turns, and each keeps its own order", () => {
  const room = admission();
  assert.ok(room.tryAdmit(A, 50));
  assert.ok(room.tryAdmit(B, 50));
  const order: string[] = [];
  for (const key of [A, A, B, B]) room.wait(key, 25, () => order.push(`${key.name}${order.length}`));
  assert.deepEqual(order, []);
  room.release(A, 50);
  assert.deepEqual(order, ["a0", "a1"]);
  room.release(B, 50);
  assert.deepEqual(order, ["a0", "a1", "b2", "b3"]);
  assert.equal(room.usedBytes, 100);
  assert.equal(room.waitingBytes, 0);
});

test("something larger than a share goes alone", () => {
  const room = admission();
  assert.ok(room.tryAdmit(A, 500));
  assert.equal(room.tryAdmit(B, 1), false);
  room.release(A, 500);
  assert.ok(room.tryAdmit(B, 1));
});

test("more than may wait is refused, and leaves nothing behind", () => {
  const room = admission();
  assert.ok(room.tryAdmit(A, 60));
  assert.throws(
    () => room.wait(A, 1_000_001, () => undefined),
    (error) => error instanceof EngineError && error.code === "hot_server",
  );
  assert.equal(room.waitingBytes, 0);
  room.release(A, 60);
  assert.equal(room.usedBytes, 0);
});

test("any number of those who waited may give their room back as soon as they have it", () => {
  const room = admission();
  assert.ok(room.tryAdmit(A, 60));
  let admitted = 0;
  for (let i = 0; i < 100_000; i += 1) {
    room.wait(A, 10, () => {
      admitted += 1;
      room.release(A, 10);
    });
  }
  room.release(A, 60);
  assert.equal(admitted, 100_000);
  assert.equal(room.usedBytes, 0);
  assert.ok(room.tryAdmit(A, 60));
});

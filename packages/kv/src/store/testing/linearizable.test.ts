import assert from "node:assert/strict";
import { test } from "node:test";
import { type Call, isLinearizable, type KeyOperation } from "./linearizable.ts";

const call = (startMs: number, endMs: number, operation: KeyOperation): Call => ({ startMs, endMs, operation });
const NEVER = Number.POSITIVE_INFINITY;

test("an answer that can be explained is", () => {
  assert.ok(
    isLinearizable([
      call(0, 10, { kind: "set", value: "a" }),
      // While it is being set, either may be seen.
      call(1, 2, { kind: "get", result: null }),
      call(3, 4, { kind: "get", result: "a" }),
      call(5, NEVER, { kind: "set", value: "b" }),
      call(20, 30, { kind: "get", result: "a" }),
      call(40, 50, { kind: "get", result: "b" }),
      call(60, 70, { kind: "del", result: 1 }),
      call(65, 80, { kind: "incr", result: 1 }),
    ]),
  );
});

test("a stale read, a lost write, a double increment, and a value beyond its time are seen", () => {
  const set = call(0, 10, { kind: "set", value: "a" });
  for (const history of [
    [set, call(11, 12, { kind: "get", result: null })],
    [call(0, 10, { kind: "incr", result: 1 }), call(11, 12, { kind: "incr", result: 1 })],
    [call(0, 10, { kind: "incr", result: 1 }), call(11, 12, { kind: "incr", result: 3 })],
    // Seen once, it must be seen ever after.
    [
      call(0, NEVER, { kind: "set", value: "a" }),
      call(1, 2, { kind: "get", result: "a" }),
      call(3, 4, { kind: "get", result: null }),
    ],
    [set, call(20, 30, { kind: "expire", ends: (value) => value === "a" }), call(31, 32, { kind: "get", result: "a" })],
    [
      set,
      call(20, 30, { kind: "expire", ends: (value) => value === "a" }),
      call(11, 12, { kind: "get", result: null }),
    ],
  ] as readonly Call[][]) {
    assert.ok(!isLinearizable(history));
  }
});

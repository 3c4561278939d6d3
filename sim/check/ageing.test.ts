// What vanishes by age: early and back again is seen, in time and for good is allowed.
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { type AgeingStream, checkAgeing } from "./ageing.ts";
import { check } from "./checker.ts";
import type { Answer, Call } from "./history.ts";
import { Recorder } from "./recorder.ts";
import { acked, append, CREATED, NOTHING, readFrom, records, tail } from "./testing/story.ts";

const AGE_MS = 10_000;
const EMPTY_FOR_MS = 3_000;
const KEPT: AgeingStream = { stream: "s", ageMs: AGE_MS, deletesItselfAfterMs: undefined };
const PASSING: AgeingStream = { ...KEPT, deletesItselfAfterMs: EMPTY_FOR_MS };
const NOT_FOUND: Answer = { kind: "not-found" };
const unwritten = (n: number): Answer => ({ kind: "unwritten", tail: tail(n) });

/** Operations after one another, each with the time at which it was asked and answered. */
function violations(ageing: AgeingStream, told: readonly (readonly [number, Call, Answer])[]): string[] {
  let nowMs = 0;
  const recorder = new Recorder(() => nowMs);
  for (const [atMs, call, answer] of told) {
    nowMs = atMs;
    recorder.invoke("client", "s", call).answer(answer);
  }
  const history = recorder.history();
  return [
    ...checkAgeing(history, [ageing], 0),
    ...check(history, { expiring: new Set(["s"]) }).map(({ summary }) => summary),
  ];
}

const CREATE: Call = { kind: "create", config: { deleteOnEmpty: "3" } };
const created = [0, CREATE, CREATED] as const;

describe("records", () => {
  test("may be gone when they have reached their age, at the front alone or all of them", () => {
    const written = [created, [1, append("a"), acked(0)], [5, append("b"), acked(1)]] as const;
    assert.deepEqual(violations(KEPT, [...written, [AGE_MS + 1, readFrom(0), records(1, "b")]]), []);
    assert.deepEqual(violations(KEPT, [...written, [AGE_MS + 5, readFrom(0), unwritten(2)]]), []);
    assert.deepEqual(violations(KEPT, [...written, [AGE_MS + 5, readFrom(0), NOTHING]]), []);
    assert.deepEqual(violations(KEPT, [...written, [AGE_MS + 5, readFrom(0), records(0, "a b")]]), []);
  });

  test("must not be gone before", () => {
    const written = [created, [1, append("a"), acked(0)], [5, append("b"), acked(1)]] as const;
    assert.equal(violations(KEPT, [...written, [AGE_MS, readFrom(0), records(1, "b")]]).length, 1);
    assert.equal(violations(KEPT, [...written, [AGE_MS + 4, readFrom(0), unwritten(2)]]).length, 1);
  });

  test("must not come back, nor vanish from the middle", () => {
    const written = [created, [1, append("a"), acked(0)], [1, append("b c"), acked(1, 2)]] as const;
    const later = 2 * AGE_MS;
    const gone = [later, readFrom(0), records(1, "b c")] as const;
    assert.equal(violations(KEPT, [...written, gone, [later, readFrom(0), records(0, "a b c")]]).length, 1);
    assert.equal(violations(KEPT, [...written, [later, readFrom(0), records(0, "a c")]]).length, 1);
  });

  test("do not vanish where nothing ages", () => {
    const recorder = new Recorder();
    for (const [, call, answer] of [created, [1, append("a"), acked(0)], [9, readFrom(0), unwritten(1)]] as const)
      recorder.invoke("client", "s", call).answer(answer);
    assert.equal(check(recorder.history()).length, 1);
  });
});

describe("a stream that deletes itself", () => {
  test("may be gone when it was empty for long enough, and may be created again", () => {
    const again = [3 * AGE_MS, CREATE, CREATED] as const;
    assert.deepEqual(violations(PASSING, [created, [EMPTY_FOR_MS, readFrom(0), NOT_FOUND], again]), []);
    const written = [created, [1, append("a"), acked(0)]] as const;
    assert.deepEqual(violations(PASSING, [...written, [AGE_MS + 1, readFrom(0), NOT_FOUND], again]), []);
  });

  test("must not be gone before, nor while it has records", () => {
    assert.equal(violations(PASSING, [created, [EMPTY_FOR_MS - 1, readFrom(0), NOT_FOUND]]).length, 1);
    const written = [created, [1, append("a"), acked(0)]] as const;
    assert.equal(violations(PASSING, [...written, [AGE_MS, readFrom(0), NOT_FOUND]]).length, 1);
  });

  test("does so once", () => {
    const gone = [created, [AGE_MS, readFrom(0), NOT_FOUND]] as const;
    assert.equal(violations(PASSING, [...gone, [AGE_MS, append("a"), acked(0)]]).length, 1);
  });
});

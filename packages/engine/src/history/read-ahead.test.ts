import assert from "node:assert/strict";
import { test } from "node:test";
import { FIRST_FETCH_BYTES, FIRST_READ_AHEAD_BYTES, MAX_FETCH_BYTES, MAX_READ_AHEAD_BYTES } from "../limits.ts";
import { ReadAhead } from "./read-ahead.ts";

test("it grows with every further chunk that is come to, up to its bounds", () => {
  const ahead = new ReadAhead();
  assert.equal(ahead.moveTo(7, 64), true);
  assert.equal(ahead.moveTo(7, 64), false);
  assert.deepEqual([ahead.fetchBytes, ahead.bytes], [FIRST_FETCH_BYTES, FIRST_READ_AHEAD_BYTES]);
  assert.equal(ahead.moveTo(8, 64), true);
  assert.deepEqual([ahead.fetchBytes, ahead.bytes], [2 * FIRST_FETCH_BYTES, 2 * FIRST_READ_AHEAD_BYTES]);
  for (let i = 9; i < 30; i += 1) ahead.moveTo(i, 64);
  assert.deepEqual([ahead.fetchBytes, ahead.bytes], [MAX_FETCH_BYTES, MAX_READ_AHEAD_BYTES]);
});

test("within one object it grows as often as the longest get was passed", () => {
  const ahead = new ReadAhead();
  assert.equal(ahead.moveTo(-1, 0), true);
  assert.equal(ahead.moveTo(-1, FIRST_FETCH_BYTES - 1), false);
  assert.equal(ahead.moveTo(-1, FIRST_FETCH_BYTES), true);
  assert.equal(ahead.fetchBytes, 2 * FIRST_FETCH_BYTES);
  assert.equal(ahead.moveTo(-1, 2 * FIRST_FETCH_BYTES), false);
  assert.equal(ahead.moveTo(-1, 3 * FIRST_FETCH_BYTES), true);
});

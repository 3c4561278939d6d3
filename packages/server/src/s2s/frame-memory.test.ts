// What is given back is taken again, by frames that it is large enough for, and what is kept is bounded.
import assert from "node:assert/strict";
import { test } from "node:test";
import { FrameMemory } from "./frame-memory.ts";

const MIB = 1024 * 1024;

test("large memory is used again by what fits into it and is nearly as large; small memory is nobody's", () => {
  const memory = new FrameMemory();
  const large = memory.take(MIB + 1);
  assert.ok(large.length > MIB);
  memory.give(large);
  assert.notEqual(memory.take(MIB), large);
  assert.equal(memory.take(MIB + 100), large);
  assert.equal(memory.freeBytes, 0);
  const small = memory.take(1_000);
  assert.equal(small.length, 1_000);
  memory.give(small);
  assert.equal(memory.freeBytes, 0);
});

test("what a crowd gives back is let go beyond a bound", () => {
  const memory = new FrameMemory();
  const taken = Array.from({ length: 100 }, () => memory.take(2 * MIB));
  assert.equal(new Set(taken).size, 100);
  for (const each of taken) memory.give(each);
  assert.equal(memory.freeBytes, 32 * MIB);
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { FairShare } from "./fair-share.ts";

test("a few sessions get whole batches, many share what all may hold, and each gets something", () => {
  const share = new FairShare();
  const at = (sessions: number) => {
    for (let i = 0; i < sessions; i += 1) share.enter();
    const { bytes, scarce } = share;
    for (let i = 0; i < sessions; i += 1) share.leave();
    return [bytes, scarce];
  };
  assert.deepEqual(at(0), [1024 * 1024, false]);
  assert.deepEqual(at(256), [1024 * 1024, false]);
  assert.deepEqual(at(1024), [256 * 1024, true]);
  assert.deepEqual(at(100_000), [64 * 1024, true]);
});

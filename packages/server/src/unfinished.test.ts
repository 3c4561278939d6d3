// What is given up when more is under way than there is room for.
import assert from "node:assert/strict";
import { test } from "node:test";
import { Unfinished } from "./unfinished.ts";

test("what began first is given up, as far as it takes; what has ended never", () => {
  const unfinished = new Unfinished(100);
  const given: string[] = [];
  const begin = (name: string) => unfinished.begin(() => given.push(name));
  const [ended, slow, small, large] = ["ended", "slow", "small", "large"].map(begin);
  ended.holds(90);
  ended.end();
  ended.end();
  slow.holds(40);
  slow.holds(60);
  small.holds(10);
  large.holds(30);
  assert.deepEqual(given, []);
  large.holds(31);
  assert.deepEqual(given, ["slow"]);
  slow.holds(1_000);
  large.holds(100);
  assert.deepEqual(given, ["slow", "small"]);
  large.holds(101);
  assert.deepEqual(given, ["slow", "small", "large"]);
  begin("next").holds(100);
  assert.deepEqual(given, ["slow", "small", "large"]);
});

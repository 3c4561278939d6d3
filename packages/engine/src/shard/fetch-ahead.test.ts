// Things are fetched in their order and so many ahead at most; what fails is told to who asks for it, and to nobody else.
import assert from "node:assert/strict";
import { test } from "node:test";
import { FetchAhead } from "./fetch-ahead.ts";

test("so many are under way at most, each is fetched once, and passed ones are forgotten", async () => {
  const asked: number[] = [];
  const fetches = new FetchAhead(6, 3, async (index) => {
    asked.push(index);
    return index * 10;
  });
  assert.deepEqual(asked, [], "nothing before it is asked for");
  assert.equal(await fetches.get(0), 0);
  assert.deepEqual(asked, [0, 1, 2]);
  assert.equal(await fetches.get(2), 20);
  assert.deepEqual(asked, [0, 1, 2, 3, 4]);
  assert.equal(await fetches.get(5), 50);
  assert.deepEqual(asked, [0, 1, 2, 3, 4, 5]);
  assert.throws(() => fetches.get(1), RangeError);
  assert.throws(() => fetches.get(6), RangeError);
});

test("an error is told to who asks for its thing; one that nobody asks for is no unhandled rejection", async () => {
  const fetches = new FetchAhead(4, 4, async (index) => {
    if (index % 2 === 1) throw new Error(`no ${index}`);
    return index;
  });
  assert.equal(await fetches.get(0), 0);
  await assert.rejects(fetches.get(1), /no 1/);
  // The fourth fails too, and is given up: the test runner would count an unhandled rejection as a failure.
  assert.equal(await fetches.get(2), 2);
  await new Promise((resolve) => setImmediate(resolve));
});

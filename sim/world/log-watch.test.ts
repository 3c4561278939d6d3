// Each rule that owners are held to while they write: broken, it is seen; kept, nothing is.
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Bucket } from "./bucket.ts";
import { LogWatch } from "./log-watch.ts";
import { Lane } from "./scheduler.ts";

const WINDOW = 16;
const OWNER = new Lane("owner");
const key = (place: number) => `shards/0/wal/${String(place).padStart(16, "0")}`;
const bytes = (text: string) => Buffer.from(text);

function setting() {
  const bucket = new Bucket(false);
  bucket.put("deployment.json", bytes(JSON.stringify({ window: WINDOW })));
  const violations: string[] = [];
  return { watch: new LogWatch(bucket, (what) => violations.push(what)), violations };
}

describe("a place", () => {
  test("may be offered again with what it was offered before", () => {
    const { watch, violations } = setting();
    watch.offered(OWNER, key(3), bytes("one"), 0);
    watch.offered(OWNER, key(3), bytes("one"), 500);
    watch.offered(new Lane("another"), key(3), bytes("two"), 500);
    assert.deepEqual(violations, []);
  });

  test("must not be offered anything else", () => {
    const { watch, violations } = setting();
    watch.offered(OWNER, key(3), bytes("one"), 0);
    watch.offered(OWNER, key(3), bytes("two"), 500);
    assert.equal(violations.length, 1);
  });

  test("must not be tried without a pause", () => {
    const { watch, violations } = setting();
    for (let nowMs = 0; nowMs < 60_000; nowMs += 200) watch.offered(OWNER, key(3), bytes("one"), nowMs);
    assert.deepEqual(violations, []);
    for (let nowMs = 60_000; nowMs < 60_100; nowMs += 10) watch.offered(OWNER, key(3), bytes("one"), nowMs);
    assert.equal(violations.length, 1);
  });

  test("is its who filled it", () => {
    const { watch } = setting();
    watch.landed(OWNER, key(3));
    assert.equal(watch.authorOf(3), OWNER);
    assert.equal(watch.authorOf(4), undefined);
  });
});

describe("the window", () => {
  test("begins at the first place that is not filled", () => {
    const { watch, violations } = setting();
    for (let place = 0; place < WINDOW; place += 1) watch.offered(OWNER, key(place), bytes("x"), 0);
    for (let place = 1; place < WINDOW; place += 1) watch.landed(OWNER, key(place));
    assert.deepEqual(violations, []);
    watch.offered(OWNER, key(WINDOW), bytes("x"), 0);
    assert.equal(violations.length, 1);
  });

  test("moves on with what is filled, by whomever", () => {
    const { watch, violations } = setting();
    watch.offered(OWNER, key(0), bytes("x"), 0);
    watch.landed(new Lane("another"), key(0));
    watch.offered(OWNER, key(WINDOW), bytes("x"), 0);
    assert.deepEqual(violations, []);
  });
});

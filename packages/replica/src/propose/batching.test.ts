import assert from "node:assert/strict";
import { test } from "node:test";
import {
  MAX_BATCH_BYTES,
  MAX_BATCH_RECORDS,
  MAX_IN_FLIGHT_BATCHES,
  MAX_SMALL_IN_FLIGHT,
  SMALL_BATCH_BYTES,
} from "../limits.ts";
import { fitting, isDue } from "./batching.ts";

test("what waits goes at once while little is on its way, and gathers otherwise", () => {
  const small = { records: 3, bytes: 300 };
  const large = { records: 3, bytes: SMALL_BATCH_BYTES };
  const many = { records: MAX_BATCH_RECORDS, bytes: 1000 };
  assert.ok(!isDue({ records: 0, bytes: 0 }, 0));
  assert.ok(isDue(small, 0));
  assert.ok(isDue(small, MAX_SMALL_IN_FLIGHT - 1));
  assert.ok(!isDue(small, MAX_SMALL_IN_FLIGHT));
  for (const worth of [large, many]) {
    assert.ok(isDue(worth, MAX_IN_FLIGHT_BATCHES - 1));
    assert.ok(!isDue(worth, MAX_IN_FLIGHT_BATCHES));
  }
});

test("a batch is as much as S2 takes at once, and no more", () => {
  assert.equal(
    fitting(() => 1),
    MAX_BATCH_RECORDS,
  );
  assert.equal(
    fitting((i) => (i < 5 ? 1 : undefined)),
    5,
  );
  assert.equal(
    fitting(() => MAX_BATCH_BYTES / 2),
    2,
  );
  assert.equal(
    fitting(() => MAX_BATCH_BYTES / 2 + 1),
    1,
  );
  assert.equal(
    fitting(() => undefined),
    0,
  );
});

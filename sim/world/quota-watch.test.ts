// Who appends more than the quota allows is seen; who keeps to it is not, however it is spread over chunks.
import assert from "node:assert/strict";
import { test } from "node:test";
import type { AppendQuotaOptions } from "@tailrace/server/api";
import { QuotaWatch } from "./quota-watch.ts";
import { Lane } from "./scheduler.ts";

const PROCESS = new Lane("process");
const STREAM = "11".repeat(16);
const SYSTEM_STREAM = "22".repeat(16);

type AppendRates = AppendQuotaOptions["perBasin"];

function entry(kind: number, stream: string, payload: object, meteredBytes = 0): Buffer {
  const json = Buffer.from(JSON.stringify(payload));
  const header = Buffer.alloc(48);
  header.writeUInt32LE(48 + json.length, 4);
  header[8] = kind;
  header.writeUInt32LE(meteredBytes, 12);
  header.write(stream, 16, "hex");
  return Buffer.concat([header, json]);
}

function chunk(...entries: Buffer[]): Buffer {
  const header = Buffer.alloc(64);
  header[5] = 1;
  return Buffer.concat([header, ...entries]);
}

function watched(perBasin: AppendRates, perToken: AppendRates = {}) {
  const violations: string[] = [];
  const watch = new QuotaWatch({ perBasin, perToken }, (what) => violations.push(what));
  watch.started(PROCESS, 0);
  watch.landed(
    PROCESS,
    chunk(entry(3, STREAM, { basinId: "33".repeat(16) }), entry(3, SYSTEM_STREAM, { basinId: "00".repeat(16) })),
    0,
  );
  return { watch, violations };
}

const appends = (count: number, stream = STREAM) => chunk(...Array.from({ length: count }, () => entry(1, stream, {})));

test("a rate is kept to over any time", () => {
  const { watch, violations } = watched({ appendsPerSecond: 10 });
  for (let nowMs = 0; nowMs <= 60_000; nowMs += 1_000) watch.landed(PROCESS, appends(10), nowMs);
  assert.deepEqual(violations, []);
  watch.landed(PROCESS, appends(40), 60_100);
  assert.notEqual(violations.length, 0);
});

test("what the system writes is not counted, and nothing is where there is no quota", () => {
  const bound = watched({ appendsPerSecond: 10 });
  bound.watch.landed(PROCESS, appends(1_000, SYSTEM_STREAM), 0);
  assert.deepEqual(bound.violations, []);
  const free = watched({});
  free.watch.landed(PROCESS, appends(1_000), 0);
  assert.deepEqual(free.violations, []);
});

test("bytes are kept to, but for one append more than there is room for", () => {
  const { watch, violations } = watched({ appendBytesPerSecond: 100 });
  watch.landed(PROCESS, chunk(entry(1, STREAM, {}, 5_000)), 0);
  for (let nowMs = 50_000; nowMs <= 100_000; nowMs += 1_000)
    watch.landed(PROCESS, chunk(entry(1, STREAM, {}, 100)), nowMs);
  assert.deepEqual(violations, []);
  for (let i = 0; i < 20; i += 1) watch.landed(PROCESS, chunk(entry(1, STREAM, {}, 5_000)), 100_000);
  assert.notEqual(violations.length, 0);
});

test("each holder of a token has a quota of its own", () => {
  const { watch, violations } = watched({}, { appendsPerSecond: 1 });
  const by = (holder: string) => chunk(entry(1, STREAM, { body: `${holder}-lasting-1.0.0~` }));
  for (let i = 0; i < 8; i += 1)
    for (const holder of ["tenant1", "tenant2", "writer1"]) watch.landed(PROCESS, by(holder), 0);
  assert.deepEqual(violations, []);
  for (let i = 0; i < 8; i += 1) watch.landed(PROCESS, by("tenant2"), 0);
  assert.notEqual(violations.length, 0);
});

// Who appends more than the quota allows is seen; who keeps to it is not, however it is spread over chunks.
import assert from "node:assert/strict";
import { test } from "node:test";
import { QuotaWatch } from "./quota-watch.ts";
import { Lane } from "./scheduler.ts";

const PROCESS = new Lane("process");
const STREAM = "11".repeat(16);
const SYSTEM_STREAM = "22".repeat(16);

function entry(kind: number, stream: string, payload: object): Buffer {
  const json = Buffer.from(JSON.stringify(payload));
  const header = Buffer.alloc(48);
  header.writeUInt32LE(48 + json.length, 4);
  header[8] = kind;
  header.write(stream, 16, "hex");
  return Buffer.concat([header, json]);
}

function chunk(...entries: Buffer[]): Buffer {
  const header = Buffer.alloc(64);
  header[5] = 1;
  return Buffer.concat([header, ...entries]);
}

function watched(appendsPerSecond: number | undefined) {
  const violations: string[] = [];
  const watch = new QuotaWatch(appendsPerSecond, (what) => violations.push(what));
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
  const { watch, violations } = watched(10);
  for (let nowMs = 0; nowMs <= 60_000; nowMs += 1_000) watch.landed(PROCESS, appends(10), nowMs);
  assert.deepEqual(violations, []);
  watch.landed(PROCESS, appends(40), 60_100);
  assert.notEqual(violations.length, 0);
});

test("what the system writes is not counted, and nothing is where there is no quota", () => {
  const bound = watched(10);
  bound.watch.landed(PROCESS, appends(1_000, SYSTEM_STREAM), 0);
  assert.deepEqual(bound.violations, []);
  const free = watched(undefined);
  free.watch.landed(PROCESS, appends(1_000), 0);
  assert.deepEqual(free.violations, []);
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { judge, KV, KV_ON_A_LOG, type KvResult, REDIS, ROWS, THE_LOG, THREE } from "./marks.ts";
import { figuresOf } from "./redis-benchmark.ts";

const result = (row: string, server: string, figures: Record<string, number>): KvResult => ({ row, server, figures });

test("marks are met or short by what was measured in the run, and untold where it was not", () => {
  const marks = judge([
    result(ROWS.set, REDIS, { "requests/s": 60_000 }),
    result(ROWS.set, KV, { "requests/s": 20_999 }),
    result(ROWS.eventual, REDIS, { "requests/s": 60_000 }),
    result(ROWS.eventual, KV, { "requests/s": 30_000 }),
    result(ROWS.strong, KV, { "requests/s": 30_000 }),
    result(ROWS.strong, KV_ON_A_LOG, { "requests/s": 20_000 }),
    result(ROWS.strong, THREE, { "requests/s": 20_000 }),
    result(ROWS.setAlone, KV_ON_A_LOG, { "p50 ms": 2.25 }),
    result(ROWS.setAlone, THE_LOG, { "p50 ms": 1.5 }),
    result(ROWS.recovery, KV, { "recovery s": 5 }),
  ]);
  assert.deepEqual(
    marks.map(({ row, measured, met }) => [row, measured, met]),
    [
      [ROWS.set, 20_999 / 60_000, false],
      [ROWS.eventual, 0.5, true],
      [ROWS.strong, 1, false],
      [ROWS.setAlone, 0.75, true],
      [ROWS.recovery, 5, false],
    ],
  );
});

test("what redis-benchmark prints is read by the names of its columns, and anything else is no figure", () => {
  const head =
    '"test","rps","avg_latency_ms","min_latency_ms","p50_latency_ms","p95_latency_ms","p99_latency_ms","max_latency_ms"';
  const line = '"SET","13513.51","2.311","0.208","0.919","11.175","12.887","15.839"';
  assert.deepEqual(figuresOf(`${head}\n${line}\n`), { "requests/s": 13513.51, "p50 ms": 0.919, "p99 ms": 12.887 });
  assert.throws(() => figuresOf(`${head}\n`), /printed no rps/);
  assert.throws(() => figuresOf("ERROR\n"), /printed no rps/);
});

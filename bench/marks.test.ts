// Marks are judged by the ratio of the same row in the same run, and the worst of several rows counts.
import assert from "node:assert/strict";
import { test } from "node:test";
import { judge, judgeTails, MARKS, type Mark } from "./marks.ts";
import type { Result } from "./report.ts";
import { BOUNDED_ROWS, ROWS } from "./rows.ts";

const result = (row: string, server: Result["server"], figures: Result["figures"]): Result => ({
  store: "file",
  row,
  server,
  figures,
});

test("a mark is reached, missed, or not measured", () => {
  const results = [
    result("fast, a", "tailrace", { "requests/s": 300, "p99 ms": 4 }),
    result("fast, a", "s2-lite", { "requests/s": 100, "p99 ms": 8 }),
    result("fast, b", "tailrace", { "requests/s": 150, "p99 ms": 2 }),
    result("fast, b", "s2-lite", { "requests/s": 100, "p99 ms": 8 }),
    result("alone", "tailrace", { "requests/s": 100 }),
  ];
  const marks: Mark[] = [
    { row: "fast", store: "file", figure: "requests/s", bound: { atLeast: 1.5 }, against: "s2-lite" },
    { row: "fast", store: "file", figure: "requests/s", bound: { atLeast: 2 }, against: "s2-lite" },
    { row: "fast", store: "file", figure: "p99 ms", bound: { atMost: 0.5 }, against: "s2-lite" },
    { row: "fast", store: "file", figure: "p99 ms", bound: { atMost: 0.4 }, against: "s2-lite" },
    { row: "alone", store: "file", figure: "requests/s", bound: { atLeast: 1 }, against: "s2-lite" },
    { row: "fast", store: "s3", figure: "requests/s", bound: { atLeast: 1 }, against: "s2-lite" },
    { row: "fast", store: "file", figure: "p99 ms", bound: { atMost: 4 }, against: "itself" },
    { row: "fast", store: "file", figure: "p99 ms", bound: { atMost: 3 }, against: "itself" },
  ];
  assert.deepEqual(
    judge(results, marks).map(({ worst, state }) => [worst, state]),
    [
      [1.5, "reached"],
      [1.5, "measured short"],
      [0.5, "reached"],
      [0.5, "measured short"],
      [undefined, "not attempted"],
      [undefined, "not attempted"],
      [4, "reached"],
      [4, "measured short"],
    ],
  );
});

test("a tail may be a millisecond behind its acknowledgement", () => {
  const results = [
    result("1 MiB/s offered", "tailrace", { "ack p50 ms": 5, "tail p50 ms": 6 }),
    result("9 MiB/s offered", "tailrace", { "ack p50 ms": 5, "tail p50 ms": 6.5 }),
  ];
  assert.deepEqual(
    judgeTails(results).map(({ state }) => state),
    ["reached", "measured short"],
  );
});

test("every mark is about a row that is measured", () => {
  const rows = [...ROWS, ...BOUNDED_ROWS];
  for (const mark of MARKS)
    assert.ok(
      rows.some(({ name }) => name.startsWith(mark.row)),
      mark.row,
    );
});

// What a run came to is kept when the next one overwrites it, once, in order.
import assert from "node:assert/strict";
import { test } from "node:test";
import { coursesOf, remembered, runOf } from "./history.ts";
import type { Result } from "./report.ts";
import type { ResultFile } from "./summary/format.ts";

const ROW = "check-tail, 1 clients";

function file(date: string, perSecond: number): ResultFile {
  const result = (server: Result["server"], value: number): Result => ({
    store: "file",
    row: ROW,
    server,
    figures: { "requests/s": value },
  });
  const results = [result("tailrace", perSecond), result("s2-lite", 100)];
  return { date, commit: "c", node: "v26", machine: { cores: 2 }, results };
}

test("runs stand in the order of their dates, and one that is told again stands once", () => {
  const [first, second] = [runOf(file("2026-01-01", 50)), runOf(file("2026-01-02", 75))];
  const runs = remembered(remembered(remembered([], second), first), second);
  assert.deepEqual(runs, [first, second]);
  assert.deepEqual(coursesOf(runs), [
    { mark: { store: "file", row: ROW, figure: "requests/s" }, measured: [0.5, 0.75] },
  ]);
});

test("what a run did not measure is left open", () => {
  const runs = [{ ...runOf(file("2026-01-01", 50)), headlines: [] }, runOf(file("2026-01-02", 75))];
  assert.deepEqual(
    coursesOf(runs).map(({ measured }) => measured),
    [[undefined, 0.75]],
  );
});

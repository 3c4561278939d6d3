// A plot shows every point that was measured, and none that was not.
import assert from "node:assert/strict";
import { test } from "node:test";
import { drawSweep } from "./draw.ts";
import type { SweepPoint } from "./point.ts";
import type { Sweep } from "./sweeps.ts";

test("a line for each server that was measured, over a logarithmic axis", () => {
  const sweep: Sweep = { name: "things", of: "many things", sizes: [1, 10, 100], drawn: ["a"], run: async () => ({}) };
  const point = (size: number, a: number): SweepPoint => ({
    sweep: "things",
    size,
    server: "tailrace",
    figures: { a },
  });
  const svg = drawSweep(sweep, [point(1, 0), point(10, Number.NaN), point(100, 10)]);
  const lines = [...svg.matchAll(/points="([^"]*)"/g)].map((match) => match[1]);
  assert.deepEqual(lines, ["60.0,174.0 750.0,55.8"]);
  assert.doesNotMatch(svg, /S2 Lite/);
});

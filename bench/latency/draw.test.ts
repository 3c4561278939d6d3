// Every load has a panel of its own, and every server that was measured a line.
import assert from "node:assert/strict";
import { test } from "node:test";
import { curveOf, Latencies } from "./curve.ts";
import { drawCurves } from "./draw.ts";

test("a panel a load, from nothing to all", () => {
  const latencies = new Latencies();
  for (let ms = 1; ms <= 100; ms += 1) latencies.add(ms);
  const svg = drawCurves([
    curveOf("a load", "tailrace", [latencies]),
    curveOf("a load", "s2-lite", [latencies]),
    curveOf("another", "tailrace", [latencies]),
  ]);
  assert.equal(svg.match(/<polyline/g)?.length, 3);
  assert.equal(svg.match(/>S2 Lite</g)?.length, 1);
  // 1 ms is the left edge; 100 ms, where all have been answered, the upper right corner.
  const [first] = [...svg.matchAll(/points="([^"]*)"/g)].map((match) => match[1]?.split(" "));
  assert.equal(first?.[0], "60.0,172.7");
  assert.match(first?.at(-1) ?? "", /^750\.0,44\.0$/);
});

// Draws what was swept and how latencies are distributed, from committed results, and links to what it drew.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { LatencyCurve } from "../latency/curve.ts";
import { drawCurves } from "../latency/draw.ts";
import { drawSweep } from "../sweep/draw.ts";
import type { SweepPoint } from "../sweep/point.ts";
import { SWEEPS } from "../sweep/sweeps.ts";
import { type Made, madeBy } from "./format.ts";

export interface SweepsFile extends Made {
  readonly points: readonly SweepPoint[];
}

export interface LatenciesFile extends Made {
  readonly latencies: readonly LatencyCurve[];
}

/** `docs`: where the plots go. */
export function sweepsOf(file: SweepsFile, docs: string): string {
  const drawn = SWEEPS.flatMap((sweep) => {
    const points = file.points.filter((point) => point.sweep === sweep.name);
    if (points.length === 0) return [];
    const name = `sweep-${sweep.name}.svg`;
    writeFileSync(join(docs, name), drawSweep(sweep, points));
    return [`![By ${sweep.of}](${name})`];
  });
  return [
    "## How figures grow",
    "",
    "`npm run bench:sweep`: the file store, both servers in turn at every size; where a size could not be measured its point is missing. Where there were several rounds a bar reaches from the least to the greatest.",
    "",
    madeBy(file, "servers and load", file.points[0]?.rounds),
    "",
    ...drawn.flatMap((link) => [link, ""]),
  ].join("\n");
}

export function latenciesOf(file: LatenciesFile, docs: string): string {
  const name = "latency.svg";
  writeFileSync(join(docs, name), drawCurves(file.latencies));
  return [
    "## How acknowledgements are distributed",
    "",
    "`npm run bench:latency`: every acknowledgement timed, on the file store, both servers in turn, by a load generator of this repository (Node's HTTP client and its HDR histograms): how large a part took at most so long.",
    "",
    madeBy(file, "servers and load"),
    "",
    `![Distributions of acknowledgement latencies](${name})`,
    "",
  ].join("\n");
}

// The rows of servers on one store, side by side, and what they reach of what the machine gives.
import { fractionsOf } from "../limits/limits.ts";
import type { Result } from "../report.ts";
import { cell, madeBy, type ResultFile, round, table } from "./format.ts";

const HIGHER_IS_BETTER = ["write MiB/s", "requests/s", "catch-up MiB/s", "delivered MiB/s"];
const LOWER_IS_BETTER = [
  "ack p50 ms",
  "ack p99 ms",
  "ack max ms",
  "tail p50 ms",
  "tail p99 ms",
  "p50 ms",
  "p99 ms",
  "cpu seconds",
  "cpu seconds / GiB",
  "event-loop delay p99 ms",
  "gc share",
  "peak RSS MiB",
  "store requests",
  "store requests/s",
  "store requests / GiB",
];
/** Below this a difference says nothing: what is offered is what is written, on both sides. */
export const NOISE = 0.02;
/** Of rows that one server is measured with alone, all figures are shown. */
const ALONE = ["growth", "many streams"];

/** `about`: what stands behind the store's name. */
export function serversOn(file: ResultFile, store: Result["store"], about: string): string {
  const results = file.results.filter((result) => result.store === store);
  const rows = results.filter(({ server }) => server === "tailrace").flatMap((ours) => rowsOf(ours, results));
  return [
    `## ${store}${about}`,
    "",
    madeBy(file, "servers and load", results[0]?.rounds),
    "",
    ...table(["row", "figure", "Tailrace", "S2 Lite", "ratio"], "llrrr", rows),
    "",
  ].join("\n");
}

function rowsOf(ours: Result, results: readonly Result[]): string[][] {
  const theirs = results.find(({ server, row }) => server === "s2-lite" && row === ours.row);
  return Object.entries(ours.figures)
    .filter(([figure]) => isShown(ours.row, figure))
    .map(([figure, value]) => {
      const other = theirs?.figures[figure];
      const ratio = other === undefined ? "" : ratioOf(figure, value / other);
      return [ours.row, figure, cell(value, ours.spread, figure), cell(other, theirs?.spread, figure), ratio];
    });
}

function isShown(row: string, figure: string): boolean {
  if (ALONE.some((name) => row.startsWith(name))) return true;
  return HIGHER_IS_BETTER.includes(figure) || LOWER_IS_BETTER.includes(figure);
}

/** Bold where we are behind. */
function ratioOf(figure: string, ratio: number): string {
  if (!Number.isFinite(ratio)) return "";
  const behind = HIGHER_IS_BETTER.includes(figure) ? ratio < 1 - NOISE : ratio > 1 + NOISE;
  return behind ? `**${ratio.toFixed(2)}**` : ratio.toFixed(2);
}

/** Nothing when the run measured no limits. */
export function limitsOf(file: ResultFile): string[] {
  const fractions = fractionsOf(file.results);
  if (fractions.length === 0) return [];
  const percent = (value: number | undefined) => (value === undefined ? "" : `${Math.round(value * 100)} %`);
  const rows = fractions.map(({ name, figure, of, limit, tailrace, s2Lite }) => [
    name.replace("limit: ", ""),
    `${round(limit)} ${figure.replace(/^\w+ /, "")}`,
    `${of.row}, ${of.figure}`,
    percent(tailrace),
    percent(s2Lite),
  ]);
  const text = [
    "## Against the limits",
    "",
    "What this machine gave without a server in the same run, and how much of it the rows reach that are to be seen against it. Where the rest goes is in [performance](performance.md).",
    "",
    madeBy(file, "servers and load", file.results[0]?.rounds),
    "",
    ...table(["limit", "measured", "seen against it", "Tailrace", "S2 Lite"], "lrlrr", rows),
    "",
  ];
  return [text.join("\n")];
}

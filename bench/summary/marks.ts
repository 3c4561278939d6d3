// The table of marks: each is reached, measured short, or not attempted.
import { judge, judgeTails, TAIL_BEHIND_ACK_MS } from "../marks.ts";
import { madeBy, type ResultFile, table } from "./format.ts";

function took({ tookSecs }: ResultFile): string {
  return tookSecs === undefined ? "" : ` The whole run took ${Math.ceil(tookSecs / 60)} minutes.`;
}

export function marksOf(file: ResultFile): string {
  const judged = judge(file.results).map(({ row, store, figure, bound, against, worst, state }) => [
    row,
    store,
    figure,
    "atLeast" in bound ? `≥ ${bound.atLeast}` : `≤ ${bound.atMost}`,
    against === "itself" ? "itself" : "S2 Lite",
    worst?.toFixed(2) ?? "",
    state,
  ]);
  const tails = judgeTails(file.results).map(({ row, store, behindMs, state }) => [
    row,
    store,
    "tail p50 behind ack p50, ms",
    `≤ ${TAIL_BEHIND_ACK_MS}`,
    "itself",
    behindMs.toFixed(2),
    state,
  ]);
  const rows = [...judged, ...tails].map((cells) =>
    cells.map((text) => (text === "measured short" ? `**${text}**` : text)),
  );
  return [
    "## Marks",
    "",
    "What is aimed at, as the ratio to S2 Lite within the run below, or as a figure of Tailrace itself; where a mark names several rows, the worst of them counts. What is known of those that are measured short is in [performance](performance.md#short-of-the-marks).",
    "",
    `${madeBy(file, "servers and load", file.results[0]?.rounds)}${took(file)}`,
    "",
    ...table(["row", "store", "figure", "aim", "against", "measured", ""], "lllrlrl", rows),
    "",
  ].join("\n");
}

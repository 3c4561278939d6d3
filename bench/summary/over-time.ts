// A table of how marks went from one full run to the next.
import { coursesOf, type Run } from "../history.ts";
import { round, table } from "./format.ts";

/** So many runs fit beside each other. */
const SHOWN_RUNS = 8;

/** Nothing while there is but one run. */
export function overTime(all: readonly Run[]): string[] {
  const runs = all.slice(-SHOWN_RUNS);
  if (runs.length < 2) return [];
  const head = runs.map(({ date, commit }) => `${date.slice(5, 16).replace("T", " ")} ${commit.slice(0, 7)}`);
  const rows = coursesOf(runs).map(({ mark, measured }) => [mark.row, mark.store, mark.figure, ...measured.map(round)]);
  const text = [
    "## Over time",
    "",
    "The marks of the last full runs, from `bench/results/history.json`: ratios to S2 Lite in each run, and figures of Tailrace itself where a mark is about that. Between runs of different days the machine differs too.",
    "",
    ...table(["row", "store", "figure", ...head], `lll${"r".repeat(runs.length)}`, rows),
    "",
  ];
  return [text.join("\n")];
}

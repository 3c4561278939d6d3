// How the headlines of full runs went over time: for each run the figures that marks are about, kept when the run's own file is overwritten by the next.
import { judge, MARKS } from "./marks.ts";
import type { Result } from "./report.ts";
import type { ResultFile } from "./summary/format.ts";

export interface Headline {
  readonly store: Result["store"];
  /** What the mark is about; of several rows the worst counts. */
  readonly row: string;
  readonly figure: string;
  /** To S2 Lite in the same run, or the figure itself. */
  readonly measured: number;
}

export interface Run {
  readonly date: string;
  readonly commit: string;
  readonly node: string;
  readonly cores: number;
  readonly headlines: readonly Headline[];
}

export function runOf({ date, commit, node, machine, results }: ResultFile): Run {
  const headlines = judge(results).flatMap(({ store, row, figure, worst }) =>
    worst === undefined ? [] : [{ store, row, figure, measured: worst }],
  );
  return { date, commit, node, cores: machine.cores, headlines };
}

/** In the order in which they were taken, each once. */
export function remembered(runs: readonly Run[], run: Run): Run[] {
  return [...runs.filter(({ date }) => date !== run.date), run].toSorted((a, b) => (a.date < b.date ? -1 : 1));
}

export interface Course {
  readonly mark: Pick<Headline, "store" | "row" | "figure">;
  /** One for each of `runs`, undefined where it was not measured. */
  readonly measured: readonly (number | undefined)[];
}

/** Of every mark that any of these runs measured. */
export function coursesOf(runs: readonly Run[]): Course[] {
  return MARKS.map(({ store, row, figure }) => ({
    mark: { store, row, figure },
    measured: runs.map(
      ({ headlines }) =>
        headlines.find((each) => each.store === store && each.row === row && each.figure === figure)?.measured,
    ),
  })).filter(({ measured }) => measured.some((value) => value !== undefined));
}

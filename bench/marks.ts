// What Tailrace is to reach beside S2 Lite in the same run, and of itself, and whether it did. Pure: looks at results, measures nothing.
import type { StoreKind } from "./options.ts";
import type { Figures, Result } from "./report.ts";

type Bound = { readonly atLeast: number } | { readonly atMost: number };

export interface Mark {
  /** The beginning of the rows' names that the mark is about: where there are several, all must reach it. */
  readonly row: string;
  readonly store: StoreKind;
  readonly figure: string;
  /** Of the ratio to S2 Lite, or of Tailrace's own figure. */
  readonly bound: Bound;
  readonly against: "s2-lite" | "itself";
}

export interface Judged extends Mark {
  /** The worst of the rows, as a ratio or Tailrace's own figure; undefined when it was not measured. */
  readonly worst: number | undefined;
  readonly state: State;
}

export type State = "reached" | "measured short" | "not attempted";

const most = (row: string, store: StoreKind, figure: string, atMost: number): Mark => ({
  row,
  store,
  figure,
  bound: { atMost },
  against: "s2-lite",
});
const least = (row: string, store: StoreKind, figure: string, atLeast: number): Mark => ({
  row,
  store,
  figure,
  bound: { atLeast },
  against: "s2-lite",
});
const own = (row: string, store: StoreKind, figure: string, atMost: number): Mark => ({
  ...most(row, store, figure, atMost),
  against: "itself",
});

/** Under full load: how late the event loop may be, and what share of the time the collector of garbage may take. */
const LOOP_DELAY_P99_MS = 20;
const GC_SHARE = 0.05;
const FULL_LOADS = ["small appends, 512 clients", "8 KiB records, 125 MiB/s offered", "8 KiB records, overdriven"];

export const MARKS: readonly Mark[] = [
  most("8 KiB records, 1 MiB/s offered", "file", "ack p50 ms", 0.65),
  most("8 KiB records, 1 MiB/s offered", "file", "ack p99 ms", 0.2),
  most("8 KiB records, 20 MiB/s offered", "file", "ack p50 ms", 0.7),
  most("8 KiB records, 20 MiB/s offered", "file", "ack p99 ms", 0.5),
  least("8 KiB records, 125 MiB/s offered", "file", "write MiB/s", 1.05),
  most("8 KiB records, 125 MiB/s offered", "file", "ack p50 ms", 0.35),
  most("8 KiB records, 125 MiB/s offered", "file", "ack p99 ms", 0.4),
  least("8 KiB records, overdriven", "file", "write MiB/s", 2.5),
  most("8 KiB records, overdriven", "file", "ack max ms", 0.05),
  least("8 KiB records, overdriven", "memory", "write MiB/s", 3.5),
  most("8 KiB records, overdriven", "memory", "ack max ms", 0.05),
  least("8 KiB records, overdriven", "s3", "write MiB/s", 2),
  most("8 KiB records, overdriven", "s3", "ack p50 ms", 0.4),
  least("small appends, 1 clients", "file", "requests/s", 5),
  least("small appends, 1 clients", "s3", "requests/s", 6),
  least("small appends, 64 clients", "file", "requests/s", 1.6),
  least("small appends, 64 clients", "s3", "requests/s", 6),
  least("small appends, 512 clients", "file", "requests/s", 1.05),
  least("check-tail, 1 clients", "file", "requests/s", 0.5),
  least("check-tail, 64 clients", "file", "requests/s", 1),
  least("single records of history, 64 clients", "file", "requests/s", 12),
  least("8 KiB records, 125 MiB/s offered", "file", "catch-up MiB/s", 1.6),
  least("8 KiB records, 125 MiB/s offered", "s3", "catch-up MiB/s", 1.2),
  least("100 followers", "file", "delivered MiB/s", 1.5),
  most("100 followers", "file", "tail p99 ms", 0.5),
  most("8 KiB records, overdriven, --memory", "file", "peak RSS MiB", 0.6),
  most("8 KiB records, 125 MiB/s offered", "file", "cpu seconds / GiB", 0.6),
  ...FULL_LOADS.flatMap((row) => [
    own(row, "file", "event-loop delay p99 ms", LOOP_DELAY_P99_MS),
    own(row, "file", "gc share", GC_SHARE),
  ]),
];

/** How much later than its acknowledgement a record may reach a reader, in the median. */
export const TAIL_BEHIND_ACK_MS = 1;

/** The mark on how soon readers have what is acknowledged: of Tailrace alone, in milliseconds. */
export interface TailBehindAck {
  readonly row: string;
  readonly store: StoreKind;
  readonly behindMs: number;
  readonly state: State;
}

export function judge(results: readonly Result[], marks: readonly Mark[] = MARKS): Judged[] {
  return marks.map((mark) => {
    const judged = rowsOf(results, mark)
      .map((ours) => judgedBy(results, mark, ours))
      .filter((value) => Number.isFinite(value));
    if (judged.length === 0) return { ...mark, worst: undefined, state: "not attempted" };
    const { bound } = mark;
    const worst = "atLeast" in bound ? Math.min(...judged) : Math.max(...judged);
    const reached = "atLeast" in bound ? worst >= bound.atLeast : worst <= bound.atMost;
    return { ...mark, worst, state: reached ? "reached" : "measured short" };
  });
}

/** NaN when there is nothing to judge. */
function judgedBy(results: readonly Result[], { figure, against }: Mark, ours: Result): number {
  const value = ours.figures[figure] ?? Number.NaN;
  if (against === "itself") return value;
  const theirs = results.find(
    ({ store, row, server }) => store === ours.store && row === ours.row && server === "s2-lite",
  );
  return value / (theirs?.figures[figure] ?? Number.NaN);
}

/** Rows with bounded memory have marks of their own. */
function rowsOf(results: readonly Result[], { store, row }: Mark): Result[] {
  const isBounded = (name: string) => name.includes("--memory");
  return results.filter(
    (each) =>
      each.store === store &&
      each.server === "tailrace" &&
      each.row.startsWith(row) &&
      isBounded(each.row) === isBounded(row),
  );
}

export function judgeTails(results: readonly Result[]): TailBehindAck[] {
  return results
    .filter(({ server, row }) => server === "tailrace" && row.includes("offered"))
    .flatMap(({ store, row, figures }) => {
      const behindMs = behind(figures);
      if (behindMs === undefined) return [];
      return [
        {
          row,
          store,
          behindMs,
          state: behindMs <= TAIL_BEHIND_ACK_MS ? ("reached" as const) : ("measured short" as const),
        },
      ];
    });
}

function behind(figures: Figures): number | undefined {
  const behindMs = figures["tail p50 ms"] - figures["ack p50 ms"];
  return Number.isFinite(behindMs) ? behindMs : undefined;
}

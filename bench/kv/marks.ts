// What the key-value store aims at beside Redis, and whether a run met it. Knows results alone.

/** One row of one server: medians of its rounds. */
export interface KvResult {
  readonly row: string;
  readonly server: string;
  readonly figures: Readonly<Record<string, number>>;
}

export const REDIS = "redis-server";
export const KV = "tailrace kv";
export const KV_ON_A_LOG = "tailrace kv, log beside";
export const THREE = "three replicas, one log";
export const THE_LOG = "the log";

export const ROWS = {
  set: "SET, 64 clients",
  setPipelined: "SET, 64 clients, -P 16",
  strong: "GET strong, 64 clients",
  eventual: "GET eventual, 64 clients",
  setAlone: "SET, 1 client",
  recovery: "recovery",
  lag: "lag at 5,000 writes/s",
} as const;

export interface Mark {
  readonly row: string;
  /** In words, of what. */
  readonly what: string;
  readonly aim: string;
  readonly measured: number;
  readonly met: boolean;
}

type Measured = (row: string, server: string, figure: string) => number | undefined;

interface Aim {
  readonly row: string;
  readonly what: string;
  readonly aim: string;
  measure(of: Measured): number | undefined;
  meets(measured: number): boolean;
}

const MS_OVER_THE_APPEND = 1;
const RECOVERY_SECS = 5;
const LAG_P99_MS = 20;

const ratio = (row: string, atLeast: number): Aim => ({
  row,
  what: "requests/s, of Redis's",
  aim: `≥ ${atLeast}`,
  measure: (of) => quotient(of(row, KV, "requests/s"), of(row, REDIS, "requests/s")),
  meets: (measured) => measured >= atLeast,
});

const AIMS: readonly Aim[] = [
  ratio(ROWS.set, 0.35),
  ratio(ROWS.setPipelined, 0.1),
  ratio(ROWS.strong, 0.35),
  ratio(ROWS.eventual, 0.5),
  {
    row: ROWS.strong,
    what: "requests/s of three replicas, of one's on the same kind of log",
    aim: "> 1",
    measure: (of) => quotient(of(ROWS.strong, THREE, "requests/s"), of(ROWS.strong, KV_ON_A_LOG, "requests/s")),
    meets: (measured) => measured > 1,
  },
  {
    row: ROWS.setAlone,
    what: "p50 behind an append's to the same log, ms",
    aim: `≤ ${MS_OVER_THE_APPEND}`,
    measure: (of) => difference(of(ROWS.setAlone, KV_ON_A_LOG, "p50 ms"), of(ROWS.setAlone, THE_LOG, "p50 ms")),
    meets: (measured) => measured <= MS_OVER_THE_APPEND,
  },
  {
    row: ROWS.recovery,
    what: "s",
    aim: `< ${RECOVERY_SECS}`,
    measure: (of) => of(ROWS.recovery, KV, "recovery s"),
    meets: (measured) => measured < RECOVERY_SECS,
  },
  {
    row: ROWS.lag,
    what: "p99, ms",
    aim: `< ${LAG_P99_MS}`,
    measure: (of) => of(ROWS.lag, THREE, "lag p99 ms"),
    meets: (measured) => measured < LAG_P99_MS,
  },
];

/** Of those that the run measured. */
export function judge(results: readonly KvResult[]): readonly Mark[] {
  const of: Measured = (row, server, figure) =>
    results.find((result) => result.row === row && result.server === server)?.figures[figure];
  return AIMS.flatMap(({ row, what, aim, measure, meets }) => {
    const measured = measure(of);
    return measured === undefined ? [] : [{ row, what, aim, measured, met: meets(measured) }];
  });
}

function quotient(a: number | undefined, b: number | undefined): number | undefined {
  return a === undefined || b === undefined ? undefined : a / b;
}

function difference(a: number | undefined, b: number | undefined): number | undefined {
  return a === undefined || b === undefined ? undefined : a - b;
}

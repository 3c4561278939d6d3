// What to measure, from the command line.
import { parseArgs } from "node:util";

export const STORES = ["memory", "file", "s3"] as const;
export type StoreKind = (typeof STORES)[number];

export interface BenchOptions {
  readonly stores: readonly StoreKind[];
  /** Seconds of load per row. */
  readonly secs: number;
  /** How often each row is measured, the servers in turn. */
  readonly rounds: number;
  /** A row is measured when its name contains one of these; all when empty. */
  readonly rows: readonly string[];
  /** Where to write the results, as JSON. */
  readonly out: string | undefined;
}

const FULL = { secs: 5, rounds: 3 };
const QUICK = { secs: 1, rounds: 1 };

const HELP = `npm run bench -- [options]

Starts servers on fresh stores, loads them, and prints a table. Where \`s2\` is on the PATH, S2 Lite is measured
beside Tailrace in the same run, row by row, and ratios are printed. Uses \`s2 bench\` and \`wrk\` as load generators.

  --quick           a second a row, once: within five minutes
  --secs N          seconds a row (default: ${FULL.secs})
  --rounds N        measure each row N times, the servers in turn, and take medians (default: ${FULL.rounds}: within an hour)
  --stores LIST     of memory,file,s3 (default: all; s3 needs versitygw)
  --rows LIST       only rows whose name contains one of these
  --out FILE        write the results as JSON
  --help
`;

/** Undefined: help was asked for and printed. */
export function benchOptions(args: readonly string[]): BenchOptions | undefined {
  const { values } = parseArgs({
    args: [...args],
    options: {
      quick: { type: "boolean", default: false },
      secs: { type: "string" },
      rounds: { type: "string" },
      stores: { type: "string", default: STORES.join(",") },
      rows: { type: "string", default: "" },
      out: { type: "string" },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) {
    console.log(HELP);
    return undefined;
  }
  const usual = values.quick ? QUICK : FULL;
  const stores = STORES.filter((store) => values.stores.split(",").includes(store));
  return {
    stores,
    secs: Number(values.secs ?? usual.secs),
    rounds: Math.max(1, Math.floor(Number(values.rounds ?? usual.rounds))),
    rows: values.rows.split(",").filter((row) => row !== ""),
    out: values.out,
  };
}

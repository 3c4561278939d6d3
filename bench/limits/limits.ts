// What the machine gives without a server, and which row of a server is to be seen against it: both are measured in the same run.
import type { StoreKind } from "../options.ts";
import type { Figures, Result } from "../report.ts";
import { bareHttp2 } from "./bare-http2.ts";
import { syncedFiles } from "./synced-files.ts";

export interface Limit {
  readonly name: string;
  readonly figure: string;
  /** What is seen against it, on the store of the limit's own row. */
  readonly of: { readonly row: string; readonly figure: string };
  run(secs: number): Promise<Figures>;
}

/** Where they are measured: beside the rows of this store. */
export const LIMITS_STORE: StoreKind = "file";

export const LIMITS: readonly Limit[] = [
  {
    name: "limit: synced files of 1 MiB",
    figure: "write MiB/s",
    of: { row: "8 KiB records, overdriven", figure: "write MiB/s" },
    run: syncedFiles,
  },
  {
    name: "limit: bare HTTP/2 of Node",
    figure: "read MiB/s",
    of: { row: "8 KiB records, 125 MiB/s offered", figure: "catch-up MiB/s" },
    run: bareHttp2,
  },
];

/** How much of a limit each server reaches; undefined where either was not measured. */
export interface Fraction extends Limit {
  readonly limit: number;
  readonly tailrace: number | undefined;
  readonly s2Lite: number | undefined;
}

export function fractionsOf(results: readonly Result[], limits: readonly Limit[] = LIMITS): Fraction[] {
  const value = (row: string, server: Result["server"], figure: string) =>
    results.find((each) => each.store === LIMITS_STORE && each.row === row && each.server === server)?.figures[figure];
  return limits.flatMap((each) => {
    const limit = value(each.name, "machine", each.figure);
    if (limit === undefined) return [];
    const reached = (server: Result["server"]) => {
      const own = value(each.of.row, server, each.of.figure);
      return own === undefined ? undefined : own / limit;
    };
    return [{ ...each, limit, tailrace: reached("tailrace"), s2Lite: reached("s2-lite") }];
  });
}

// `wrk`: requests a second and latencies over kept HTTP/1.1 connections.
import { join } from "node:path";
import type { Figures } from "../report.ts";
import { runLoad } from "./run.ts";

export interface WrkLoad {
  readonly connections: number;
  /** A script beside this file. */
  readonly script: string;
  readonly path: string;
  /** Given to the script. */
  readonly args?: readonly string[];
}

export async function wrk(url: string, basin: string, load: WrkLoad, secs: number): Promise<Figures> {
  const args = [
    "-t1",
    `-c${load.connections}`,
    `-d${secs}s`,
    "--latency",
    "--timeout",
    "30s",
    "-s",
    join(import.meta.dirname, load.script),
  ];
  const output = await runLoad(
    "wrk",
    [...args, `${url}${load.path}`, "--", basin, ...(load.args ?? [])],
    {},
    secs * 1000 + 60_000,
  );
  const ms = (name: string) => {
    const match = new RegExp(`^ +${name} +([0-9.]+)(us|ms|s)`, "m").exec(output);
    return Number(match?.[1] ?? Number.NaN) * (match?.[2] === "s" ? 1000 : match?.[2] === "ms" ? 1 : 0.001);
  };
  const failed = /Non-2xx or 3xx responses: ([0-9]+)/.exec(output);
  if (failed !== null) throw new Error(`${failed[1]} requests failed:\n${output}`);
  return {
    "requests/s": Number(/Requests\/sec: +([0-9.]+)/.exec(output)?.[1] ?? Number.NaN),
    "p50 ms": ms("50%"),
    "p99 ms": ms("99%"),
  };
}

// Results: a table for people, JSON for everything else. Figures are as measured.
import { execFileSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { arch, cpus, platform, totalmem } from "node:os";
import { dirname } from "node:path";
import type { KvResult } from "./kv/marks.ts";
import type { LatencyCurve } from "./latency/curve.ts";
import type { StoreKind } from "./options.ts";
import type { ServerName } from "./servers/server.ts";
import type { SweepPoint } from "./sweep/point.ts";
import type { ThreadsResult } from "./threads/jobs.ts";

export type Figures = Readonly<Record<string, number>>;

/** Of every figure the least and the greatest of several rounds. */
export type Spread = Readonly<Record<string, readonly [number, number]>>;

/** What several rounds of the same load come to. */
export interface Rounds {
  /** Medians. */
  readonly figures: Figures;
  readonly rounds: number;
  /** Only where there were several. */
  readonly spread?: Spread;
}

/** Whose figures a row shows: a server's, or what the machine gives when no server stands in between. */
export type Measured = ServerName | "machine";

/** What the name of a row begins with that compares storage classes, not servers. */
export const CLASS_ROW = "storage class ";

export interface Result extends Partial<Rounds> {
  readonly store: StoreKind;
  readonly row: string;
  readonly server: Measured;
  readonly figures: Figures;
}

export function summarized(rounds: readonly Figures[]): Rounds {
  const figures = medians(rounds);
  if (rounds.length < 2) return { figures, rounds: rounds.length };
  const spread = Object.keys(figures).map((name) => {
    const values = rounds.map((round) => round[name]);
    return [name, [Math.min(...values), Math.max(...values)]] as const;
  });
  return { figures, rounds: rounds.length, spread: Object.fromEntries(spread) };
}

/** Of every figure its median, which for two is their mean. */
export function medians(rounds: readonly Figures[]): Figures {
  const names = Object.keys(rounds[0] ?? {});
  return Object.fromEntries(names.map((name) => [name, median(rounds.map((figures) => figures[name]))]));
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

function show(value: number): string {
  if (!Number.isFinite(value)) return "–";
  if (value >= 1000) return Math.round(value).toLocaleString("en");
  return value >= 100 ? value.toFixed(0) : value.toFixed(2);
}

/** One row of the table: ours, theirs where measured, and the ratio. */
export function printRow(results: readonly Result[], store: StoreKind, row: string): void {
  const of = (server: Measured) =>
    results.find((each) => each.store === store && each.row === row && each.server === server);
  const ours = of("tailrace") ?? of("machine");
  const theirs = of("s2-lite")?.figures;
  if (ours === undefined) return;
  console.log(`\n${store}: ${row}`);
  for (const [name, value] of Object.entries(ours.figures)) {
    const other = theirs?.[name];
    const beside = other === undefined ? "" : `  s2-lite ${show(other).padStart(10)}  ratio ${show(value / other)}`;
    const [low, high] = ours.spread?.[name] ?? [];
    const between = low === undefined || high === undefined ? "" : `  (${show(low)} to ${show(high)})`;
    console.log(`  ${name.padEnd(22)} ${show(value).padStart(10)}${beside}${between}`);
  }
}

/** One log through its usual client, with so many appends on their way. */
export interface PeerResult extends Partial<Rounds> {
  readonly peer: string;
  readonly atOnce: number;
  readonly figures: Figures;
}

/** `tookSecs`: the run, from its start. */
export function writeJson(
  path: string,
  results: readonly Result[],
  skipped: readonly string[],
  tookSecs?: number,
): void {
  write(path, { tookSecs, skipped, results });
}

export function writePeers(path: string, peers: readonly PeerResult[], skipped: readonly string[]): void {
  write(path, { skipped, peers });
}

export function writeKv(path: string, kv: readonly KvResult[]): void {
  write(path, { kv });
}

export function writeSweeps(path: string, points: readonly SweepPoint[], skipped: readonly string[]): void {
  write(path, { skipped, points });
}

export function writeLatencies(path: string, latencies: readonly LatencyCurve[], skipped: readonly string[]): void {
  write(path, { skipped, latencies });
}

export function writeThreads(path: string, threads: readonly ThreadsResult[]): void {
  write(path, { threads });
}

function write(path: string, content: object): void {
  const commit = execFileSync("git", ["rev-parse", "HEAD"], { encoding: "utf8" }).trim();
  const machine = {
    cores: cpus().length,
    model: cpus()[0]?.model,
    memoryBytes: totalmem(),
    platform: platform(),
    arch: arch(),
  };
  const made = { date: new Date().toISOString(), commit, machine, node: process.version };
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, `${JSON.stringify({ ...made, ...content }, null, 2)}\n`);
}

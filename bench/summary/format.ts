// How results are told: when they were taken, and figures in the cells of tables.
import type { PeerResult, Result, Spread } from "../report.ts";

/** What every file of results says of itself; written by report.ts. */
export interface Made {
  readonly date: string;
  readonly commit: string;
  readonly node: string;
  readonly machine: { readonly cores: number; readonly model?: string };
}

export interface ResultFile extends Made {
  /** Of the whole run, where it was told. */
  readonly tookSecs?: number;
  readonly results: readonly Result[];
}

export interface PeersFile extends Made {
  readonly peers: readonly PeerResult[];
}

/** When, of what and where figures were taken, and how often. */
export function madeBy({ date, commit, node, machine }: Made, sharedBy: string, rounds?: number): string {
  const often =
    rounds === undefined || rounds < 2 ? "" : ` Medians of ${rounds} rounds, least and greatest in brackets.`;
  const model = machine.model === undefined ? "" : ` (${machine.model})`;
  return `${date.slice(0, 10)}, commit ${commit.slice(0, 12)}, Node ${node}, ${machine.cores} cores${model} shared by ${sharedBy}.${often}`;
}

export function round(value: number | undefined): string {
  if (value === undefined || !Number.isFinite(value)) return "";
  return Math.abs(value) >= 100 ? String(Math.round(value)) : value.toFixed(2);
}

/** A figure, and between what its rounds lay. */
export function cell(value: number | undefined, spread: Spread | undefined, figure: string): string {
  const between = spread?.[figure];
  return between === undefined ? round(value) : `${round(value)} (${round(between[0])}–${round(between[1])})`;
}

/** `align`: one of l and r for each column. */
export function table(head: readonly string[], align: string, rows: readonly (readonly string[])[]): string[] {
  const rule = [...align].map((side) => (side === "r" ? "---:" : "---"));
  return [head, rule, ...rows].map((cells) => `| ${cells.join(" | ")} |`);
}

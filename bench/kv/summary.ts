// Writes what `npm run bench:kv` measured into docs/kv.md: figures are generated, never typed.
// node bench/kv/summary.ts (under the Node that runs Tailrace)
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { judge, type KvResult } from "./marks.ts";

const ROOT = join(import.meta.dirname, "../..");
const RESULTS = "bench/results/kv/beside-redis.json";
const DOCUMENT = "docs/kv.md";
const BEGIN = "<!-- Made by bench/kv/summary.ts. -->";
const END = "<!-- End of what is made. -->";

interface ResultFile {
  readonly date: string;
  readonly commit: string;
  readonly node: string;
  readonly machine: { readonly cores: number };
  readonly kv: readonly KvResult[];
}

const round = (value: number): string => (value >= 100 ? Math.round(value).toLocaleString("en") : value.toFixed(2));

/** As the formatter has tables; `numbers` are the columns to be set to the right. */
function table(rows: readonly (readonly string[])[], numbers: (column: number) => boolean): string[] {
  const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => row[column].length)));
  const line = (cells: readonly string[]): string => `| ${cells.join(" | ")} |`;
  const padded = (row: readonly string[]): string =>
    line(row.map((cell, i) => (numbers(i) ? cell.padStart(widths[i]) : cell.padEnd(widths[i]))));
  const ruler = line(widths.map((width, i) => (numbers(i) ? `${"-".repeat(width - 1)}:` : "-".repeat(width))));
  const [head, ...body] = rows;
  return [padded(head), ruler, ...body.map(padded)];
}

function figuresOf(results: readonly KvResult[]): string[] {
  const names = [...new Set(results.flatMap(({ figures }) => Object.keys(figures)))];
  const rows = results.map(({ row, server, figures }) => [
    row,
    server,
    ...names.map((name) => (figures[name] === undefined ? "" : round(figures[name]))),
  ]);
  return table([["row", "server", ...names], ...rows], (column) => column > 1);
}

function marksOf(results: readonly KvResult[]): string[] {
  const rows = judge(results).map(({ row, what, aim, measured, met }) => [
    row,
    what,
    aim,
    measured.toFixed(2),
    met ? "met" : "**short**",
  ]);
  return table([["row", "what", "aim", "measured", "mark"], ...rows], (column) => column === 2 || column === 3);
}

// Written by report.ts.
const file = JSON.parse(readFileSync(join(ROOT, RESULTS), "utf8")) as ResultFile;
const made = `${file.date.slice(0, 10)}, commit ${file.commit.slice(0, 12)}, Node ${file.node}, ${file.machine.cores} cores shared by servers and load.`;
const whole = readFileSync(join(ROOT, DOCUMENT), "utf8");
const [from, to] = [whole.indexOf(BEGIN), whole.indexOf(END)];
if (from < 0 || to < from) throw new Error(`${DOCUMENT} has no place for what is generated`);
const text = [made, "", ...figuresOf(file.kv), "", ...marksOf(file.kv)].join("\n");
writeFileSync(join(ROOT, DOCUMENT), `${whole.slice(0, from + BEGIN.length)}\n\n${text}\n\n${whole.slice(to)}`);

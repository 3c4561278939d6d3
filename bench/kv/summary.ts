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

function tableOf(results: readonly KvResult[]): string[] {
  const names = [...new Set(results.flatMap(({ figures }) => Object.keys(figures)))];
  return [
    `| row | server | ${names.join(" | ")} |`,
    `|---|---|${"---:|".repeat(names.length)}`,
    ...results.map(({ row, server, figures }) => {
      const cells = names.map((name) => (figures[name] === undefined ? "" : round(figures[name])));
      return `| ${row} | ${server} | ${cells.join(" | ")} |`;
    }),
  ];
}

function marksOf(results: readonly KvResult[]): string[] {
  return [
    "| row | what | aim | measured | |",
    "|---|---|---:|---:|---|",
    ...judge(results).map(
      ({ row, what, aim, measured, met }) =>
        `| ${row} | ${what} | ${aim} | ${measured.toFixed(2)} | ${met ? "met" : "**short**"} |`,
    ),
  ];
}

// Written by report.ts.
const file = JSON.parse(readFileSync(join(ROOT, RESULTS), "utf8")) as ResultFile;
const made = `${file.date.slice(0, 10)}, commit ${file.commit.slice(0, 12)}, Node ${file.node}, ${file.machine.cores} cores shared by servers and load.`;
const whole = readFileSync(join(ROOT, DOCUMENT), "utf8");
const [from, to] = [whole.indexOf(BEGIN), whole.indexOf(END)];
if (from < 0 || to < from) throw new Error(`${DOCUMENT} has no place for what is generated`);
const text = [made, "", ...tableOf(file.kv), "", ...marksOf(file.kv)].join("\n");
writeFileSync(join(ROOT, DOCUMENT), `${whole.slice(0, from + BEGIN.length)}\n\n${text}\n\n${whole.slice(to)}`);

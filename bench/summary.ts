// Writes docs/benchmarks.md, and what storage classes cost into docs/locations.md, from the committed results: figures are generated,
// never typed.
// node bench/summary.ts (under the Node that runs Tailrace)
import { existsSync, globSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { judge, judgeTails, TAIL_BEHIND_ACK_MS } from "./marks.ts";
import { CLASS_ROW, type PeerResult, type Result } from "./report.ts";

const ROOT = join(import.meta.dirname, "..");
const HIGHER_IS_BETTER = ["write MiB/s", "requests/s", "catch-up MiB/s", "delivered MiB/s"];
const LOWER_IS_BETTER = [
  "ack p50 ms",
  "ack p99 ms",
  "ack max ms",
  "tail p50 ms",
  "tail p99 ms",
  "p50 ms",
  "p99 ms",
  "cpu seconds",
  "cpu seconds / GiB",
  "loop delay p99 ms",
  "gc share",
  "peak RSS MiB",
  "store requests",
  "store requests/s",
  "store requests / GiB",
];
/** Below this a difference says nothing: what is offered is what is written, on both sides. */
const NOISE = 0.02;

interface Made {
  readonly date: string;
  readonly commit: string;
  readonly node: string;
  readonly machine: { readonly cores: number; readonly model?: string };
}

interface ResultFile extends Made {
  readonly results: readonly Result[];
}

interface PeersFile extends Made {
  readonly peers: readonly PeerResult[];
}

function read<T extends Made = ResultFile>(path: string): T {
  // Written by report.ts.
  return JSON.parse(readFileSync(join(ROOT, path), "utf8")) as T;
}

/** When, of what and where figures were taken. */
function madeBy({ date, commit, node, machine }: Made, sharedBy: string): string {
  return `${date.slice(0, 10)}, commit ${commit.slice(0, 12)}, Node ${node}, ${machine.cores} cores shared by ${sharedBy}.`;
}

/** A table of the rows that compare storage classes. */
function classesOf(file: ResultFile): string {
  const figures = ["store requests / 1,000 appends", "p50 ms", "p99 ms"];
  const lines = [
    madeBy(file, "server and load"),
    "",
    `| store | class | ${figures.join(" | ")} |`,
    `|---|---|${"---:|".repeat(figures.length)}`,
  ];
  for (const { store, row, figures: measured } of file.results) {
    if (!row.startsWith(CLASS_ROW)) continue;
    lines.push(
      `| ${store} | ${row.slice(CLASS_ROW.length)} | ${figures.map((name) => round(measured[name])).join(" | ")} |`,
    );
  }
  return lines.join("\n");
}

/** Puts `text` between the lines that begin and end what is generated. */
function replaceGenerated(path: string, text: string): void {
  const [begin, end] = ["<!-- Made by bench/summary.ts. -->", "<!-- End of what is made. -->"];
  const whole = readFileSync(path, "utf8");
  const [from, to] = [whole.indexOf(begin), whole.indexOf(end)];
  if (from < 0 || to < from) throw new Error(`${path} has no place for what is generated`);
  writeFileSync(path, `${whole.slice(0, from + begin.length)}\n\n${text}\n\n${whole.slice(to)}`);
}

function sectionsOf(path: string): string[] {
  const file = read(path);
  const stores = new Set(file.results.map((result) => result.store));
  return [...stores].map((store) => section(file, store));
}

/** What else a user would pick, through the client that they would use. */
function peersOf(file: PeersFile): string {
  const figures = Object.keys(file.peers[0]?.figures ?? {});
  return [
    "## Beside other logs",
    "",
    "`npm run bench:peers`: single records of 200 bytes and their tail, each log on files, with every append synced before it is answered, through its usual Node client, which shares the machine with its server.",
    "",
    madeBy(file, "server and client"),
    "",
    `| log | at once | ${figures.join(" | ")} |`,
    `|---|---:|${"---:|".repeat(figures.length)}`,
    ...file.peers.map(
      ({ peer, atOnce, figures: measured }) =>
        `| ${peer} | ${atOnce} | ${figures.map((name) => round(measured[name])).join(" | ")} |`,
    ),
    "",
  ].join("\n");
}

/** A simulated day: figures of the store alone, which no machine changes. */
function amplificationOf(file: ResultFile): string {
  const rows = file.results.flatMap(({ figures }) => Object.entries(figures));
  return [
    "## A day of appends, trims and deletions",
    "",
    "`node bench/scale/amplification.ts --out bench/results/amplification.json`: the engine as it is, in virtual time, on a store in memory that counts. 200 streams, records of 16 KiB: of 60 streams records vanish after two hours, 60 are trimmed to their last 200 records, 60 are deleted and founded again every few hours, and 20 keep all. Amplifications are bytes put for each byte appended, and bytes kept for each byte that can be read, looked at once an hour. At the end everything is deleted.",
    "",
    madeBy(file, "the engine and its load"),
    "",
    "| figure | |",
    "|---|---:|",
    ...rows.map(([name, value]) => `| ${name} | ${round(value)} |`),
    "",
  ].join("\n");
}

/** The plots that `npm run bench:sweep` drew. */
function sweepsOf(plots: readonly string[]): string {
  return [
    "## How figures grow",
    "",
    "`npm run bench:sweep`: the file store, both servers in turn, a size after the other; where a size could not be measured its point is missing.",
    "",
    ...plots.map((path) => `![${path.slice(path.indexOf("-") + 1, -4)}](${path})`),
    "",
  ].join("\n");
}

/** What was aimed at, over all stores of a run. */
function marksOf(file: ResultFile): string {
  const judged = judge(file.results).map(({ row, store, figure, bound, ratio, state }) => {
    const needed = "atLeast" in bound ? `≥ ${bound.atLeast}` : `≤ ${bound.atMost}`;
    const shown = state === "short" ? `**${state}**` : state;
    return `| ${row} | ${store} | ${figure} | ${needed} | ${ratio?.toFixed(2) ?? ""} | ${shown} |`;
  });
  const tails = judgeTails(file.results).map(
    ({ row, store, behindMs, state }) =>
      `| ${row} | ${store} | tail p50 behind ack p50 | ≤ ${TAIL_BEHIND_ACK_MS} ms | ${behindMs.toFixed(2)} ms | ${state === "short" ? `**${state}**` : state} |`,
  );
  return [
    "## Marks",
    "",
    "What is aimed at beside S2 Lite, as the ratio within the run below; where a mark names several rows, the worst of them counts. What is known of those that are short is in [performance](performance.md).",
    "",
    "| row | store | figure | aim | measured | |",
    "|---|---|---|---:|---:|---|",
    ...judged,
    ...tails,
    "",
  ].join("\n");
}

function section(file: ResultFile, store: Result["store"]): string {
  const lines = [
    `## ${store}`,
    "",
    madeBy(file, "servers and load"),
    "",
    "| row | figure | Tailrace | S2 Lite | ratio |",
    "|---|---|---:|---:|---:|",
  ];
  const results = file.results.filter((result) => result.store === store);
  for (const ours of results.filter((result) => result.server === "tailrace")) {
    const theirs = results.find((result) => result.server === "s2-lite" && result.row === ours.row);
    for (const [name, value] of Object.entries(ours.figures).filter(([figure]) => shown(ours.row, figure))) {
      const other = theirs?.figures[name];
      const ratio = other === undefined ? "" : ratioOf(name, value / other);
      lines.push(`| ${ours.row} | ${name} | ${round(value)} | ${other === undefined ? "" : round(other)} | ${ratio} |`);
    }
  }
  return lines.join("\n");
}

/** Of rows that one server is measured with alone, all. */
const ALONE = ["growth", "many streams"];

function shown(row: string, figure: string): boolean {
  if (ALONE.some((name) => row.startsWith(name))) return true;
  return HIGHER_IS_BETTER.includes(figure) || LOWER_IS_BETTER.includes(figure);
}

/** Bold where we are behind. */
function ratioOf(figure: string, ratio: number): string {
  if (!Number.isFinite(ratio)) return "";
  const behind = HIGHER_IS_BETTER.includes(figure) ? ratio < 1 - NOISE : ratio > 1 + NOISE;
  return behind ? `**${ratio.toFixed(2)}**` : ratio.toFixed(2);
}

function round(value: number): string {
  return value >= 100 ? String(Math.round(value)) : value.toFixed(2);
}

const CLASSES = "bench/results/storage-classes.json";
const PEERS = "bench/results/peers.json";
const SWEEPS = "bench/results/sweeps.json";
const AMPLIFICATION = "bench/results/amplification.json";
replaceGenerated(join(ROOT, "docs/locations.md"), classesOf(read(CLASSES)));
const sections = globSync("bench/results/*.json", { cwd: ROOT })
  .toSorted()
  .filter((path) => ![CLASSES, PEERS, SWEEPS, AMPLIFICATION].includes(path))
  .flatMap(sectionsOf);
const peers = existsSync(join(ROOT, PEERS)) ? [peersOf(read<PeersFile>(PEERS))] : [];
const amplification = existsSync(join(ROOT, AMPLIFICATION)) ? [amplificationOf(read(AMPLIFICATION))] : [];
const plots = globSync("sweep-*.svg", { cwd: join(ROOT, "docs") }).toSorted();
const sweeps = plots.length > 0 ? [sweepsOf(plots)] : [];
const marks = marksOf(read("bench/results/all.json"));
const head = `# Benchmarks

Generated by \`bench/summary.ts\` from \`bench/results/\`, which \`npm run bench -- --secs 3 --stores STORES --out FILE\` wrote. Both servers ran in the same run with their defaults, in turn; the ratio is what counts, and is bold where Tailrace is behind by more than ${NOISE * 100} %. For latencies, processor time, memory and store requests lower is better; peak memory is that of the process so far, row by row. Requests to S3 are counted by the S3 server, those to other stores by Tailrace alone. At rest a store may still see one request: the record of the last minute's usage. Seconds a row on a shared machine: expect a spread of tens of per cent.
`;
writeFileSync(
  join(ROOT, "docs/benchmarks.md"),
  `${[head, marks, ...sections, ...peers, ...amplification, ...sweeps].join("\n")}\n`,
);

// What is measured beside the rows of servers: other logs, storage classes, a simulated day, work on threads.
import { CLASS_ROW } from "../report.ts";
import type { ThreadsResult } from "../threads/jobs.ts";
import { cell, type Made, madeBy, type PeersFile, type ResultFile, round, table } from "./format.ts";

/** What else a user would pick, through the client that they would use. */
export function peersOf(file: PeersFile): string {
  const figures = Object.keys(file.peers[0]?.figures ?? {});
  const rows = file.peers.map(({ peer, atOnce, figures: measured, spread }) => [
    peer,
    String(atOnce),
    ...figures.map((name) => cell(measured[name], spread, name)),
  ]);
  return [
    "## Beside other logs",
    "",
    "`npm run bench:peers`: single records of 200 bytes and their tail, each log on files, with every append synced before it is answered, through its usual Node client, which shares the machine with its server.",
    "",
    madeBy(file, "server and client", file.peers[0]?.rounds),
    "",
    ...table(["log", "at once", ...figures], `lr${"r".repeat(figures.length)}`, rows),
    "",
  ].join("\n");
}

/** A table of the rows that compare storage classes. */
export function classesOf(file: ResultFile): string {
  const figures = ["store requests / 1,000 appends", "p50 ms", "p99 ms"];
  const rows = file.results
    .filter(({ row }) => row.startsWith(CLASS_ROW))
    .map(({ store, row, figures: measured, spread }) => [
      store,
      row.slice(CLASS_ROW.length),
      ...figures.map((name) => cell(measured[name], spread, name)),
    ]);
  return [
    madeBy(file, "server and load", file.results[0]?.rounds),
    "",
    ...table(["store", "class", ...figures], "llrrr", rows),
  ].join("\n");
}

/** A simulated day: figures of the store alone, which no machine changes. */
export function amplificationOf(file: ResultFile): string {
  const rows = file.results.flatMap(({ figures }) =>
    Object.entries(figures).map(([name, value]) => [name, round(value)]),
  );
  return [
    "## A day of appends, trims and deletions",
    "",
    "`node bench/scale/amplification.ts --out bench/results/amplification.json`: the engine as it is, in virtual time, on a store in memory that counts. 200 streams, records of 16 KiB: of 60 streams records vanish after two hours, 60 are trimmed to their last 200 records, 60 are deleted and founded again every few hours, and 20 keep all. Amplifications are bytes put for each byte appended, and bytes kept for each byte that can be read, looked at once an hour. At the end everything is deleted.",
    "",
    madeBy(file, "the engine and its load"),
    "",
    ...table(["figure", ""], "lr", rows),
    "",
  ].join("\n");
}

export interface ThreadsFile extends Made {
  readonly threads: readonly ThreadsResult[];
}

/** Work that is handed to threads, and the same done on the event loop. */
export function threadsOf(file: ThreadsFile): string {
  const figures = Object.keys(file.threads[0]?.figures ?? {});
  const rows = file.threads.map(({ job, where, figures: measured, spread }) => [
    job,
    where,
    ...figures.map((name) => cell(measured[name], spread, name)),
  ]);
  return [
    "## Work on threads",
    "",
    "`npm run bench:threads`: each job done on the event loop, and as the server does it, in turns, four under way at any time. The delay is how late a look at every millisecond is; processor time is that of the whole process.",
    "",
    madeBy(file, "event loop and threads", file.threads[0]?.rounds),
    "",
    ...table(["job", "where", ...figures], `ll${"r".repeat(figures.length)}`, rows),
    "",
  ].join("\n");
}

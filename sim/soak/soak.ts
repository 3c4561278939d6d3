// Many seeds on a few threads, for as long as it takes. Real time is looked at here, for people, and nowhere below.
import { Worker } from "node:worker_threads";
import { RARE_BRANCHES } from "@tailrace/engine/runtime";
import type { SeedSummary } from "./worker.ts";

export interface SoakOptions {
  readonly from: number;
  /** May be infinite. */
  readonly seeds: number;
  readonly jobs: number;
  readonly quiet: boolean;
  /** Start no seed after this much real time. */
  readonly forMs: number;
}

export interface SoakResult {
  readonly failed: readonly number[];
  readonly done: number;
  /** One line for people. */
  readonly summary: string;
}

/** Prints its progress to the standard error. */
export async function soak(options: SoakOptions): Promise<SoakResult> {
  const { from, seeds, jobs, quiet, forMs } = options;
  const startedMs = performance.now();
  const failed: number[] = [];
  /** Of those, the ones of which nothing is known but that the checker gave up. */
  let undecided = 0;
  const reached = new Map<string, number>();
  let next = from;
  let done = 0;
  let simulatedMs = 0;
  let busyMs = 0;
  let operations = 0;
  const progress = new Progress(quiet);
  const work = (worker: Worker) =>
    new Promise<void>((resolve, reject) => {
      const give = () => {
        if (next >= from + seeds || performance.now() - startedMs > forMs) resolve();
        else {
          worker.postMessage(next);
          next += 1;
        }
      };
      worker.on("error", reject);
      worker.on("message", (summary: SeedSummary) => {
        done += 1;
        simulatedMs += summary.simulatedMs;
        busyMs += summary.busyMs;
        operations += summary.operations;
        for (const branch of summary.branches) reached.set(branch, (reached.get(branch) ?? 0) + 1);
        if (summary.failed) failed.push(summary.seed);
        if (summary.undecided) undecided += 1;
        const realMs = performance.now() - startedMs;
        progress.show(Math.max(done / seeds, realMs / forMs), done, failed.length, realMs);
        give();
      });
      give();
    });
  const workers = Array.from(
    { length: Math.min(jobs, seeds) },
    () => new Worker(new URL("worker.ts", import.meta.url)),
  );
  try {
    await Promise.all(workers.map(work));
  } finally {
    progress.end();
    await Promise.all(workers.map((worker) => worker.terminate()));
  }
  const realMs = performance.now() - startedMs;
  const ratio = (virtualMs: number) => Math.round(virtualMs / realMs / workers.length);
  const never = RARE_BRANCHES.filter((branch) => !reached.has(branch));
  const lines = [
    `${done} seeds from ${from}, ${failed.length} failed, ${undecided} of them undecided; ${operations} operations`,
    `${((1000 * done) / realMs).toFixed(2)} seeds/s; ${Math.round(simulatedMs / 3_600_000)} h simulated in ${(realMs / 1000).toFixed(0)} s on ${workers.length === 1 ? "one thread" : `${workers.length} threads`}:`,
    `  ${ratio(simulatedMs)} times as fast as real time on each, and ${ratio(busyMs)} times without the silent ends`,
    ...(never.length === 0 ? [] : [`never reached: ${never.join(", ")}`]),
  ];
  return { failed: failed.toSorted((a, b) => a - b), done, summary: lines.join("\n") };
}

const BAR_CHARS = 30;

class Progress {
  readonly #silent: boolean;

  constructor(quiet: boolean) {
    this.#silent = quiet || !process.stderr.isTTY;
  }

  show(share: number, done: number, failed: number, realMs: number): void {
    if (this.#silent) return;
    const bar = "#".repeat(Math.round(BAR_CHARS * Math.min(1, share))).padEnd(BAR_CHARS, "·");
    const rate = ((1000 * done) / realMs).toFixed(1);
    process.stderr.write(`\r[${bar}] ${done} seeds, ${rate}/s, ${failed} failed `);
  }

  end(): void {
    if (!this.#silent) process.stderr.write("\n");
  }
}

// npm run bench:threads: what handing work to threads, or doing it piece by piece, gives and costs.
import { monitorEventLoopDelay } from "node:perf_hooks";
import { parseArgs } from "node:util";
// The pool of threads is as large as a server's.
import "../../packages/cli/src/thread-pool.ts";
import { loadAegis } from "@tailrace/engine/runtime";
import { LOAD_OPTIONS, loadAskedFor } from "../command.ts";
import { type Figures, summarized, writeThreads } from "../report.ts";
import { type Job, jobs, type ThreadsResult } from "./jobs.ts";

const MIB = 1024 * 1024;
const AT_ONCE = 4;
const NS_PER_MS = 1e6;
/** A look at the event loop so often; what passes beyond that from one to the next is delay. */
const LOOK_MS = 1;
const MS_PER_SEC = 1000;
const US_PER_SEC = 1e6;
const MIB_PER_GIB = 1024;
/** A job before it counts. */
const WARM_UP_SECS = 0.2;
const HELP = `npm run bench:threads -- [options]

  --secs N      seconds a job (default 2)
  --rounds N    measure each N times, in turns, and take medians (default 3)
  --out FILE    write the results as JSON
  --help
`;

const { values } = parseArgs({ options: LOAD_OPTIONS });
const { secs, rounds: times } = loadAskedFor(values, HELP, { secs: 2, rounds: 3 });

async function measure(job: Job, once: () => Promise<unknown>, secs: number): Promise<Figures> {
  const delay = monitorEventLoopDelay({ resolution: LOOK_MS });
  delay.enable();
  const cpuBefore = process.cpuUsage();
  const startMs = performance.now();
  let done = 0;
  const again = async () => {
    while (performance.now() - startMs < secs * MS_PER_SEC) {
      await once();
      done += 1;
      // A job that waits for nobody would otherwise leave no time to anyone.
      await new Promise<void>((resolve) => setImmediate(resolve));
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, again));
  const took = (performance.now() - startMs) / MS_PER_SEC;
  const cpu = process.cpuUsage(cpuBefore);
  delay.disable();
  const late = (ns: number) => Math.max(0, ns / NS_PER_MS - LOOK_MS);
  const mib = (done * job.bytes) / MIB;
  return {
    "MiB/s": mib / took,
    "event-loop delay p50 ms": late(delay.percentile(50)),
    "event-loop delay p99 ms": late(delay.percentile(99)),
    "event-loop delay max ms": late(delay.max),
    "cpu seconds / GiB": ((cpu.user + cpu.system) / US_PER_SEC) * (MIB_PER_GIB / mib),
  };
}

await loadAegis();
const results: ThreadsResult[] = [];
for (const job of await jobs()) {
  const rounds = job.places.map((): Figures[] => []);
  for (const { once } of job.places) await measure(job, once, WARM_UP_SECS);
  for (let round = 0; round < times; round += 1)
    for (const [i, { once }] of job.places.entries()) rounds[i].push(await measure(job, once, secs));
  for (const [i, { where }] of job.places.entries()) {
    const result = { job: job.name, where, ...summarized(rounds[i]) };
    results.push(result);
    const shown = Object.entries(result.figures).map(([figure, value]) => `${figure} ${value.toFixed(2)}`);
    console.log(`${job.name.padEnd(40)} ${where.padEnd(22)} ${shown.join("  ")}`);
  }
}
if (values.out !== undefined) writeThreads(values.out, results);
process.exit(0);

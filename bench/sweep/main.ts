// npm run bench:sweep: how figures grow with clients, streams, history, followers, sizes of records and what is offered, on fresh file stores,
// the servers in turn at every size. bench/summary.ts draws what is written.
import { parseArgs } from "node:util";
import { isInstalled, LOAD_OPTIONS, loadAskedFor, measurableServers } from "../command.ts";
import { type Figures, summarized, writeSweeps } from "../report.ts";
import type { BenchServer } from "../servers/server.ts";
import { startServer } from "../servers/start.ts";
import type { SweepPoint } from "./point.ts";
import { CPU_PER_REQUEST, prepareBasin, SWEEPS, type Sweep } from "./sweeps.ts";

const US_PER_SEC = 1e6;
const HELP = `npm run bench:sweep -- [options]

  --secs N      seconds a size (default 3)
  --rounds N    measure each size N times, the servers in turn, and take medians (default 3)
  --only LIST   of ${SWEEPS.map(({ name }) => name).join(",")} (default: all)
  --scale       to the largest sizes too: a million streams, 20 GiB of history (an hour, and 45 GiB of disk)
  --out FILE    write the results as JSON
  --help
`;

const { values } = parseArgs({
  options: {
    ...LOAD_OPTIONS,
    only: { type: "string", default: SWEEPS.map(({ name }) => name).join(",") },
    scale: { type: "boolean", default: false },
  },
});
const { secs, rounds: times } = loadAskedFor(values, HELP, { secs: 3, rounds: 3 });
const { names, skipped } = measurableServers();
const points: SweepPoint[] = [];
const startedMs = performance.now();

async function measureSize(sweep: Sweep, size: number, servers: readonly BenchServer[]): Promise<void> {
  const rounds = new Map<BenchServer, Figures[]>(servers.map((server) => [server, []]));
  /** Beyond what a server can bear there is no point of it. */
  const failed = new Set<BenchServer>();
  const attempt = async (server: BenchServer, work: () => Promise<void>) => {
    if (failed.has(server)) return;
    await work().catch((error: unknown) => {
      failed.add(server);
      const reason = error instanceof Error ? error.message : String(error);
      skipped.push(`${sweep.name} ${size} on ${server.name}: ${reason}`);
    });
  };
  for (const server of servers) await attempt(server, async () => sweep.prepare?.(server.url, size));
  for (let round = 0; round < times; round += 1)
    for (const server of servers)
      await attempt(server, async () => void rounds.get(server)?.push(await measure(sweep, size, server)));
  for (const [server, all] of rounds) {
    if (all.length === 0 || failed.has(server)) continue;
    const point = { sweep: sweep.name, size, server: server.name, ...summarized(all) };
    points.push(point);
    const shown = sweep.drawn.map((figure) => `${figure} ${point.figures[figure]?.toFixed(2)}`);
    console.log(`${sweep.name.padEnd(13)} ${String(size).padStart(8)} ${server.name.padEnd(9)} ${shown.join("  ")}`);
  }
}

async function measure(sweep: Sweep, size: number, server: BenchServer): Promise<Figures> {
  const before = server.usage();
  const figures = await sweep.run(server.url, size, secs);
  const { cpuSecs, rssMiB } = server.usage();
  const requests = (figures["requests/s"] ?? Number.NaN) * secs;
  const perRequest = ((cpuSecs - before.cpuSecs) * US_PER_SEC) / requests;
  return { ...figures, ...(Number.isFinite(perRequest) ? { [CPU_PER_REQUEST]: perRequest } : {}), "RSS MiB": rssMiB };
}

async function measureSweep(sweep: Sweep): Promise<void> {
  if (sweep.needs !== undefined && !isInstalled(sweep.needs)) {
    skipped.push(`${sweep.name}: ${sweep.needs} is not on the PATH`);
    return;
  }
  const servers: BenchServer[] = [];
  try {
    for (const name of names) {
      const server = await startServer(name, "file", undefined);
      if (server === undefined) throw new Error("there is always a disk");
      servers.push(server);
      await prepareBasin(server.url);
    }
    const sizes = [...sweep.sizes, ...(values.scale ? (sweep.large ?? []) : [])];
    for (const size of sizes) await measureSize(sweep, size, servers);
  } finally {
    for (const server of servers) await server.stop();
  }
}

for (const sweep of SWEEPS.filter(({ name }) => values.only.split(",").includes(name))) await measureSweep(sweep);
for (const reason of skipped) console.log(`skipped: ${reason}`);
console.log(`took ${Math.round((performance.now() - startedMs) / 1000)} seconds`);
if (values.out !== undefined) writeSweeps(values.out, points, skipped);
process.exit(0);

// npm run bench:kv: `tailrace kv serve` beside a redis-server that syncs every write before it answers, in one run and in turns. Load and
// servers share the machine, so that a ratio says more than a figure.
import { parseArgs } from "node:util";
import { S2 } from "@s2-dev/streamstore";
import { isInstalled, LOAD_OPTIONS, loadAskedFor } from "../command.ts";
import { type Figures, medians, writeKv } from "../report.ts";
import { appendP50Ms } from "./append-latency.ts";
import { eventualGets } from "./eventual.ts";
import { lag } from "./lag.ts";
import { judge, KV, KV_ON_A_LOG, type KvResult, REDIS, ROWS, THE_LOG, THREE } from "./marks.ts";
import { LogProcess, RedisProcess } from "./processes.ts";
import { fill, quiet, recovery } from "./recovery.ts";
import { benchmark, type Load, type LoadFigures } from "./redis-benchmark.ts";

const CLIENTS = 64;
const PIPELINE = 16;
const LAG_WRITES_PER_SEC = 5_000;
const BASIN = "bench-kv";
const HELP = `npm run bench:kv -- [options]

The key-value store beside redis-server (appendfsync always), by redis-benchmark; both must be on the PATH.

  --secs N     seconds a row (default 3)
  --rounds N   measure each N times, in turn, and take medians (default 3)
  --keys N     that a server comes back with after a kill (default 1000000)
  --rows LIST  only rows with one of these parts in their names
  --out FILE   write the results as JSON
  --help
`;

const { values } = parseArgs({
  options: {
    ...LOAD_OPTIONS,
    keys: { type: "string", default: "1000000" },
    rows: { type: "string", default: "" },
  },
});
const { secs, rounds } = loadAskedFor(values, HELP, { secs: 3, rounds: 3 });
for (const tool of ["redis-server", "redis-benchmark"]) {
  if (isInstalled(tool)) continue;
  console.log(`${tool} is not on the PATH`);
  process.exit(1);
}
const keys = Number(values.keys);
const parts = values.rows === "" ? [""] : values.rows.split(",");
const results: KvResult[] = [];
const running: { stop(): Promise<void> }[] = [];

/** One server's part in a row: what it is called, whose processor time counts, and what it is measured by. */
interface Contender {
  readonly name: string;
  readonly processes: readonly { readonly cpuSecs: number }[];
  measure(): Promise<Figures & { readonly requests?: number }>;
}

async function started<T extends { stop(): Promise<void> }>(starting: Promise<T>): Promise<T> {
  const server = await starting;
  running.push(server);
  return server;
}

const cpuSecsOf = (processes: Contender["processes"]): number =>
  processes.reduce((sum, { cpuSecs }) => sum + cpuSecs, 0);

/** With the processor time of each request, where whose it is can be told. */
async function measured({ processes, measure }: Contender): Promise<Figures> {
  const before = cpuSecsOf(processes);
  const { requests, ...figures } = await measure();
  if (requests === undefined || processes.length === 0) return figures;
  return { ...figures, "cpu µs/request": ((cpuSecsOf(processes) - before) / requests) * 1e6 };
}

/** The contenders in turn, A B A B …, and of each figure the median. */
async function row(name: string, contenders: readonly Contender[], times = rounds): Promise<void> {
  if (!parts.some((part) => name.includes(part))) return;
  const all = new Map<Contender, Figures[]>(contenders.map((contender) => [contender, []]));
  for (let round = 0; round < times; round += 1)
    for (const contender of contenders) all.get(contender)?.push(await measured(contender));
  for (const [{ name: server }, figures] of all) {
    results.push({ row: name, server, figures: medians(figures) });
    const shown = Object.entries(medians(figures)).map(([figure, value]) => `${figure} ${value.toFixed(2)}`);
    console.log(`${name.padEnd(26)} ${server.padEnd(24)} ${shown.join("  ")}`);
  }
}

const one = (name: string, server: RedisProcess, load: Omit<Load, "port">): Contender => ({
  name,
  processes: [server],
  measure: () => spread([server], load),
});

/** The same load over several servers at once: requests together, latencies of the slowest. */
async function spread(servers: readonly RedisProcess[], load: Omit<Load, "port">): Promise<LoadFigures> {
  const clients = Math.ceil(load.clients / servers.length);
  const each = await Promise.all(servers.map(({ port }) => benchmark({ ...load, port, clients }, secs)));
  return {
    "requests/s": each.reduce((sum, figures) => sum + figures["requests/s"], 0),
    "p50 ms": Math.max(...each.map((figures) => figures["p50 ms"])),
    "p99 ms": Math.max(...each.map((figures) => figures["p99 ms"])),
    requests: each.reduce((sum, figures) => sum + figures.requests, 0),
  };
}

const eventual = (name: string, server: RedisProcess, readonly: boolean): Contender => ({
  name,
  processes: [server],
  measure: () => eventualGets(server.port, CLIENTS, readonly, secs),
});

async function besideRedis(): Promise<void> {
  const redis = await started(RedisProcess.redis());
  const kv = await started(RedisProcess.kv());
  const both = (load: Omit<Load, "port">) => [one(REDIS, redis, load), one(KV, kv, load)];
  await row(ROWS.set, both({ command: "set", clients: CLIENTS }));
  await row(ROWS.setPipelined, both({ command: "set", clients: CLIENTS, pipeline: PIPELINE }));
  await row(ROWS.strong, both({ command: "get", clients: CLIENTS }));
  await row(ROWS.eventual, [eventual(REDIS, redis, false), eventual(KV, kv, true)]);
  await row(ROWS.setAlone, both({ command: "set", clients: 1 }));
}

async function onALog(): Promise<void> {
  const log = await started(LogProcess.start());
  const client = { accessToken: "any", endpoints: { account: log.url, basin: log.url } };
  await new S2(client).basins.ensure({ basin: BASIN });
  const replicas: RedisProcess[] = [];
  for (let i = 0; i < 3; i += 1) replicas.push(await started(RedisProcess.kv(log)));
  const [first, second] = replicas;
  const get = { command: "get", clients: CLIENTS } as const;
  await row(ROWS.strong, [
    one(KV_ON_A_LOG, first, get),
    { name: THREE, processes: replicas, measure: () => spread(replicas, get) },
  ]);
  await row(ROWS.setAlone, [
    { name: THE_LOG, processes: [], measure: async () => ({ "p50 ms": await appendP50Ms(log, BASIN, secs) }) },
    one(KV_ON_A_LOG, first, { command: "set", clients: 1 }),
  ]);
  const measureLag = async () => {
    const [writer, reader] = [first.client(), second.client()];
    try {
      return await lag(writer, reader, LAG_WRITES_PER_SEC, secs);
    } finally {
      writer.disconnect();
      reader.disconnect();
    }
  };
  await row(ROWS.lag, [{ name: THREE, processes: [], measure: measureLag }]);
}

async function comingBack(): Promise<void> {
  if (!parts.some((part) => ROWS.recovery.includes(part))) return;
  const redis = await started(RedisProcess.redis());
  const kv = await started(RedisProcess.kv());
  for (const server of [redis, kv]) {
    await fill(server, keys);
    await quiet(server);
  }
  const contender = (name: string, server: RedisProcess): Contender => ({
    name,
    processes: [],
    measure: () => recovery(server, keys),
  });
  await row(ROWS.recovery, [contender(REDIS, redis), contender(KV, kv)]);
}

try {
  for (const part of [besideRedis, onALog, comingBack]) {
    await part();
    for (const server of running.splice(0)) await server.stop();
  }
} finally {
  for (const server of running) await server.stop();
}
for (const { row: name, what, aim, measured: value, met } of judge(results))
  console.log(`${met ? "met  " : "SHORT"} ${name}: ${what}: ${value.toFixed(2)}, aim ${aim}`);
if (values.out !== undefined) writeKv(values.out, results);
process.exit(0);

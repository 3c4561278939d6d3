// npm run bench: servers on fresh stores, the same load on each in turn, and what they made of it.
import { setTimeout as sleep } from "node:timers/promises";
import { isInstalled, measurableServers } from "./command.ts";
import { figuresOf } from "./figures.ts";
import { LIMITS, LIMITS_STORE } from "./limits/limits.ts";
import { type BenchOptions, benchOptions, type StoreKind } from "./options.ts";
import { type Figures, printRow, type Result, summarized, writeJson } from "./report.ts";
import { BOUNDED_MEMORY, BOUNDED_ROWS, prepare, ROWS, type Row } from "./rows.ts";
import type { BenchServer } from "./servers/server.ts";
import { startServer } from "./servers/start.ts";

/** At rest for this long, a server should ask nothing of its store. */
const IDLE_SECS = 5;

const REST_BEGINS_MS = 2_000;

const runStartedMs = performance.now();
const asked = benchOptions(process.argv.slice(2));
if (asked === undefined) process.exit(0);
const options: BenchOptions = asked;

const { names, skipped } = measurableServers();
const tools = { s2: names.includes("s2-lite"), wrk: isInstalled("wrk") };
if (!tools.wrk) skipped.push("wrk is not on the PATH");
const results: Result[] = [];

async function measure(server: BenchServer, store: StoreKind, row: Row, secs: number): Promise<Figures | undefined> {
  const before = server.usage();
  const countersBefore = await server.counters();
  try {
    const startedMs = performance.now();
    const figures = await row.run(server.url, secs);
    const elapsedSecs = (performance.now() - startedMs) / 1000;
    return figuresOf(figures, {
      elapsedSecs,
      usage: { before, after: server.usage() },
      counters: { before: countersBefore, after: await server.counters() },
    });
  } catch (error) {
    skipped.push(`${store}: ${row.name} on ${server.name}: ${error instanceof Error ? error.message : String(error)}`);
    return undefined;
  }
}

function isAsked(row: string): boolean {
  return options.rows.length === 0 || options.rows.some((part) => row.includes(part));
}

/** The servers in turn, A B A B …, and of each figure the median. */
async function measureRow(started: readonly BenchServer[], store: StoreKind, row: Row): Promise<void> {
  if (!isAsked(row.name)) return;
  if (row.needs !== undefined && !tools[row.needs]) return;
  const servers = started.filter(({ name }) => row.server === undefined || row.server === name);
  const rounds = new Map<BenchServer, Figures[]>(servers.map((server) => [server, []]));
  for (const { url } of servers) await row.prepare?.(url);
  for (let round = 0; round < options.rounds; round += 1) {
    for (const server of servers) {
      const figures = await measure(server, store, row, options.secs);
      if (figures !== undefined) rounds.get(server)?.push(figures);
    }
  }
  for (const [server, all] of rounds)
    if (all.length > 0) results.push({ store, row: row.name, server: server.name, ...summarized(all) });
  printRow(results, store, row.name);
}

/** What the machine gives while both servers rest. */
async function measureLimits(store: StoreKind): Promise<void> {
  for (const limit of LIMITS) {
    if (!isAsked(limit.name)) continue;
    const rounds: Figures[] = [];
    for (let round = 0; round < options.rounds; round += 1) rounds.push(await limit.run(options.secs));
    results.push({ store, row: limit.name, server: "machine", ...summarized(rounds) });
    printRow(results, store, limit.name);
  }
}

/** What the servers ask of their stores while nobody asks anything of them. */
async function measureRest(servers: readonly BenchServer[], store: StoreKind): Promise<void> {
  // The lease of the last answer and the like have their time to end.
  await sleep(REST_BEGINS_MS);
  const before = await Promise.all(servers.map((server) => server.counters()));
  await sleep(IDLE_SECS * 1000);
  const after = await Promise.all(servers.map((server) => server.counters()));
  servers.forEach((server, i) => {
    const [from, to] = [before[i].storeRequests, after[i].storeRequests];
    if (from === undefined || to === undefined) return;
    results.push({
      store,
      row: "at rest",
      server: server.name,
      figures: { "store requests/s": (to - from) / IDLE_SECS },
    });
  });
  printRow(results, store, "at rest");
}

async function measureStore(store: StoreKind): Promise<void> {
  await onFreshServers(store, undefined, async (servers) => {
    for (const row of ROWS) await measureRow(servers, store, row);
    if (store === LIMITS_STORE) await measureLimits(store);
    await measureRest(servers, store);
  });
  if (store !== "file") return;
  await onFreshServers(store, BOUNDED_MEMORY, async (servers) => {
    for (const row of BOUNDED_ROWS) await measureRow(servers, store, row);
  });
}

async function onFreshServers(
  store: StoreKind,
  memory: string | undefined,
  work: (servers: readonly BenchServer[]) => Promise<void>,
): Promise<void> {
  const servers: BenchServer[] = [];
  try {
    for (const name of names) {
      const server = await startServer(name, store, memory);
      if (server === undefined) {
        skipped.push(`${store}: there is no server of that kind on this machine`);
        return;
      }
      servers.push(server);
    }
    for (const server of servers) await prepare(server.url);
    await work(servers);
  } finally {
    for (const server of servers) await server.stop();
  }
}

for (const store of options.stores) await measureStore(store);
for (const reason of skipped) console.log(`skipped: ${reason}`);
const tookSecs = Math.round((performance.now() - runStartedMs) / 1000);
console.log(`\ntook ${tookSecs} seconds`);
if (options.out !== undefined) writeJson(options.out, results, skipped, tookSecs);
process.exit(0);

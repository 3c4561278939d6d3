// npm run bench: servers on fresh stores, the same load on each in turn, and what they made of it.
import { spawnSync } from "node:child_process";
import { setTimeout as sleep } from "node:timers/promises";
import { startVersitygw, type Versitygw } from "../test/support/versitygw.ts";
import { benchOptions, type StoreKind } from "./options.ts";
import { printRow, type Result, writeJson } from "./report.ts";
import { prepare, ROWS, type Row } from "./rows.ts";
import type { BenchServer } from "./servers/server.ts";
import { type ServerName, startServer } from "./servers/start.ts";

/** At rest for this long, a server should ask nothing of its store. */
const IDLE_SECS = 10;

const options = benchOptions(process.argv.slice(2));
if (options === undefined) process.exit(0);

const skipped: string[] = [];
const has = (command: string) => spawnSync("sh", ["-c", `command -v ${command}`]).status === 0;
const tools = { s2: has("s2"), wrk: has("wrk") };
for (const [tool, there] of Object.entries(tools)) if (!there) skipped.push(`${tool} is not on the PATH`);
const names: readonly ServerName[] = tools.s2 ? ["tailrace", "s2-lite"] : ["tailrace"];
const results: Result[] = [];

async function measure(server: BenchServer, store: StoreKind, row: Row, secs: number): Promise<void> {
  const before = server.usage();
  const requestsBefore = await server.storeRequests();
  try {
    const figures = await row.run(server.url, secs);
    const after = server.usage();
    const requests = await server.storeRequests();
    results.push({
      store,
      row: row.name,
      server: server.name as ServerName,
      figures: {
        ...figures,
        "cpu seconds": after.cpuSecs - before.cpuSecs,
        "peak RSS MiB": after.peakRssMiB,
        ...(requests === undefined || requestsBefore === undefined
          ? {}
          : { "store requests": requests - requestsBefore }),
      },
    });
  } catch (error) {
    skipped.push(`${store}: ${row.name} on ${server.name}: ${error instanceof Error ? error.message : String(error)}`);
  }
}

async function measureStore(
  store: StoreKind,
  s3: Versitygw | undefined,
  secs: number,
  rows: readonly string[],
): Promise<void> {
  const servers: BenchServer[] = [];
  try {
    for (const name of names) servers.push(await startServer(name, store, s3));
    for (const server of servers) await prepare(server.url);
    for (const row of ROWS) {
      if (rows.length > 0 && !rows.some((part) => row.name.includes(part))) continue;
      if (!tools[row.needs]) continue;
      for (const server of servers) await measure(server, store, row, secs);
      printRow(results, store, row.name);
    }
    const ours = servers[0];
    // The lease of the last answer and the like have their time to end.
    await sleep(2_000);
    const before = await ours.storeRequests();
    await sleep(IDLE_SECS * 1000);
    const after = await ours.storeRequests();
    if (before !== undefined && after !== undefined) {
      results.push({
        store,
        row: "at rest",
        server: "tailrace",
        figures: { "store requests/s": (after - before) / IDLE_SECS },
      });
      printRow(results, store, "at rest");
    }
  } finally {
    for (const server of servers) await server.stop();
  }
}

for (const store of options.stores) {
  const s3 = store === "s3" ? await startVersitygw() : undefined;
  if (store === "s3" && s3 === undefined) {
    skipped.push("s3: versitygw is not installed");
    continue;
  }
  try {
    await measureStore(store, s3, options.secs, options.rows);
  } finally {
    await s3?.stop();
  }
}
for (const reason of skipped) console.log(`skipped: ${reason}`);
if (options.out !== undefined) writeJson(options.out, results, skipped);
process.exit(0);

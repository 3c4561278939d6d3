// What is measured: each row is one load on one server, and gives figures.
import { followers } from "./load/followers.ts";
import { pacedAppends } from "./load/paced-appends.ts";
import { postAll } from "./load/post.ts";
import { s2Bench } from "./load/s2-bench.ts";
import { wrk } from "./load/wrk.ts";
import { CLASS_ROW, type Figures } from "./report.ts";
import { BATCH_RECORDS, batch } from "./scale/bulk.ts";
import type { ServerName } from "./servers/server.ts";

export const BASIN = "bench-basin";
/** For wrk: made before the rows that need it. */
const STREAM = "small";
const HISTORY = "history";
const FOLLOWED = "followed";
/** For loads on many streams: their names begin so, a number follows. */
const MANY_STREAMS = "many-";
const MANY = 1_000;
const CREATED_AT_ONCE = 32;
const HISTORY_BATCHES = 34;
const FILLED_AT_ONCE = 8;

/** How many appends a second a storage class is measured with: far below what either could take. */
const CLASS_APPENDS_PER_SECOND = 200;

export interface Row {
  readonly name: string;
  /** Undefined: no load generator but our own. */
  readonly needs?: "s2" | "wrk";
  /** Only where it means something. Default: all. */
  readonly server?: ServerName;
  /** Once for each server, before its first round: what the load needs to be there. */
  prepare?(url: string): Promise<void>;
  run(url: string, secs: number): Promise<Figures>;
}

function offered(name: string, targetMiBps: number): Row {
  return { name, needs: "s2", run: (url, secs) => s2Bench(url, BASIN, targetMiBps, secs) };
}

const records = `/v1/streams/${STREAM}/records`;

function appends(connections: number): Row {
  const load = { connections, script: "append.lua", path: records };
  return {
    name: `small appends, ${connections} clients`,
    needs: "wrk",
    run: (url, secs) => wrk(url, BASIN, load, secs),
  };
}

/** The same appends, each to one of many streams. */
function spreadAppends(connections: number): Row {
  const load = { connections, script: "append-streams.lua", path: `/v1/streams/${MANY_STREAMS}`, args: [String(MANY)] };
  return {
    name: `small appends, ${connections} clients, ${MANY.toLocaleString("en")} streams`,
    needs: "wrk",
    prepare: createMany,
    run: (url, secs) => wrk(url, BASIN, load, secs),
  };
}

function checkTails(connections: number): Row {
  const load = { connections, script: "get.lua", path: `${records}/tail` };
  return { name: `check-tail, ${connections} clients`, needs: "wrk", run: (url, secs) => wrk(url, BASIN, load, secs) };
}

/** The same load for each class. */
function ofClass(storageClass: string): Row {
  const stream = `of-${storageClass}`;
  return {
    name: `${CLASS_ROW}${storageClass}, ${CLASS_APPENDS_PER_SECOND} appends/s`,
    server: "tailrace",
    prepare: (url) => call(url, "PUT", `/v1/streams/${stream}`, { storage_class: storageClass }),
    run(url, secs) {
      const load = { basin: BASIN, path: `/v1/streams/${stream}/records`, perSecond: CLASS_APPENDS_PER_SECOND };
      return pacedAppends(url, load, secs);
    },
  };
}

export const ROWS: readonly Row[] = [
  appends(1),
  appends(64),
  spreadAppends(64),
  spreadAppends(512),
  checkTails(1),
  checkTails(64),
  {
    name: "single records of history, 64 clients",
    needs: "wrk",
    prepare: fillHistory,
    run(url, secs) {
      const args = [String(HISTORY_BATCHES * BATCH_RECORDS)];
      return wrk(
        url,
        BASIN,
        { connections: 64, script: "random-record.lua", path: `/v1/streams/${HISTORY}/records`, args },
        secs,
      );
    },
  },
  {
    name: "100 followers, 5 MiB/s",
    run: (url, secs) => followers(url, { basin: BASIN, stream: FOLLOWED, followers: 100, mibPerSec: 5 }, secs),
  },
  offered("8 KiB records, 1 MiB/s offered", 1),
  offered("8 KiB records, 20 MiB/s offered", 20),
  offered("8 KiB records, 125 MiB/s offered", 125),
  offered("8 KiB records, overdriven", 500),
  ofClass("express"),
  ofClass("standard"),
];

/** What Tailrace may keep of records while these are measured, on servers of their own. S2 Lite has no such bound. */
export const BOUNDED_MEMORY = "512MiB";
export const BOUNDED_ROWS: readonly Row[] = [
  offered(`8 KiB records, 125 MiB/s offered, --memory ${BOUNDED_MEMORY}`, 125),
  offered(`8 KiB records, overdriven, --memory ${BOUNDED_MEMORY}`, 500),
];

async function call(url: string, method: string, path: string, body: unknown): Promise<void> {
  const headers = { "content-type": "application/json", "s2-basin": BASIN };
  const answer = await fetch(`${url}${path}`, { method, headers, body: JSON.stringify(body) });
  const text = await answer.text();
  if (!answer.ok) throw new Error(`${method} ${path} answered ${answer.status}: ${text}`);
}

export async function prepare(url: string): Promise<void> {
  await call(url, "POST", "/v1/basins", { basin: BASIN });
  for (const stream of [STREAM, HISTORY, FOLLOWED]) await call(url, "POST", "/v1/streams", { stream });
}

async function createMany(url: string): Promise<void> {
  let next = 0;
  const create = async () => {
    while (next < MANY) await call(url, "PUT", `/v1/streams/${MANY_STREAMS}${next++}`, {});
  };
  await Promise.all(Array.from({ length: CREATED_AT_ONCE }, create));
}

/** About 32 MiB. */
async function fillHistory(url: string): Promise<void> {
  const posted = { path: `/v1/streams/${HISTORY}/records`, body: batch() };
  const headers = { "content-type": "application/protobuf", "s2-basin": BASIN };
  let left = HISTORY_BATCHES;
  await postAll(url, FILLED_AT_ONCE, headers, () => (left-- > 0 ? posted : undefined));
}

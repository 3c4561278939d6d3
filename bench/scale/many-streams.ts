// A deployment of very many streams with a few records each: what it costs to hold them, to start with them, to list them, to open one.
import { setTimeout as sleep } from "node:timers/promises";
import { percentile } from "../load/percentile.ts";
import { postAll } from "../load/post.ts";
import type { Figures } from "../report.ts";
import type { BenchServer } from "../servers/server.ts";

const PREFIX = "s";
const CONNECTIONS = 64;
const THREE_RECORDS = Buffer.from(JSON.stringify({ records: [{ body: "one" }, { body: "two" }, { body: "three" }] }));
const OPENED = 200;
const PAGES = 50;
const PAGE = 1_000;
/** What is left of the log is flushed a minute and a half after the last minute's usage was written, and its chunks go a good minute later. */
const REST_BEGINS_MS = 240_000;
const REST_SECS = 60;

export async function manyStreams(server: BenchServer, basin: string, streams: number): Promise<Figures> {
  const name = (i: number) => `${PREFIX}${String(i).padStart(8, "0")}`;
  const startMs = performance.now();
  let created = 0;
  await postAll(server.url, CONNECTIONS, { "content-type": "application/json", "s2-basin": basin }, () =>
    created === streams ? undefined : { path: `/v1/streams/${name(created++)}/records`, body: THREE_RECORDS },
  );
  const createdPerSec = streams / ((performance.now() - startMs) / 1000);
  const createdRssMiB = server.usage().rssMiB;
  const restartMs = await server.restart("SIGTERM");
  const restartedRssMiB = server.usage().rssMiB;
  const killedRestartMs = await server.restart("SIGKILL");
  const anywhere = (i: number, of: number) => name(Math.floor((streams * (i + 0.5)) / of));
  const openedMs = await timed(OPENED, (i) =>
    get(server, basin, `/v1/streams/${anywhere(i, OPENED)}/records?seq_num=0&count=1`),
  );
  const pageMs = await timed(PAGES, (i) =>
    get(server, basin, `/v1/streams?limit=${PAGE}&start_after=${anywhere(i, PAGES)}`),
  );
  await sleep(REST_BEGINS_MS);
  const before = await server.counters();
  await sleep(REST_SECS * 1000);
  const after = await server.counters();
  return {
    streams,
    "created streams/s": createdPerSec,
    "RSS MiB": createdRssMiB,
    "restart ms": restartMs,
    "RSS MiB after a restart": restartedRssMiB,
    "restart ms after SIGKILL": killedRestartMs,
    "cold open p50 ms": percentile(openedMs, 0.5),
    "cold open max ms": Math.max(...openedMs),
    "page of 1,000 p50 ms": percentile(pageMs, 0.5),
    "page of 1,000 max ms": Math.max(...pageMs),
    "store requests in a minute of rest": (after.storeRequests ?? Number.NaN) - (before.storeRequests ?? Number.NaN),
  };
}

async function timed(count: number, work: (i: number) => Promise<void>): Promise<number[]> {
  const tookMs: number[] = [];
  for (let i = 0; i < count; i += 1) {
    const fromMs = performance.now();
    await work(i);
    tookMs.push(performance.now() - fromMs);
  }
  return tookMs;
}

async function get(server: BenchServer, basin: string, path: string): Promise<void> {
  const answer = await fetch(server.url + path, { headers: { "s2-basin": basin } });
  await answer.arrayBuffer();
  if (!answer.ok) throw new Error(`${path} was answered ${answer.status}`);
}

// A stream whose history grows: what it takes to append to it, to find a record anywhere in it, and to read it from its beginning.
import { catchUp } from "../load/catch-up.ts";
import { postAll } from "../load/post.ts";
import { wrk } from "../load/wrk.ts";
import type { Figures } from "../report.ts";
import { BATCH_RECORDS, batch, RECORD_BYTES } from "../scale/bulk.ts";

const MIB = 1024 * 1024;
const STREAM = "grown";
const RECORDS = `/v1/streams/${STREAM}/records`;
const CONNECTIONS = 8;
const READERS = 16;
/** No more is caught up on, so that a longer history takes no longer to measure. */
const CAUGHT_UP_MIB = 256;

/** Grows to `mib`, if it is not as long yet, in whole batches. */
export async function grow(url: string, basin: string, mib: number): Promise<void> {
  const body = batch();
  let left = batchesOf(mib) - Math.floor((await tailOf(url, basin)) / BATCH_RECORDS);
  const headers = { "content-type": "application/protobuf", "s2-basin": basin };
  await postAll(url, CONNECTIONS, headers, () => (left-- > 0 ? { path: RECORDS, body } : undefined));
}

export async function readAnywhere(url: string, basin: string, mib: number, secs: number): Promise<Figures> {
  const records = String(batchesOf(mib) * BATCH_RECORDS);
  const load = { connections: READERS, script: "random-record.lua", path: RECORDS, args: [records] };
  const { "requests/s": perSecond, ...latencies } = await wrk(url, basin, load, secs);
  const bytes = Math.min(CAUGHT_UP_MIB * MIB, batchesOf(mib) * BATCH_RECORDS * RECORD_BYTES);
  return { "single records/s": perSecond, ...latencies, "catch-up MiB/s": await catchUp(url, basin, STREAM, bytes) };
}

function batchesOf(mib: number): number {
  return Math.ceil((mib * MIB) / (BATCH_RECORDS * RECORD_BYTES));
}

/** 0 when there is no such stream yet. */
async function tailOf(url: string, basin: string): Promise<number> {
  const answer = await fetch(`${url}${RECORDS}/tail`, { headers: { "s2-basin": basin } });
  if (answer.status === 404) return 0;
  const text = await answer.text();
  if (!answer.ok) throw new Error(`the tail was answered ${answer.status}: ${text}`);
  return Number(/"seq_num" *: *([0-9]+)/.exec(text)?.[1] ?? Number.NaN);
}

// Appends a given number of bytes over a few connections, as fast as they are taken, and looks at the server meanwhile.
import { postAll } from "../load/post.ts";
import type { BenchServer } from "../servers/server.ts";

const MIB = 1024 * 1024;
const CONNECTIONS = 8;
const STREAMS = 4;
export const RECORD_BYTES = 8 * 1024;
export const BATCH_RECORDS = 120;
const SAMPLE_MS = 1_000;

export interface BulkSample {
  readonly atSecs: number;
  readonly appendedMiB: number;
  readonly rssMiB: number;
}

/** AppendInput in protobuf: BATCH_RECORDS records of one body each. */
export function batch(): Buffer {
  const varint = (value: number) => Buffer.from([(value & 0x7f) | 0x80, value >>> 7]);
  const record = Buffer.concat([Buffer.from([0x1a]), varint(RECORD_BYTES), Buffer.alloc(RECORD_BYTES, 0x78)]);
  const tagged = Buffer.concat([Buffer.from([0x0a]), varint(record.length), record]);
  return Buffer.concat(Array.from({ length: BATCH_RECORDS }, () => tagged));
}

/** Resolves with a sample a second. Rejects when an append is not answered with 200. */
export async function appendBulk(server: BenchServer, basin: string, totalMiB: number): Promise<BulkSample[]> {
  const body = batch();
  const headers = { "content-type": "application/protobuf", "s2-basin": basin };
  const samples: BulkSample[] = [];
  const startMs = performance.now();
  /** Those on their way included. */
  let appended = 0;
  const sample = () => {
    const atSecs = (performance.now() - startMs) / 1000;
    samples.push({ atSecs, appendedMiB: appended / MIB, rssMiB: server.usage().rssMiB });
  };
  const sampling = setInterval(sample, SAMPLE_MS);
  const next = (connection: number) => {
    if (appended >= totalMiB * MIB) return undefined;
    appended += body.length;
    return { path: `/v1/streams/bulk-${connection % STREAMS}/records`, body };
  };
  try {
    await postAll(server.url, CONNECTIONS, headers, next);
  } finally {
    clearInterval(sampling);
  }
  sample();
  return samples;
}

/** MiB a second between two fractions of what was appended in all, from 0 to 1. */
export function rateBetween(samples: readonly BulkSample[], from: number, to: number): number {
  const total = samples.at(-1)?.appendedMiB ?? 0;
  const at = (fraction: number) => samples.find(({ appendedMiB }) => appendedMiB >= fraction * total);
  const [first, last] = [from === 0 ? { atSecs: 0, appendedMiB: 0 } : at(from), at(to)];
  if (first === undefined || last === undefined || last.atSecs <= first.atSecs) return Number.NaN;
  return (last.appendedMiB - first.appendedMiB) / (last.atSecs - first.atSecs);
}

// Whether the records of one entry are what its header says: how many, which numbers, up to which timestamp.
import {
  ENTRY_HEADER_BYTES,
  entryBytes,
  entryCount,
  entryFirstSeqNum,
  entryLastTimestampHigh,
  entryLastTimestampLow,
} from "../shard/chunk-format.ts";
import { timestampOf } from "../stream/stream.ts";
import { RecordCursor } from "../wire/index.ts";

const cursor = new RecordCursor();

/** What is wrong with the entry of records at `at`, whose checksum is right; undefined when nothing is. `after`: no timestamp may be below it. */
export function recordsProblem(bytes: Uint8Array, at: number, after: bigint): string | undefined {
  const first = entryFirstSeqNum(bytes, at);
  let count = 0;
  let timestamp = after;
  try {
    cursor.reset(bytes, at + ENTRY_HEADER_BYTES, at + entryBytes(bytes, at));
    for (; cursor.next(); count += 1) {
      if (cursor.seqNum !== first + count)
        return `the entry at ${at} has sequence number ${cursor.seqNum} where ${first + count} should follow`;
      if (cursor.timestamp < timestamp) return `the entry at ${at} has a timestamp that goes back`;
      timestamp = cursor.timestamp;
    }
  } catch (error) {
    return `the entry at ${at} has records that cannot be read: ${error instanceof Error ? error.message : String(error)}`;
  }
  if (count !== entryCount(bytes, at)) return `the entry at ${at} has ${count} records, not ${entryCount(bytes, at)}`;
  const last = timestampOf(entryLastTimestampLow(bytes, at), entryLastTimestampHigh(bytes, at));
  if (timestamp !== last) return `the entry at ${at} has its last timestamp wrong`;
  return undefined;
}

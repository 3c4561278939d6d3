// Makes a stream of a stopped deployment as long as a test wants it, without its records: nobody could append 2^32 of them. The one
// chunk that holds its only record is written anew, with entries behind that record which say that they hold the rest.
import assert from "node:assert/strict";
import { crc32 } from "node:zlib";
import type { MemoryStore } from "@tailrace/engine/object-store";
import {
  CHUNK_HEADER_BYTES,
  ENTRY_HEADER_BYTES,
  EntryKind,
  encodeLogObjectHeader,
  entryBytes,
  entryCount,
  entryKind,
  entryLastTimestampHigh,
  entryLastTimestampLow,
  entryStreamId,
  type LogObjectHeader,
  sealEntry,
  verifyLogObject,
} from "../../engine/src/shard/chunk-format.ts";

const MAX_ENTRY_RECORDS = 0xffff;

/** `stream` has exactly one record; afterwards its tail is `tail`. */
export async function lengthen(store: MemoryStore, stream: string, tail: number): Promise<void> {
  let id: Uint8Array | undefined;
  for (const key of await store.list("shards/0/wal/")) {
    const bytes = Buffer.from(await store.get(key));
    const header = verifyLogObject(key, Number(key.slice(key.lastIndexOf("/") + 1)), bytes);
    const entries: Buffer[] = [];
    let found = false;
    for (let at = CHUNK_HEADER_BYTES; at < bytes.length; at += entryBytes(bytes, at)) {
      const entry = bytes.subarray(at, at + entryBytes(bytes, at));
      entries.push(entry);
      const kind = entryKind(entry, 0);
      if (kind === EntryKind.created && JSON.parse(entry.subarray(ENTRY_HEADER_BYTES).toString()).name === stream)
        id = entryStreamId(entry, 0);
      if (
        kind !== EntryKind.records ||
        id === undefined ||
        !entryStreamId(entry, 0).every((byte, i) => byte === id?.[i])
      )
        continue;
      assert.equal(entryCount(entry, 0), 1);
      found = true;
      entries.push(...entriesWithout(entry, tail));
    }
    if (found) return store.put(key, [encode(header, entries)]);
  }
  assert.fail(`there is no record of ${stream}`);
}

function entriesWithout(first: Buffer, tail: number): Buffer[] {
  const entries: Buffer[] = [];
  for (let seqNum = 1; seqNum < tail; ) {
    const count = Math.min(MAX_ENTRY_RECORDS, tail - seqNum);
    const entry = Buffer.alloc(ENTRY_HEADER_BYTES);
    const [low, high] = [entryLastTimestampLow(first, 0), entryLastTimestampHigh(first, 0)];
    sealEntry(entry, 0, entry.length, EntryKind.records, count, 0, entryStreamId(first, 0), seqNum, low, high);
    entries.push(entry);
    seqNum += count;
  }
  return entries;
}

function encode(header: LogObjectHeader, entries: readonly Buffer[]): Buffer {
  const content = Buffer.concat(entries);
  let contentCrc = 0;
  for (const entry of entries) contentCrc = crc32(entry.subarray(0, 4), contentCrc);
  const whole = { ...header, entryCount: entries.length, contentBytes: content.length, contentCrc };
  return Buffer.concat([encodeLogObjectHeader(whole), content]);
}

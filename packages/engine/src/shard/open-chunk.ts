// Laying entries into the open chunk. Owns nothing but the way in: exact room is reserved, written once, and sealed.
import type { AppendBatch } from "../wire/index.ts";
import { storedBatchBytes, writeStoredBatch } from "../wire/index.ts";
import type { Chunk } from "./chunk.ts";
import { CHUNK_HEADER_BYTES, ENTRY_HEADER_BYTES, EntryKind, type EntryKindCode, sealEntry } from "./chunk-format.ts";
import type { SlabAllocator } from "./slab.ts";

/** Where an entry stands in its object. */
export interface EntryPlace {
  readonly offset: number;
  readonly end: number;
}

function reserve(chunk: Chunk, slabs: SlabAllocator, bytes: number): { slab: Uint8Array; offset: number } {
  const room = slabs.reserve(bytes);
  const last = chunk.parts.at(-1);
  if (last !== undefined && last.slab === room.slab && last.end === room.offset) last.end += bytes;
  else {
    chunk.parts.push({
      slab: room.slab,
      start: room.offset,
      end: room.offset + bytes,
      objectOffset: CHUNK_HEADER_BYTES + chunk.contentBytes,
    });
  }
  chunk.contentBytes += bytes;
  return room;
}

/** Bytes that a batch will take in a chunk. */
export function recordsEntryBytes(batch: AppendBatch, firstSeqNum: number, timestamps: Uint32Array): number {
  return ENTRY_HEADER_BYTES + storedBatchBytes(batch, firstSeqNum, timestamps);
}

/** Writes a batch in stored form. `timestamps` are (low, high) words: two for all records, or two for each. */
export function addRecordsEntry(
  chunk: Chunk,
  slabs: SlabAllocator,
  streamId: Uint8Array,
  batch: AppendBatch,
  firstSeqNum: number,
  timestamps: Uint32Array,
): EntryPlace {
  const bytes = recordsEntryBytes(batch, firstSeqNum, timestamps);
  const { slab, offset } = reserve(chunk, slabs, bytes);
  const end = writeStoredBatch(slab, offset + ENTRY_HEADER_BYTES, batch, firstSeqNum, timestamps);
  if (end !== offset + bytes) throw new Error(`a batch took ${end - offset} bytes where ${bytes} were reserved`);
  const low = timestamps[timestamps.length - 2];
  const high = timestamps[timestamps.length - 1];
  sealEntry(slab, offset, end, EntryKind.records, batch.count, batch.meteredBytes, streamId, firstSeqNum, low, high);
  return finish(chunk, slab, offset, bytes);
}

/** Writes an entry of another kind; `payload` is its JSON, `atSeqNum` where in the stream it stands. */
export function addJsonEntry(
  chunk: Chunk,
  slabs: SlabAllocator,
  kind: EntryKindCode,
  streamId: Uint8Array,
  atSeqNum: number,
  payload: object,
): EntryPlace {
  const json = Buffer.from(JSON.stringify(payload));
  const bytes = ENTRY_HEADER_BYTES + json.length;
  const { slab, offset } = reserve(chunk, slabs, bytes);
  slab.set(json, offset + ENTRY_HEADER_BYTES);
  sealEntry(slab, offset, offset + bytes, kind, 0, 0, streamId, atSeqNum, 0, 0);
  return finish(chunk, slab, offset, bytes);
}

function finish(chunk: Chunk, slab: Uint8Array, offset: number, bytes: number): EntryPlace {
  chunk.addEntryCrc(slab, offset);
  const end = CHUNK_HEADER_BYTES + chunk.contentBytes;
  return { offset: end - bytes, end };
}

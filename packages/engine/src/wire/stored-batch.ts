// The encode-once layout: a stored batch is a run of protobuf field-1 SequencedRecord messages, so that any slice on a
// record boundary is the body of a ReadBatch. Seq_num and timestamp are always present; the payload is copied as it came.
import type { AppendBatch } from "./append-batch.ts";
import { varintBytes, writeVarint } from "./varint.ts";

/** Field 1 of ReadBatch, length-delimited. */
export const RECORD_TAG = 0x0a;
/** Fields of SequencedRecord. */
export const SEQ_NUM_TAG = 0x08;
export const TIMESTAMP_TAG = 0x10;
export const HEADER_TAG = 0x1a;
export const BODY_TAG = 0x22;

const TWO_32 = 2 ** 32;

function messageBytes(payloadBytes: number, seqNum: number, low: number, high: number): number {
  return 2 + varintBytes(seqNum >>> 0, Math.floor(seqNum / TWO_32)) + varintBytes(low, high) + payloadBytes;
}

/** Bytes of a record in stored form, its tag and length included. */
export function storedRecordBytes(payloadBytes: number, seqNum: number, low: number, high: number): number {
  const message = messageBytes(payloadBytes, seqNum, low, high);
  return 1 + varintBytes(message, 0) + message;
}

/** Writes what stands before a record's payload; returns the offset behind it. */
export function writeRecordPrefix(
  target: Uint8Array,
  offset: number,
  payloadBytes: number,
  seqNum: number,
  low: number,
  high: number,
): number {
  target[offset] = RECORD_TAG;
  let at = writeVarint(target, offset + 1, messageBytes(payloadBytes, seqNum, low, high), 0);
  target[at] = SEQ_NUM_TAG;
  at = writeVarint(target, at + 1, seqNum >>> 0, Math.floor(seqNum / TWO_32));
  target[at] = TIMESTAMP_TAG;
  return writeVarint(target, at + 1, low, high);
}

/** The exact size of what `writeStoredBatch` will write. `timestamps` are (low, high) words: two for all records, or two for each. */
export function storedBatchBytes(batch: AppendBatch, firstSeqNum: number, timestamps: Uint32Array): number {
  const step = timestamps.length === 2 ? 0 : 2;
  const { spans, count } = batch;
  let total = 0;
  for (let i = 0; i < count; i += 1) {
    const payloadBytes = spans[2 * i + 1] - spans[2 * i];
    total += storedRecordBytes(payloadBytes, firstSeqNum + i, timestamps[step * i], timestamps[step * i + 1]);
  }
  return total;
}

/** Writes the batch at `offset`, where there must be room; returns the offset behind it. One copy of each payload. */
export function writeStoredBatch(
  target: Uint8Array,
  offset: number,
  batch: AppendBatch,
  firstSeqNum: number,
  timestamps: Uint32Array,
): number {
  const step = timestamps.length === 2 ? 0 : 2;
  const { bytes, spans, count } = batch;
  let at = offset;
  for (let i = 0; i < count; i += 1) {
    const start = spans[2 * i];
    const end = spans[2 * i + 1];
    at = writeRecordPrefix(target, at, end - start, firstSeqNum + i, timestamps[step * i], timestamps[step * i + 1]);
    if (end - start < SMALL_COPY_BYTES) {
      for (let from = start; from < end; from += 1, at += 1) target[at] = bytes[from];
    } else {
      target.set(bytes.subarray(start, end), at);
      at += end - start;
    }
  }
  return at;
}

/** Below this a loop is faster than making a view to copy from. */
const SMALL_COPY_BYTES = 64;

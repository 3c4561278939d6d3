// Opening what a read gathered: stored runs of sealed records become runs of records as they were appended.
// A record that the key does not open ends the run before it; what stands before it is still good.
import { EngineError } from "../errors.ts";
import { RecordCursor, storedRecordBytes, writeRecordPrefix } from "../wire/index.ts";
import { CLEAR_BYTES, isSealed, meteredBytesBeforeSealing, SEALED_VERSION, sealingBytes } from "./sealed-record.ts";
import type { StreamEncryption } from "./stream-encryption.ts";

export interface OpenedRun {
  /** Records in stored form, none of them sealed. */
  readonly run: Uint8Array;
  readonly count: number;
  readonly meteredBytes: number;
  /** The record behind them does not open with this key. */
  readonly failed: boolean;
}

/** One for all: walking is synchronous, and nothing is kept between walks. */
const cursor = new RecordCursor();

/** Errors: EngineError `storage` for what was never sealed by us. */
export function openRun(encryption: StreamEncryption, slices: readonly Uint8Array[]): OpenedRun | Promise<OpenedRun> {
  const { runtime, cipher, key, context } = encryption;
  // The cache's memory stays as it is, and a thread needs memory of its own.
  let storedBytes = 0;
  for (const slice of slices) storedBytes += slice.length;
  const stored = new Uint8Array(storedBytes);
  let filled = 0;
  for (const slice of slices) {
    stored.set(slice, filled);
    filled += slice.length;
  }
  const added = sealingBytes(cipher);
  const layout = measure(stored, added);
  const plain = new Uint8Array(layout.bytes);
  const sealedSpans = new Uint32Array(2 * layout.sealed);
  const plainSpans = new Uint32Array(2 * layout.sealed);
  /** Where each sealed record begins in `plain`. */
  const starts = new Uint32Array(layout.sealed);
  let at = 0;
  let record = 0;
  cursor.reset(stored, 0, stored.length);
  while (cursor.next()) {
    if (!isSealed(cursor)) {
      plain.set(stored.subarray(cursor.recordStart, cursor.recordEnd), at);
      at += cursor.recordEnd - cursor.recordStart;
      continue;
    }
    const payloadBytes = cursor.bodyEnd - cursor.bodyStart - added;
    starts[record] = at;
    at = writeRecordPrefix(plain, at, payloadBytes, cursor.seqNum, cursor.timestampLow, cursor.timestampHigh);
    sealedSpans[2 * record] = cursor.bodyStart;
    sealedSpans[2 * record + 1] = cursor.bodyEnd;
    plainSpans[2 * record] = at;
    plainSpans[2 * record + 1] = at + payloadBytes;
    at += payloadBytes;
    record += 1;
  }
  if (layout.sealed === 0) return { run: plain, count: layout.count, meteredBytes: layout.meteredBytes, failed: false };
  const job = { cipher, key, context, clearBytes: CLEAR_BYTES, sealed: stored, sealedSpans, plain, plainSpans };
  const done = runtime.threads.open(job);
  const whole = ({ plain: run, opened }: { plain: Uint8Array; opened: number }): OpenedRun =>
    opened === layout.sealed
      ? { run, count: layout.count, meteredBytes: layout.meteredBytes, failed: false }
      : before(run.subarray(0, starts[opened]));
  return done instanceof Promise ? done.then(whole) : whole(done);
}

function measure(stored: Uint8Array, added: number) {
  let bytes = 0;
  let sealed = 0;
  let count = 0;
  let meteredBytes = 0;
  cursor.reset(stored, 0, stored.length);
  while (cursor.next()) {
    count += 1;
    meteredBytes += meteredBytesBeforeSealing(stored, cursor);
    if (!isSealed(cursor)) {
      bytes += cursor.recordEnd - cursor.recordStart;
      continue;
    }
    sealed += 1;
    const payloadBytes = cursor.bodyEnd - cursor.bodyStart - added;
    if (payloadBytes < 0 || stored[cursor.bodyStart] !== SEALED_VERSION)
      throw new EngineError("storage", `record ${cursor.seqNum} of an encrypted stream is not sealed as it should be`);
    bytes += storedRecordBytes(payloadBytes, cursor.seqNum, cursor.timestampLow, cursor.timestampHigh);
  }
  return { bytes, sealed, count, meteredBytes };
}

function before(run: Uint8Array): OpenedRun {
  let count = 0;
  let meteredBytes = 0;
  cursor.reset(run, 0, run.length);
  while (cursor.next()) {
    count += 1;
    meteredBytes += cursor.meteredBytes;
  }
  return { run, count, meteredBytes, failed: true };
}

// Gathering one read batch: walks the stream's runs from a sequence number on, and slices stored bytes out of them.
// Whole batches pass without a look at their records; records are walked only where a bound cuts.
import { meteredBytesBeforeSealing } from "../encryption/sealed-record.ts";
import type { EntryBytes } from "../history/entry-bytes.ts";
import type { History } from "../history/history.ts";
import type { ReadAhead } from "../history/read-ahead.ts";
import {
  ENTRY_HEADER_BYTES,
  EntryKind,
  entryBytes,
  entryCount,
  entryFirstSeqNum,
  entryIsOf,
  entryKind,
  entryLastTimestampHigh,
  entryLastTimestampLow,
  entryMeteredBytes,
} from "../shard/chunk-format.ts";
import { MAX_STORED_RECORD_BYTES, RecordCursor } from "../wire/index.ts";
import { type Stream, timestampOf } from "./stream.ts";

export interface GatherLimits {
  readonly count: number;
  readonly meteredBytes: number;
  /** Exclusive. */
  readonly until: bigint | undefined;
  /** Of a reader that will want what follows: neighbours are then fetched together, and ahead. */
  readonly ahead: ReadAhead | undefined;
}

export interface Gathered {
  /** The same array for all who share the batch. */
  readonly slices: readonly Uint8Array[];
  readonly count: number;
  readonly meteredBytes: number;
  /** Where the next batch begins. */
  readonly nextSeqNum: number;
  /** A record stands next that one of the limits withholds. */
  readonly withheld: boolean;
  /** What should stand next is gone by now, trimmed or with its stream: it ends there without having come to the tail. */
  readonly torn: boolean;
}

/** One for all: walking is synchronous, and nothing is kept between walks. */
const cursor = new RecordCursor();

/** Gathers records from `fromSeqNum`, which is not below the trim point, up to the limits or the durable tail. Errors: those of History. */
export async function gather(
  stream: Stream,
  history: History,
  fromSeqNum: number,
  limits: GatherLimits,
): Promise<Gathered> {
  const batch = new Batch(stream, fromSeqNum, limits);
  while (!batch.done && batch.nextSeqNum < stream.durable.nextSeqNum) {
    // What was trimmed meanwhile is no longer indexed; what is gathered was there when it was asked for.
    if (batch.nextSeqNum < stream.keptFrom || stream.removed) {
      batch.torn = true;
      break;
    }
    const { index } = stream;
    const run = index.runOf(batch.nextSeqNum);
    const offset = index.offset(run);
    const end = index.end(run);
    const read = history.read(index, run, limits.ahead);
    batch.addRun(read instanceof Promise ? await read : read, offset, end);
  }
  return batch;
}

class Batch implements Gathered {
  readonly slices: Uint8Array[] = [];
  count = 0;
  meteredBytes = 0;
  nextSeqNum: number;
  withheld = false;
  torn = false;
  done = false;
  #wireBytes = 0;
  readonly #stream: Stream;
  readonly #limits: GatherLimits;

  constructor(stream: Stream, fromSeqNum: number, limits: GatherLimits) {
    this.#stream = stream;
    this.#limits = limits;
    this.nextSeqNum = fromSeqNum;
  }

  /** Takes what fits of a run's entries. */
  addRun(source: EntryBytes, from: number, to: number): void {
    const before = this.nextSeqNum;
    let offset = from;
    while (offset < to && !this.done) {
      const part = source.partAt(offset);
      if (part === undefined) throw new Error(`no bytes at ${offset} of a run`);
      const at = part.start + (offset - part.objectOffset);
      const length = entryBytes(part.slab, at);
      offset += length;
      if (entryKind(part.slab, at) === EntryKind.records && entryIsOf(part.slab, at, this.#stream.id))
        this.#addEntry(part.slab, at, at + length);
    }
    if (!this.done && this.nextSeqNum === before)
      throw new Error(`sequence number ${before} is not in the run that should have it`);
  }

  #addEntry(bytes: Uint8Array, at: number, end: number): void {
    const first = entryFirstSeqNum(bytes, at);
    const count = entryCount(bytes, at);
    if (first + count <= this.nextSeqNum) return;
    const metered = entryMeteredBytes(bytes, at);
    const payload = at + ENTRY_HEADER_BYTES;
    const whole =
      first === this.nextSeqNum &&
      this.count + count <= this.#limits.count &&
      this.meteredBytes + metered <= this.#limits.meteredBytes &&
      this.#wireBytes + (end - payload) <= MAX_STORED_RECORD_BYTES &&
      (this.#limits.until === undefined ||
        timestampOf(entryLastTimestampLow(bytes, at), entryLastTimestampHigh(bytes, at)) < this.#limits.until);
    if (whole) this.#take(bytes, payload, end, count, metered);
    else this.#addRecords(bytes, payload, end);
  }

  #addRecords(bytes: Uint8Array, from: number, to: number): void {
    cursor.reset(bytes, from, to);
    let sliceStart = -1;
    let sliceEnd = -1;
    let count = 0;
    let metered = 0;
    while (cursor.next()) {
      if (cursor.seqNum < this.nextSeqNum) continue;
      const ownMetered = this.#stream.cipher === null ? cursor.meteredBytes : meteredBytesBeforeSealing(bytes, cursor);
      const fits =
        this.count + count < this.#limits.count &&
        this.meteredBytes + metered + ownMetered <= this.#limits.meteredBytes &&
        // A frame has room for the longest record, with what stands before its payload, alone.
        (this.count + count === 0 ||
          this.#wireBytes + (cursor.recordEnd - (sliceStart < 0 ? cursor.recordStart : sliceStart)) <=
            MAX_STORED_RECORD_BYTES) &&
        (this.#limits.until === undefined || cursor.timestamp < this.#limits.until);
      if (!fits) {
        this.done = true;
        this.withheld = true;
        break;
      }
      if (sliceStart < 0) sliceStart = cursor.recordStart;
      sliceEnd = cursor.recordEnd;
      count += 1;
      metered += ownMetered;
    }
    if (count > 0) this.#take(bytes, sliceStart, sliceEnd, count, metered);
  }

  #take(bytes: Uint8Array, from: number, to: number, count: number, metered: number): void {
    this.slices.push(bytes.subarray(from, to));
    this.count += count;
    this.meteredBytes += metered;
    this.#wireBytes += to - from;
    this.nextSeqNum += count;
    if (this.count >= this.#limits.count) this.done = true;
  }
}

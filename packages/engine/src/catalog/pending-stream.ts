// What the log says of a stream that is told of in segments, before these have been asked: its records and the last of everything else.
import type { StreamConfig } from "../config.ts";
import {
  ENTRY_HEADER_BYTES,
  entryCount,
  entryFirstSeqNum,
  entryLastTimestampHigh,
  entryLastTimestampLow,
  entryMeteredBytes,
} from "../shard/chunk-format.ts";
import { CorruptObjectError } from "../shard/corrupt.ts";
import { RunIndex } from "../stream/run-index.ts";
import type { StateEntry } from "../stream/sequencer.ts";
import type { Stream } from "../stream/stream.ts";
import { setState, setTail } from "./told-stream.ts";

export class PendingStream {
  readonly id: Uint8Array;
  /** The object that first told of it. */
  readonly key: string;
  readonly #index = new RunIndex();
  #firstSeqNum: number | undefined;
  #nextSeqNum = 0;
  /** The header of its last entry of records. */
  #last: Uint8Array | undefined;
  #lastPlace = 0;
  state: StateEntry | undefined;
  config: StreamConfig | undefined;
  deletedAtMs: number | undefined;
  isRemoved = false;

  constructor(id: Uint8Array, key: string) {
    this.id = id;
    this.key = key;
  }

  /** Takes an entry of records. Errors: CorruptObjectError. */
  addRecords(key: string, place: number, bytes: Uint8Array, offset: number, end: number): void {
    const first = entryFirstSeqNum(bytes, offset);
    this.#firstSeqNum ??= first;
    if (this.#last !== undefined && first !== this.#nextSeqNum) throw notNext(key, offset, first, this.#nextSeqNum);
    this.#nextSeqNum = first + entryCount(bytes, offset);
    this.#last = Uint8Array.from(bytes.subarray(offset, offset + ENTRY_HEADER_BYTES));
    this.#lastPlace = place;
    const low = entryLastTimestampLow(bytes, offset);
    const high = entryLastTimestampHigh(bytes, offset);
    this.#index.add(first, place, offset, end, low, high, entryMeteredBytes(bytes, offset));
  }

  /** Does to the stream, as segments tell of it, what the log says. Errors: CorruptObjectError. */
  applyTo(stream: Stream): void {
    if (this.#firstSeqNum !== undefined && this.#last !== undefined) {
      const expected = stream.assigned.nextSeqNum;
      if (this.#firstSeqNum !== expected) throw notNext(this.key, 0, this.#firstSeqNum, expected);
      stream.index.addAll(this.#index);
      setTail(stream, this.#nextSeqNum, this.#last, 0);
      stream.lastWritePlace = this.#lastPlace;
    }
    if (this.state !== undefined) setState(stream, this.state);
    if (this.config !== undefined) stream.config = stream.durable.config = this.config;
    if (this.deletedAtMs === undefined) return;
    stream.deletedAtMs = stream.durable.deletedAtMs = this.deletedAtMs;
    stream.gone = true;
  }
}

export function notNext(key: string, offset: number, first: number, expected: number): CorruptObjectError {
  return new CorruptObjectError(key, `the entry at ${offset} begins at sequence number ${first}, not ${expected}`);
}

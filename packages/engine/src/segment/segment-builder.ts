// Gathers one segment in memory: entries of records, stream by stream in the order of their ids, then the catalog's, then index and footer.
// Small entries are copied together, so that the store is not given thousands of parts; large ones are taken as they lie in their chunks.
import { RUN_BYTES } from "../limits.ts";
import {
  ENTRY_HEADER_BYTES,
  type EntryKindCode,
  entryFirstSeqNum,
  entryLastTimestampHigh,
  entryLastTimestampLow,
  entryMeteredBytes,
  sealEntry,
} from "../shard/chunk-format.ts";
import type { SegmentFacts } from "./live-segments.ts";
import { DirectoryBuilder } from "./segment-directory.ts";
import {
  encodeFooter,
  encodeIndex,
  indexBytesOf,
  SEGMENT_FOOTER_BYTES,
  type SegmentRun,
  type SegmentStream,
} from "./segment-format.ts";

/** Memory is taken in blocks of this size; a larger entry has one of its own. */
const BLOCK_BYTES = 1024 * 1024;

/** An entry of this size is not copied: a part of its own costs less. */
const LARGE_ENTRY_BYTES = 16 * 1024;

type OpenRun = { -readonly [Field in keyof SegmentRun]: SegmentRun[Field] };

export interface BuiltSegment {
  readonly parts: readonly Uint8Array[];
  readonly bytes: number;
  /** All but its records. */
  readonly metaBytes: number;
  /** Directory and footer: what is read at start. */
  readonly tailBytes: number;
  readonly streams: readonly SegmentStream[];
  readonly facts: SegmentFacts;
}

export class SegmentBuilder {
  readonly #parts: Uint8Array[] = [];
  #block = new Uint8Array(0);
  #used = 0;
  #bytes = 0;
  #recordsBytes: number | undefined;
  readonly #streams: { id: Uint8Array; runs: OpenRun[] }[] = [];
  #maxSpanMs = 0;
  /** When the first of the last run came in. */
  #runSinceMs = 0;
  #endsRun = false;
  readonly #directory = new DirectoryBuilder();

  /** From here on records are of this stream, in runs that came in within `maxSpanMs`: what ages does so run by run. Streams come in the
   * order of their ids, and before the catalog. */
  beginStream(id: Uint8Array, maxSpanMs: number): void {
    this.#streams.push({ id, runs: [] });
    this.#maxSpanMs = maxSpanMs;
  }

  /** What comes next begins a run: nobody knows how long before the last ones it came in. */
  endRun(): void {
    this.#endsRun = true;
  }

  /** Takes an entry of records, which lies at bytes[at, end) and must not change. They come in the order of their sequence numbers. */
  addRecords(bytes: Uint8Array, at: number, end: number, arrivedMs: number): void {
    const runs = this.#streams.at(-1)?.runs;
    if (runs === undefined || this.#recordsBytes !== undefined) throw new Error("records of no stream");
    if (end - at >= LARGE_ENTRY_BYTES) {
      this.#closeBlock();
      this.#parts.push(bytes.subarray(at, end));
      this.#bytes += end - at;
    } else {
      const { block, offset } = this.#reserve(end - at);
      block.set(bytes.subarray(at, end), offset);
    }
    let run = runs.at(-1);
    const isLate = arrivedMs - this.#runSinceMs > this.#maxSpanMs;
    if (run === undefined || isLate || this.#endsRun || this.#bytes - run.offset > RUN_BYTES) {
      this.#endsRun = false;
      this.#runSinceMs = arrivedMs;
      run = {
        firstSeqNum: entryFirstSeqNum(bytes, at),
        offset: this.#bytes - (end - at),
        end: 0,
        lastTimestampLow: 0,
        lastTimestampHigh: 0,
        meteredBytes: 0,
        arrivedMs: 0,
      };
      runs.push(run);
    }
    run.end = this.#bytes;
    run.lastTimestampLow = entryLastTimestampLow(bytes, at);
    run.lastTimestampHigh = entryLastTimestampHigh(bytes, at);
    run.meteredBytes += entryMeteredBytes(bytes, at);
    run.arrivedMs = Math.max(run.arrivedMs, arrivedMs);
  }

  /** Adds an entry to the catalog: its payload is JSON, its header's other fields are the stream's tail. */
  addCatalog(
    kind: EntryKindCode,
    id: Uint8Array,
    payload: object,
    nextSeqNum = 0,
    lastTimestampLow = 0,
    lastTimestampHigh = 0,
  ): void {
    this.#recordsBytes ??= this.#bytes;
    const json = Buffer.from(JSON.stringify(payload));
    const { block, offset } = this.#reserve(ENTRY_HEADER_BYTES + json.length);
    block.set(json, offset + ENTRY_HEADER_BYTES);
    const end = offset + ENTRY_HEADER_BYTES + json.length;
    sealEntry(block, offset, end, kind, 0, 0, id, nextSeqNum, lastTimestampLow, lastTimestampHigh);
    this.#directory.add(block.subarray(offset, end), payload);
  }

  /** Adds an entry of another segment's catalog as it stands there. */
  copyCatalog(entry: Uint8Array, payload?: object): void {
    this.#recordsBytes ??= this.#bytes;
    const { block, offset } = this.#reserve(entry.length);
    block.set(entry, offset);
    this.#directory.add(entry, payload);
  }

  /** Whether records of the stream that began last have been taken. */
  get hasRecords(): boolean {
    return (this.#streams.at(-1)?.runs.length ?? 0) > 0;
  }

  finish(epoch: number, incarnation: Uint8Array, number: number): BuiltSegment {
    const recordsBytes = this.#recordsBytes ?? this.#bytes;
    const catalogBytes = this.#bytes - recordsBytes;
    const streams = this.#streams.filter(({ runs }) => runs.length > 0);
    const index = encodeIndex(streams);
    const { names, directory, encoded } = this.#directory.finish(index, streams, indexBytesOf);
    const between = [index, names, encoded];
    const footer = { epoch, incarnation, number, streams: streams.length, recordsBytes, catalogBytes };
    this.#closeBlock();
    const tailBytes = encoded.length + SEGMENT_FOOTER_BYTES;
    const metaBytes = catalogBytes + index.length + names.length + tailBytes;
    return {
      parts: [...this.#parts, ...between, encodeFooter(footer, between)],
      bytes: recordsBytes + metaBytes,
      metaBytes,
      tailBytes,
      streams,
      facts: { footer, directory },
    };
  }

  #reserve(bytes: number): { block: Uint8Array; offset: number } {
    if (this.#used + bytes > this.#block.length) {
      this.#closeBlock();
      this.#block = Buffer.allocUnsafeSlow(Math.max(BLOCK_BYTES, bytes));
    }
    const offset = this.#used;
    this.#used += bytes;
    this.#bytes += bytes;
    return { block: this.#block, offset };
  }

  /** What is left of the block serves for what comes next. */
  #closeBlock(): void {
    if (this.#used > 0) this.#parts.push(this.#block.subarray(0, this.#used));
    this.#block = this.#block.subarray(this.#used);
    this.#used = 0;
  }
}

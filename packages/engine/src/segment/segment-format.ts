// The bytes of a segment: records sorted by stream, what the catalog says of streams, an index of both, the streams' names, a directory of all that,
// and a footer that tells where they are (docs/format.md). Codec only: it knows no store. Verifies before it believes, and says what is wrong by throwing a CorruptObjectError.
import { crc32 } from "node:zlib";
import { INCARNATION_BYTES, readU64, STREAM_ID_BYTES, verifyEntries, writeU64 } from "../shard/chunk-format.ts";
import { CorruptObjectError } from "../shard/corrupt.ts";
import { decodeDirectory, type SegmentDirectory } from "./segment-directory.ts";

/** What is written. Version 1 had neither names nor a directory. */
const SEGMENT_VERSION = 2;

export const SEGMENT_FOOTER_BYTES = 64;
/** What stands in the index before the runs of each stream, and each run. */
const STREAM_BYTES = 20;
export const RUN_INDEX_BYTES = 40;

const MAGIC = 0x54525331; // "TRS1"

/** Records of one stream that lie side by side, beginning with one of its entries and ending with another. */
export interface SegmentRun {
  readonly firstSeqNum: number;
  /** Where in the object its first entry begins, and its last one ends. */
  readonly offset: number;
  readonly end: number;
  readonly lastTimestampLow: number;
  readonly lastTimestampHigh: number;
  readonly meteredBytes: number;
  /** The latest time at which any of it can have come in, by the owner's wall clock. */
  readonly arrivedMs: number;
}

/** The runs of one stream, in order. */
export interface SegmentStream {
  readonly id: Uint8Array;
  readonly runs: readonly SegmentRun[];
}

export interface SegmentFooter {
  readonly epoch: number;
  readonly incarnation: Uint8Array;
  /** Its number in the shard. */
  readonly number: number;
  /** Streams that have records in it. */
  readonly streams: number;
  /** Bytes of the entries of records, from the beginning. */
  readonly recordsBytes: number;
  /** Bytes of the catalog's entries, which follow. */
  readonly catalogBytes: number;
}

/** All of a segment but its records. */
export interface SegmentMeta {
  readonly footer: SegmentFooter;
  /** The catalog's entries, verified, back to back. */
  readonly catalog: Uint8Array;
  readonly streams: readonly SegmentStream[];
  /** Undefined in a segment of version 1. */
  readonly directory: SegmentDirectory | undefined;
  /** The names, as they stand there; empty in a segment of version 1. */
  readonly names: Uint8Array;
}

export function indexBytesOf({ runs }: { readonly runs: readonly unknown[] }): number {
  return STREAM_BYTES + runs.length * RUN_INDEX_BYTES;
}

export function encodeIndex(streams: readonly SegmentStream[]): Uint8Array {
  const bytes = new Uint8Array(streams.reduce((sum, stream) => sum + indexBytesOf(stream), 0));
  const view = new DataView(bytes.buffer);
  let at = 0;
  for (const stream of streams) {
    bytes.set(stream.id, at);
    view.setUint32(at + STREAM_ID_BYTES, stream.runs.length, true);
    at += STREAM_BYTES;
    for (const run of stream.runs) {
      writeU64(view, at, run.firstSeqNum);
      writeU64(view, at + 8, run.offset);
      view.setUint32(at + 16, run.end - run.offset, true);
      view.setUint32(at + 20, run.meteredBytes, true);
      view.setUint32(at + 24, run.lastTimestampLow, true);
      view.setUint32(at + 28, run.lastTimestampHigh, true);
      writeU64(view, at + 32, run.arrivedMs);
      at += RUN_INDEX_BYTES;
    }
  }
  return bytes;
}

/** `between`: index, names and directory, which stand between catalog and footer. */
export function encodeFooter(footer: SegmentFooter, between: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(SEGMENT_FOOTER_BYTES);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, MAGIC, false);
  view.setUint8(4, SEGMENT_VERSION);
  writeU64(view, 8, footer.epoch);
  bytes.set(footer.incarnation, 16);
  view.setUint32(32, footer.number, true);
  view.setUint32(36, footer.streams, true);
  writeU64(view, 40, footer.recordsBytes);
  writeU64(view, 48, footer.catalogBytes);
  view.setUint32(
    56,
    between.reduce((crc, part) => crc32(part, crc), 0),
    true,
  );
  view.setUint32(60, crc32(bytes.subarray(0, 60)), true);
  return bytes;
}

/** Decodes what follows the records of a segment of `objectBytes`. Errors: CorruptObjectError, which names `key`. */
export function decodeMeta(key: string, bytes: Uint8Array, objectBytes: number): SegmentMeta {
  const { version, ...footer } = decodeFooter(key, bytes);
  const footerAt = bytes.length - SEGMENT_FOOTER_BYTES;
  const betweenBytes = footerAt - footer.catalogBytes;
  if (betweenBytes < 0 || footer.recordsBytes + bytes.length !== objectBytes)
    throw new CorruptObjectError(key, `it is ${objectBytes} bytes long, and its footer tells of another length`);
  const catalog = bytes.subarray(0, footer.catalogBytes);
  verifyEntries(key, catalog, 0, catalog.length);
  const between = bytes.subarray(footer.catalogBytes, footerAt);
  if (viewOf(bytes).getUint32(footerAt + 56, true) !== crc32(between))
    throw new CorruptObjectError(key, "its index's checksum is wrong");
  if (version === 1) {
    const streams = decodeIndex(key, between, footer);
    return { footer, catalog, streams, directory: undefined, names: new Uint8Array(0) };
  }
  const { directory, length } = decodeDirectory(key, between);
  const { indexBytes, namesBytes } = directory;
  if (indexBytes + namesBytes + length !== between.length)
    throw new CorruptObjectError(key, "its directory tells of another length");
  const names = between.subarray(indexBytes, indexBytes + namesBytes);
  return { footer, catalog, streams: decodeIndex(key, between.subarray(0, indexBytes), footer), directory, names };
}

/** Decodes directory and footer, which are the last `bytes` of a segment of version 2. Errors: CorruptObjectError, which names `key`. */
export function decodeTail(key: string, bytes: Uint8Array): { footer: SegmentFooter; directory: SegmentDirectory } {
  const { version, ...footer } = decodeFooter(key, bytes);
  if (version === 1) throw new CorruptObjectError(key, "it has no directory");
  return { footer, directory: decodeDirectory(key, bytes.subarray(0, bytes.length - SEGMENT_FOOTER_BYTES)).directory };
}

function decodeFooter(key: string, bytes: Uint8Array): SegmentFooter & { version: number } {
  const at = bytes.length - SEGMENT_FOOTER_BYTES;
  if (at < 0) throw new CorruptObjectError(key, `${bytes.length} bytes are too few for a footer`);
  const view = viewOf(bytes);
  if (view.getUint32(at, false) !== MAGIC) throw new CorruptObjectError(key, "it does not end like a segment");
  if (view.getUint32(at + 60, true) !== crc32(bytes.subarray(at, at + 60)))
    throw new CorruptObjectError(key, "its footer's checksum is wrong");
  const version = view.getUint8(at + 4);
  if (version !== 1 && version !== SEGMENT_VERSION)
    throw new CorruptObjectError(key, `format version ${version} is not 1 or ${SEGMENT_VERSION}`);
  return {
    version,
    epoch: readU64(view, at + 8),
    incarnation: Uint8Array.from(bytes.subarray(at + 16, at + 16 + INCARNATION_BYTES)),
    number: view.getUint32(at + 32, true),
    streams: view.getUint32(at + 36, true),
    recordsBytes: readU64(view, at + 40),
    catalogBytes: readU64(view, at + 48),
  };
}

/** The index's checksum is right: these are the bytes that an owner wrote. What is checked is that they fit the footer. */
function decodeIndex(key: string, bytes: Uint8Array, footer: SegmentFooter): SegmentStream[] {
  const streams = decodeStreams(key, bytes, footer.recordsBytes);
  let offset = 0;
  for (const { runs } of streams)
    for (const run of runs) {
      if (run.offset !== offset)
        throw new CorruptObjectError(key, `its index has a run at ${run.offset}, where ${offset} should follow`);
      offset = run.end;
    }
  if (streams.length !== footer.streams || offset !== footer.recordsBytes)
    throw new CorruptObjectError(key, "its index does not cover its records");
  return streams;
}

/** A part of an index, whose checksum was right: whole streams. Errors: CorruptObjectError, which names `key`. */
export function decodeStreams(key: string, bytes: Uint8Array, recordsBytes: number): SegmentStream[] {
  const view = viewOf(bytes);
  const streams: SegmentStream[] = [];
  for (let at = 0; at < bytes.length; ) {
    const count = at + STREAM_BYTES > bytes.length ? Infinity : view.getUint32(at + STREAM_ID_BYTES, true);
    if (at + STREAM_BYTES + count * RUN_INDEX_BYTES > bytes.length)
      throw new CorruptObjectError(key, "its index is too short");
    const id = Uint8Array.from(bytes.subarray(at, at + STREAM_ID_BYTES));
    at += STREAM_BYTES;
    const runs: SegmentRun[] = [];
    for (let j = 0; j < count; j += 1, at += RUN_INDEX_BYTES) {
      const run = {
        firstSeqNum: readU64(view, at),
        offset: readU64(view, at + 8),
        end: readU64(view, at + 8) + view.getUint32(at + 16, true),
        meteredBytes: view.getUint32(at + 20, true),
        lastTimestampLow: view.getUint32(at + 24, true),
        lastTimestampHigh: view.getUint32(at + 28, true),
        arrivedMs: readU64(view, at + 32),
      };
      if (run.end > recordsBytes)
        throw new CorruptObjectError(key, `its index has a run at ${run.offset}, beyond its records`);
      runs.push(run);
    }
    streams.push({ id, runs });
  }
  return streams;
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

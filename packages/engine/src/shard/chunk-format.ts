// The bytes of an object of the log: a chunk, a fence or a release (docs/format.md). Codec only: it knows no store.
// Every decoder here verifies before it believes, and says what is wrong by throwing a CorruptObjectError.
import { crc32 } from "node:zlib";
import { CorruptObjectError } from "./corrupt.ts";

export const FORMAT_VERSION = 1;
export const CHUNK_HEADER_BYTES = 64;
export const INCARNATION_BYTES = 16;

const MAGIC = 0x54524c31; // "TRL1"

/** What stands in a place: entries, the start of an epoch, or an owner's last word. */
export type LogObjectKind = "chunk" | "fence" | "release";

const KIND_CODES: Record<LogObjectKind, number> = { chunk: 1, fence: 2, release: 3 };
const KINDS: readonly (LogObjectKind | undefined)[] = [undefined, "chunk", "fence", "release"];

export interface LogObjectHeader {
  readonly kind: LogObjectKind;
  readonly place: number;
  readonly epoch: number;
  readonly incarnation: Uint8Array;
  /** Where the log goes on: place + 1, but for a fence place + window. */
  readonly nextPlace: number;
  readonly entryCount: number;
  /** Bytes after the header. */
  readonly contentBytes: number;
  /** CRC-32 over the entries' own checksums, in order. */
  readonly contentCrc: number;
}

/** Little-endian, of a number below 2^53. */
export function writeU64(view: DataView, offset: number, value: number): void {
  view.setUint32(offset, value >>> 0, true);
  view.setUint32(offset + 4, Math.floor(value / 2 ** 32), true);
}

export function readU64(view: DataView, offset: number): number {
  return view.getUint32(offset + 4, true) * 2 ** 32 + view.getUint32(offset, true);
}

export function encodeLogObjectHeader(header: LogObjectHeader): Uint8Array {
  const bytes = new Uint8Array(CHUNK_HEADER_BYTES);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, MAGIC, false);
  view.setUint8(4, FORMAT_VERSION);
  view.setUint8(5, KIND_CODES[header.kind]);
  writeU64(view, 8, header.place);
  writeU64(view, 16, header.epoch);
  bytes.set(header.incarnation, 24);
  writeU64(view, 40, header.nextPlace);
  view.setUint32(48, header.entryCount, true);
  view.setUint32(52, header.contentBytes, true);
  view.setUint32(56, header.contentCrc, true);
  view.setUint32(60, crc32(bytes.subarray(0, 60)), true);
  return bytes;
}

/** Decodes the header alone; `key` names the object in errors, `place` is where it was found. */
export function decodeLogObjectHeader(key: string, place: number, bytes: Uint8Array): LogObjectHeader {
  if (bytes.length < CHUNK_HEADER_BYTES)
    throw new CorruptObjectError(key, `${bytes.length} bytes are too few for a header`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (view.getUint32(0, false) !== MAGIC) throw new CorruptObjectError(key, "it does not start like a log object");
  if (view.getUint32(60, true) !== crc32(bytes.subarray(0, 60)))
    throw new CorruptObjectError(key, "its header's checksum is wrong");
  const version = view.getUint8(4);
  if (version !== FORMAT_VERSION)
    throw new CorruptObjectError(key, `format version ${version} is not ${FORMAT_VERSION}`);
  const kind = KINDS[view.getUint8(5)];
  if (kind === undefined) throw new CorruptObjectError(key, "its kind is unknown");
  const found = readU64(view, 8);
  if (found !== place) throw new CorruptObjectError(key, `it says that it belongs to place ${found}`);
  return {
    kind,
    place,
    epoch: readU64(view, 16),
    incarnation: Uint8Array.from(bytes.subarray(24, 40)),
    nextPlace: readU64(view, 40),
    entryCount: view.getUint32(48, true),
    contentBytes: view.getUint32(52, true),
    contentCrc: view.getUint32(56, true),
  };
}

/** Decodes the header of a whole object and checks every entry against its own checksum and the header's. */
export function verifyLogObject(key: string, place: number, bytes: Uint8Array): LogObjectHeader {
  const header = decodeLogObjectHeader(key, place, bytes);
  if (bytes.length !== CHUNK_HEADER_BYTES + header.contentBytes) {
    throw new CorruptObjectError(key, `${bytes.length} bytes long, not ${CHUNK_HEADER_BYTES + header.contentBytes}`);
  }
  const { count, crc } = verifyEntries(key, bytes, CHUNK_HEADER_BYTES, bytes.length);
  if (count !== header.entryCount) throw new CorruptObjectError(key, `${count} entries, not ${header.entryCount}`);
  if (crc !== header.contentCrc) throw new CorruptObjectError(key, "its content's checksum is wrong");
  return header;
}

// Entries.

export const ENTRY_HEADER_BYTES = 48;
export const STREAM_ID_BYTES = 16;

/** What an entry tells of its stream. */
export const EntryKind = {
  /** A batch of records in stored form. */
  records: 1,
  /** The stream's fencing token and trim point from here on (JSON). */
  state: 2,
  /** The stream begins (JSON). */
  created: 3,
  /** The stream's configuration from here on (JSON). */
  configured: 4,
  /** Deletion is pending from here on (JSON). */
  deleted: 5,
  /** The name is free again. */
  removed: 6,
  /** All streams of a basin are gone; the id is the basin's. */
  basinRemoved: 7,
  /** The owner's wall clock when the chunk went out (JSON); of no stream. */
  clock: 8,
  /** In segments alone: all that holds of the stream (JSON). */
  stream: 9,
} as const;
export type EntryKindCode = (typeof EntryKind)[keyof typeof EntryKind];

/** The header of an entry, all but its checksum. */
export interface EntryHeader {
  readonly kind: EntryKindCode;
  /** Records; 0 for other kinds. */
  readonly count: number;
  readonly meteredBytes: number;
  readonly streamId: Uint8Array;
  readonly firstSeqNum: number;
  readonly lastTimestampLow: number;
  readonly lastTimestampHigh: number;
}

function setU32(bytes: Uint8Array, offset: number, value: number): void {
  bytes[offset] = value;
  bytes[offset + 1] = value >>> 8;
  bytes[offset + 2] = value >>> 16;
  bytes[offset + 3] = value >>> 24;
}

export function getU32(bytes: Uint8Array, offset: number): number {
  return (bytes[offset] | (bytes[offset + 1] << 8) | (bytes[offset + 2] << 16) | (bytes[offset + 3] << 24)) >>> 0;
}

/** Completes an entry whose payload already stands at offset + ENTRY_HEADER_BYTES: writes its header and checksum. Returns the checksum. */
export function sealEntry(
  bytes: Uint8Array,
  offset: number,
  end: number,
  kind: EntryKindCode,
  count: number,
  meteredBytes: number,
  streamId: Uint8Array,
  firstSeqNum: number,
  lastTimestampLow: number,
  lastTimestampHigh: number,
): number {
  setU32(bytes, offset + 4, end - offset);
  bytes[offset + 8] = kind;
  bytes[offset + 9] = 0;
  bytes[offset + 10] = count;
  bytes[offset + 11] = count >>> 8;
  setU32(bytes, offset + 12, meteredBytes);
  bytes.set(streamId, offset + 16);
  setU32(bytes, offset + 32, firstSeqNum >>> 0);
  setU32(bytes, offset + 36, Math.floor(firstSeqNum / 2 ** 32));
  setU32(bytes, offset + 40, lastTimestampLow);
  setU32(bytes, offset + 44, lastTimestampHigh);
  const crc = crc32(bytes.subarray(offset + 4, end));
  setU32(bytes, offset, crc);
  return crc;
}

/** Bytes of the entry at `offset`, header included. Only of verified bytes. */
export function entryBytes(bytes: Uint8Array, offset: number): number {
  return getU32(bytes, offset + 4);
}
export function entryKind(bytes: Uint8Array, offset: number): number {
  return bytes[offset + 8];
}
export function entryCount(bytes: Uint8Array, offset: number): number {
  return bytes[offset + 10] | (bytes[offset + 11] << 8);
}
export function entryMeteredBytes(bytes: Uint8Array, offset: number): number {
  return getU32(bytes, offset + 12);
}
export function entryFirstSeqNum(bytes: Uint8Array, offset: number): number {
  return getU32(bytes, offset + 36) * 2 ** 32 + getU32(bytes, offset + 32);
}
export function entryLastTimestampLow(bytes: Uint8Array, offset: number): number {
  return getU32(bytes, offset + 40);
}
export function entryLastTimestampHigh(bytes: Uint8Array, offset: number): number {
  return getU32(bytes, offset + 44);
}
export function entryStreamId(bytes: Uint8Array, offset: number): Uint8Array {
  return bytes.subarray(offset + 16, offset + 32);
}
export function entryIsOf(bytes: Uint8Array, offset: number, streamId: Uint8Array): boolean {
  for (let i = 0; i < STREAM_ID_BYTES; i += 1) {
    if (bytes[offset + 16 + i] !== streamId[i]) return false;
  }
  return true;
}

/** Checks that whole entries with right checksums fill bytes[from, to). */
export function verifyEntries(
  key: string,
  bytes: Uint8Array,
  from: number,
  to: number,
): { count: number; crc: number } {
  let count = 0;
  let crc = 0;
  let offset = from;
  while (offset < to) {
    const length = offset + ENTRY_HEADER_BYTES <= to ? entryBytes(bytes, offset) : 0;
    if (length < ENTRY_HEADER_BYTES || offset + length > to)
      throw new CorruptObjectError(key, `an entry at ${offset} does not fit`);
    const checksum = bytes.subarray(offset, offset + 4);
    if (getU32(bytes, offset) !== crc32(bytes.subarray(offset + 4, offset + length))) {
      throw new CorruptObjectError(key, `the checksum of the entry at ${offset} is wrong`);
    }
    crc = crc32(checksum, crc);
    count += 1;
    offset += length;
  }
  return { count, crc };
}

// A segment's directory: all that a start reads of it. Where the blocks of its catalog, index and names lie, which streams are surely not in
// it, what it removes, and when time alone will do something to a stream in it (docs/format.md). Codec only.
import { crc32 } from "node:zlib";
import type { StreamEntry } from "../catalog/entries.ts";
import {
  ENTRY_HEADER_BYTES,
  EntryKind,
  entryKind,
  entryStreamId,
  readU64,
  STREAM_ID_BYTES,
  writeU64,
} from "../shard/chunk-format.ts";
import { CorruptObjectError } from "../shard/corrupt.ts";
import { bloomHas, bloomHash, encodeBloom } from "./bloom-filter.ts";
import { compareKeys, encodeNamed, type NamedStream, type NameKey, nameBytes } from "./segment-names.ts";

/** A block ends with the entry with which it reaches this size: what one look into the catalog, or one page of names, reads. */
const CATALOG_BLOCK_BYTES = 16 * 1024;
const NAMES_BLOCK_BYTES = 16 * 1024;

const HEADER_BYTES = 48;
const STREAM_BLOCK_BYTES = STREAM_ID_BYTES + 8 + 8 + 4 + 8;
const NAME_BLOCK_BYTES = 8 + 4 + STREAM_ID_BYTES + 2;
const BASIN_BYTES = STREAM_ID_BYTES + 4 + 8;
/** At its end: its checksum, and its length, these two included. */
const END_BYTES = 8;

/** Streams with neighbouring ids: their entries in the catalog, and their runs in the index. */
export interface StreamBlock {
  /** The id of its first stream, in hexadecimal. */
  readonly firstId: string;
  /** From the beginning of the catalog, and of the index. */
  readonly catalogAt: number;
  readonly indexAt: number;
  readonly indexCrc: number;
  /** When the first of its streams falls due, by the wall clock; Infinity for never. */
  readonly dueMs: number;
}

export interface NameBlock {
  readonly first: NameKey;
  /** From the beginning of the names. */
  readonly at: number;
  readonly crc: number;
}

/** What of a segment is of one basin. */
export interface BasinShare {
  readonly streams: number;
  /** Records, their index, and what the catalog tells of their streams. */
  readonly bytes: number;
}

export interface SegmentDirectory {
  readonly streams: number;
  readonly indexBytes: number;
  readonly namesBytes: number;
  /** Bytes of what the catalog removes, which stands before its first block. */
  readonly removalBytes: number;
  readonly streamBlocks: readonly StreamBlock[];
  readonly nameBlocks: readonly NameBlock[];
  /** By id in hexadecimal. */
  readonly basins: ReadonlyMap<string, BasinShare>;
  /** Ids of streams and basins that it removes, in hexadecimal. */
  readonly removed: readonly string[];
  readonly removedBasins: readonly string[];
  readonly bloom: Uint8Array;
}

/** Whether a stream of this id may be told of. */
export function mayHaveId({ bloom }: SegmentDirectory, id: Uint8Array): boolean {
  return bloomHas(bloom, bloomHash(id));
}

/** Whether a stream of this name may be told of. */
export function mayHaveName({ bloom }: SegmentDirectory, key: NameKey): boolean {
  return bloomHas(bloom, bloomHash(nameBytes(key)));
}

/** The block in which a stream of this id is, if it is told of; undefined when it comes before all. */
export function streamBlockOf({ streamBlocks }: SegmentDirectory, id: string): number | undefined {
  return lastNotAfter(streamBlocks, ({ firstId }) => firstId <= id);
}

export function nameBlockOf({ nameBlocks }: SegmentDirectory, key: NameKey): number | undefined {
  return lastNotAfter(nameBlocks, ({ first }) => compareKeys(first, key) <= 0);
}

function lastNotAfter<T>(blocks: readonly T[], isNotAfter: (block: T) => boolean): number | undefined {
  let low = 0;
  let high = blocks.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (isNotAfter(blocks[middle])) low = middle + 1;
    else high = middle;
  }
  return low === 0 ? undefined : low - 1;
}

interface IndexedStream {
  readonly id: Uint8Array;
  readonly runs: readonly { readonly offset: number; readonly end: number }[];
}

/** Gathers a segment's names and directory while its catalog is written: first what it removes, then streams in the order of their ids. */
export class DirectoryBuilder {
  readonly #removed: string[] = [];
  readonly #removedBasins: string[] = [];
  readonly #hashes: number[] = [];
  readonly #named: NamedStream[] = [];
  readonly #blocks: { firstId: string; catalogAt: number; dueMs: number }[] = [];
  readonly #catalogShare = new Map<string, { streams: number; bytes: number }>();
  #catalogBytes = 0;
  #removalBytes = 0;

  /** Takes an entry of the catalog; `payload` is what it says, where the caller knows it. */
  add(entry: Uint8Array, payload?: object): void {
    const id = Buffer.from(entryStreamId(entry, 0)).toString("hex");
    switch (entryKind(entry, 0)) {
      case EntryKind.removed:
        this.#removed.push(id);
        this.#removalBytes += entry.length;
        break;
      case EntryKind.basinRemoved:
        this.#removedBasins.push(id);
        this.#removalBytes += entry.length;
        break;
      default:
        // Its checksum is right: an owner wrote it.
        this.#addStream(id, entry, (payload ?? JSON.parse(textOf(entry))) as StreamEntry);
    }
    this.#catalogBytes += entry.length;
  }

  #addStream(id: string, entry: Uint8Array, told: StreamEntry): void {
    const { basinId, name, createdAtMs, deletedAtMs, cipher = null, dueMs } = told;
    const named: NamedStream = { id, basinId, name, createdAtMs, deletedAtMs, cipher };
    this.#named.push(named);
    this.#hashes.push(bloomHash(Buffer.from(id, "hex")), bloomHash(nameBytes(named)));
    // What does not say is looked at.
    const due = dueMs === null ? Number.POSITIVE_INFINITY : (dueMs ?? 0);
    const last = this.#blocks.at(-1);
    if (last === undefined || this.#catalogBytes - last.catalogAt >= CATALOG_BLOCK_BYTES)
      this.#blocks.push({ firstId: id, catalogAt: this.#catalogBytes, dueMs: due });
    else last.dueMs = Math.min(last.dueMs, due);
    const share = this.#catalogShare.get(basinId) ?? { streams: 0, bytes: 0 };
    this.#catalogShare.set(basinId, share);
    share.streams += 1;
    share.bytes += entry.length;
  }

  /** `index`: what says where the records of `streams` lie, which are in the order of their ids. */
  finish(
    index: Uint8Array,
    streams: readonly IndexedStream[],
    indexBytesOf: (stream: IndexedStream) => number,
  ): { readonly names: Uint8Array; readonly directory: SegmentDirectory; readonly encoded: Uint8Array } {
    const basinOf = new Map(this.#named.map(({ id, basinId }) => [id, basinId]));
    const starts: number[] = [];
    let at = 0;
    let next = 0;
    for (const stream of streams) {
      const id = Buffer.from(stream.id).toString("hex");
      for (; next < this.#blocks.length && this.#blocks[next].firstId <= id; next += 1) starts.push(at);
      const share = this.#catalogShare.get(basinOf.get(id) ?? "");
      if (share !== undefined)
        share.bytes += indexBytesOf(stream) + stream.runs.reduce((sum, run) => sum + run.end - run.offset, 0);
      at += indexBytesOf(stream);
    }
    for (; next < this.#blocks.length; next += 1) starts.push(at);
    const streamBlocks = this.#blocks.map((block, i) => ({
      ...block,
      indexAt: starts[i],
      indexCrc: crc32(index.subarray(starts[i], starts[i + 1] ?? index.length)),
    }));
    const { names, nameBlocks } = encodeNames(this.#named);
    const directory: SegmentDirectory = {
      streams: this.#named.length,
      indexBytes: index.length,
      namesBytes: names.length,
      removalBytes: this.#removalBytes,
      streamBlocks,
      nameBlocks,
      basins: this.#catalogShare,
      removed: this.#removed,
      removedBasins: this.#removedBasins,
      bloom: encodeBloom(this.#hashes),
    };
    return { names, directory, encoded: encodeDirectory(directory) };
  }
}

function textOf(entry: Uint8Array): string {
  return Buffer.from(entry.buffer, entry.byteOffset + ENTRY_HEADER_BYTES, entry.length - ENTRY_HEADER_BYTES).toString();
}

function encodeNames(named: NamedStream[]): { names: Uint8Array; nameBlocks: NameBlock[] } {
  const parts: Uint8Array[] = [];
  const begins: { first: NameKey; at: number }[] = [];
  let at = 0;
  for (const stream of named.sort(compareKeys)) {
    if (at - (begins.at(-1)?.at ?? Number.NEGATIVE_INFINITY) >= NAMES_BLOCK_BYTES) begins.push({ first: stream, at });
    const bytes = encodeNamed(stream);
    parts.push(bytes);
    at += bytes.length;
  }
  const names = Buffer.concat(parts);
  const nameBlocks = begins.map(({ first, at: from }, i) => ({
    first,
    at: from,
    crc: crc32(names.subarray(from, begins[i + 1]?.at ?? names.length)),
  }));
  return { names, nameBlocks };
}

function encodeDirectory(directory: SegmentDirectory): Uint8Array {
  const { streamBlocks, nameBlocks, basins, removed, removedBasins, bloom } = directory;
  const firstNames = nameBlocks.map(({ first }) => Buffer.from(first.name));
  const length =
    HEADER_BYTES +
    streamBlocks.length * STREAM_BLOCK_BYTES +
    nameBlocks.length * NAME_BLOCK_BYTES +
    firstNames.reduce((sum, name) => sum + name.length, 0) +
    basins.size * BASIN_BYTES +
    (removed.length + removedBasins.length) * STREAM_ID_BYTES +
    bloom.length +
    END_BYTES;
  const bytes = Buffer.alloc(length);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  writeU64(view, 0, directory.indexBytes);
  writeU64(view, 8, directory.namesBytes);
  writeU64(view, 16, directory.removalBytes);
  const counts = [streamBlocks, nameBlocks, [...basins], removed, removedBasins, bloom].map((each) => each.length);
  for (const [i, count] of [...counts].entries()) view.setUint32(24 + 4 * i, count, true);
  let at = HEADER_BYTES;
  for (const block of streamBlocks) {
    bytes.write(block.firstId, at, "hex");
    writeU64(view, at + 16, block.catalogAt);
    writeU64(view, at + 24, block.indexAt);
    view.setUint32(at + 32, block.indexCrc, true);
    view.setFloat64(at + 36, block.dueMs, true);
    at += STREAM_BLOCK_BYTES;
  }
  for (const [i, block] of nameBlocks.entries()) {
    writeU64(view, at, block.at);
    view.setUint32(at + 8, block.crc, true);
    bytes.write(block.first.basinId, at + 12, "hex");
    view.setUint16(at + 28, firstNames[i].length, true);
    firstNames[i].copy(bytes, at + NAME_BLOCK_BYTES);
    at += NAME_BLOCK_BYTES + firstNames[i].length;
  }
  for (const [id, share] of basins) {
    bytes.write(id, at, "hex");
    view.setUint32(at + 16, share.streams, true);
    writeU64(view, at + 20, share.bytes);
    at += BASIN_BYTES;
  }
  for (const id of [...removed, ...removedBasins]) {
    bytes.write(id, at, "hex");
    at += STREAM_ID_BYTES;
  }
  bytes.set(bloom, at);
  at += bloom.length;
  view.setUint32(at, crc32(bytes.subarray(0, at)), true);
  view.setUint32(at + 4, length, true);
  return bytes;
}

/** Decodes the directory that ends where `bytes` end. Errors: CorruptObjectError, which names `key`. */
export function decodeDirectory(key: string, bytes: Uint8Array): { directory: SegmentDirectory; length: number } {
  const whole = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const length = whole.length < HEADER_BYTES + END_BYTES ? 0 : whole.readUInt32LE(whole.length - 4);
  if (length < HEADER_BYTES + END_BYTES || length > whole.length)
    throw new CorruptObjectError(key, "its directory's length is wrong");
  const own = whole.subarray(whole.length - length);
  const end = length - END_BYTES;
  if (own.readUInt32LE(end) !== crc32(own.subarray(0, end)))
    throw new CorruptObjectError(key, "its directory's checksum is wrong");
  // The checksum is right: these are the bytes that an owner wrote.
  const view = new DataView(own.buffer, own.byteOffset, own.length);
  const [streamBlocks, nameBlocks, basins, removed, removedBasins, bloomBytes] = Array.from({ length: 6 }, (_, i) =>
    view.getUint32(24 + 4 * i, true),
  );
  const hexAt = (at: number) => own.toString("hex", at, at + STREAM_ID_BYTES);
  let at = HEADER_BYTES;
  const take = <T>(count: number, one: () => T): T[] => Array.from({ length: count }, one);
  const decoded = {
    indexBytes: readU64(view, 0),
    namesBytes: readU64(view, 8),
    removalBytes: readU64(view, 16),
    streamBlocks: take(streamBlocks, () => {
      const block: StreamBlock = {
        firstId: hexAt(at),
        catalogAt: readU64(view, at + 16),
        indexAt: readU64(view, at + 24),
        indexCrc: view.getUint32(at + 32, true),
        dueMs: view.getFloat64(at + 36, true),
      };
      at += STREAM_BLOCK_BYTES;
      return block;
    }),
    nameBlocks: take(nameBlocks, () => {
      const nameAt = at + NAME_BLOCK_BYTES;
      const nameEnd = nameAt + view.getUint16(at + 28, true);
      const first = { basinId: hexAt(at + 12), name: own.toString("utf8", nameAt, nameEnd) };
      const block: NameBlock = { first, at: readU64(view, at), crc: view.getUint32(at + 8, true) };
      at = nameEnd;
      return block;
    }),
    basins: new Map(
      take(basins, () => {
        const share = { streams: view.getUint32(at + 16, true), bytes: readU64(view, at + 20) };
        const id = hexAt(at);
        at += BASIN_BYTES;
        return [id, share] as const;
      }),
    ),
    removed: take(removed, () => {
      at += STREAM_ID_BYTES;
      return hexAt(at - STREAM_ID_BYTES);
    }),
    removedBasins: take(removedBasins, () => {
      at += STREAM_ID_BYTES;
      return hexAt(at - STREAM_ID_BYTES);
    }),
    // A copy: what is kept of a segment must not keep all that was read with it.
    bloom: Uint8Array.from(own.subarray(at, at + bloomBytes)),
  };
  let streams = 0;
  for (const share of decoded.basins.values()) streams += share.streams;
  return { directory: { streams, ...decoded }, length };
}

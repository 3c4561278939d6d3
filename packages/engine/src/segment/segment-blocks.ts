// Reading parts of segments' catalogs, indexes and names: a block at a time, verified, through the cache of fetched history. Believes nothing unverified.
import { crc32 } from "node:zlib";
import { FetchedRange } from "../history/entry-bytes.ts";
import type { RunCache } from "../history/run-cache.ts";
import { entryBytes, entryIsOf, entryStreamId, verifyEntries } from "../shard/chunk-format.ts";
import { CorruptObjectError } from "../shard/corrupt.ts";
import type { LiveSegment } from "./live-segments.ts";
import type { SegmentDirectory } from "./segment-directory.ts";
import { decodeStreams, type SegmentRun } from "./segment-format.ts";
import { decodeNames, type NamedStream } from "./segment-names.ts";

/** A part of an object. Errors: the caller's. `verify` throws CorruptObjectError. */
export type GetBlock = (
  segment: LiveSegment,
  offset: number,
  length: number,
  verify: (bytes: Uint8Array) => void,
) => Promise<Uint8Array>;

/** What a segment says of a stream. */
export interface Word {
  /** The entry in its catalog. */
  readonly entry: Uint8Array;
  readonly runs: readonly SegmentRun[];
}

export class SegmentBlocks {
  readonly #get: GetBlock;
  readonly #cache: RunCache | undefined;
  readonly #underWay = new Map<string, Promise<Uint8Array>>();

  constructor(get: GetBlock, cache: RunCache | undefined) {
    this.#get = get;
    this.#cache = cache;
  }

  /** The entries of the catalog in a block of streams. */
  async entries(live: LiveSegment, block: number): Promise<Uint8Array[]> {
    const { catalog } = boundsOf(live, block);
    const bytes = await this.#read(live, catalog.from, catalog.to, (read) =>
      verifyEntries(live.key, read, 0, read.length),
    );
    const entries: Uint8Array[] = [];
    for (let at = 0; at < bytes.length; at += entryBytes(bytes, at))
      entries.push(bytes.subarray(at, at + entryBytes(bytes, at)));
    return entries;
  }

  /** What a segment says of a stream, which is in this block if it is told of. */
  async word(live: LiveSegment, block: number, id: Uint8Array): Promise<Word | undefined> {
    const { index, indexCrc } = boundsOf(live, block);
    const checkIndex = (bytes: Uint8Array) => {
      if (crc32(bytes) !== indexCrc)
        throw new CorruptObjectError(live.key, "a block of its index has a wrong checksum");
    };
    const [entries, indexed] = await Promise.all([
      this.entries(live, block),
      index.from === index.to ? new Uint8Array(0) : this.#read(live, index.from, index.to, checkIndex),
    ]);
    const entry = entries.find((each) => entryIsOf(each, 0, id));
    if (entry === undefined) return undefined;
    const streams = decodeStreams(live.key, indexed, live.footer.recordsBytes);
    return { entry, runs: streams.find((stream) => Buffer.compare(stream.id, id) === 0)?.runs ?? [] };
  }

  async names(live: LiveSegment, block: number): Promise<NamedStream[]> {
    const { nameBlocks, namesBytes, indexBytes } = directoryOf(live);
    const { at, crc } = nameBlocks[block];
    const namesAt = live.footer.recordsBytes + live.footer.catalogBytes + indexBytes;
    const to = nameBlocks[block + 1]?.at ?? namesBytes;
    const bytes = await this.#read(live, namesAt + at, namesAt + to, (read) => {
      if (crc32(read) !== crc) throw new CorruptObjectError(live.key, "a block of its names has a wrong checksum");
    });
    return decodeNames(live.key, bytes);
  }

  #read(live: LiveSegment, from: number, to: number, verify: (bytes: Uint8Array) => void): Promise<Uint8Array> {
    const key = `${live.key}@${from}`;
    const cached = this.#cache?.get(key)?.partAt(0);
    if (cached !== undefined) return Promise.resolve(cached.slab);
    const underWay = this.#underWay.get(key);
    if (underWay !== undefined) return underWay;
    const read = this.#get(live, from, to - from, (bytes) => {
      if (bytes.length !== to - from)
        throw new CorruptObjectError(live.key, `${bytes.length} bytes at ${from}, not ${to - from}`);
      verify(bytes);
    })
      .then((bytes) => {
        this.#cache?.set([key], new FetchedRange(bytes, 0), bytes.length);
        return bytes;
      })
      .finally(() => this.#underWay.delete(key));
    this.#underWay.set(key, read);
    return read;
  }
}

function directoryOf({ directory, key }: LiveSegment): SegmentDirectory {
  if (directory === undefined) throw new Error(`${key} has no directory`);
  return directory;
}

function boundsOf(live: LiveSegment, block: number) {
  const { streamBlocks, indexBytes } = directoryOf(live);
  const { recordsBytes, catalogBytes } = live.footer;
  const { catalogAt, indexAt, indexCrc } = streamBlocks[block];
  const next = streamBlocks[block + 1];
  const indexBegins = recordsBytes + catalogBytes;
  return {
    catalog: { from: recordsBytes + catalogAt, to: recordsBytes + (next?.catalogAt ?? catalogBytes) },
    index: { from: indexBegins + indexAt, to: indexBegins + (next?.indexAt ?? indexBytes) },
    indexCrc,
  };
}

/** In hexadecimal. */
export function idOfEntry(entry: Uint8Array): string {
  return Buffer.from(entryStreamId(entry, 0)).toString("hex");
}

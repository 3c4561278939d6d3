// Rebuilding a shard's streams: from the segments in the order of their numbers, then from the log, chunk by chunk, the mirror image of
// what sequencing wrote.

import type { SegmentMeta } from "../segment/segment-format.ts";
import type { Unflushed } from "../segment/unflushed.ts";
import {
  CHUNK_HEADER_BYTES,
  ENTRY_HEADER_BYTES,
  EntryKind,
  entryBytes,
  entryCount,
  entryFirstSeqNum,
  entryKind,
  entryLastTimestampHigh,
  entryLastTimestampLow,
  entryMeteredBytes,
  entryStreamId,
  type LogObjectHeader,
} from "../shard/chunk-format.ts";
import { CorruptObjectError } from "../shard/corrupt.ts";
import type { LogClock } from "../shard/log-clock.ts";
import { segmentObject } from "../stream/run-index.ts";
import type { StateEntry } from "../stream/sequencer.ts";
import { Stream } from "../stream/stream.ts";
import type { ClockEntry, ConfiguredEntry, CreatedEntry, DeletedEntry, StreamEntry } from "./entries.ts";
import type { StreamCatalog } from "./stream-catalog.ts";

export class Replay {
  readonly #catalog: StreamCatalog;
  readonly #clock: LogClock;
  readonly #unflushed: Unflushed;
  /** By id in hexadecimal. Only while the log is read: entries written later know their stream. */
  readonly #streams = new Map<string, Stream>();

  constructor(catalog: StreamCatalog, clock: LogClock, unflushed: Unflushed) {
    this.#catalog = catalog;
    this.#clock = clock;
    this.#unflushed = unflushed;
  }

  /** Applies a verified segment, which says of every stream that it tells of what holds at its end. Errors: CorruptObjectError. */
  applySegment(key: string, { footer, catalog, streams }: SegmentMeta): void {
    for (let offset = 0, end = 0; offset < catalog.length; offset = end) {
      end = offset + entryBytes(catalog, offset);
      const id = idAt(catalog, offset);
      switch (entryKind(catalog, offset)) {
        case EntryKind.removed: {
          const stream = this.#streams.get(id);
          if (stream !== undefined) this.#remove(id, stream);
          break;
        }
        case EntryKind.basinRemoved:
          this.#removeBasin(id);
          break;
        case EntryKind.stream:
          this.#applyStream(id, catalog, offset, json<StreamEntry>(catalog, offset, end)).catalogSegment =
            footer.number;
          break;
        default:
          throw new CorruptObjectError(key, "its catalog has an entry of unknown kind");
      }
    }
    const object = segmentObject(footer.number);
    for (const { id, runs } of streams) {
      // What was removed since has left its records behind.
      const stream = this.#streams.get(Buffer.from(id).toString("hex"));
      if (stream === undefined) continue;
      stream.index.addSegment(object, runs);
      stream.index.trim(stream.trimPoint, stream.trimPoint, stream.durable.nextSeqNum);
    }
  }

  #applyStream(id: string, bytes: Uint8Array, offset: number, entry: StreamEntry): Stream {
    let stream = this.#streams.get(id);
    if (stream === undefined) {
      stream = newStream(bytes, offset, entry);
      this.#streams.set(id, stream);
      this.#catalog.add(stream);
    }
    setState(stream, entry);
    stream.config = stream.durable.config = entry.config;
    stream.deletedAtMs = stream.durable.deletedAtMs = entry.deletedAtMs;
    stream.gone = entry.deletedAtMs !== null;
    stream.lastWriteMs = entry.lastWriteMs;
    setTail(stream, entryFirstSeqNum(bytes, offset), bytes, offset);
    return stream;
  }

  /** Applies a verified chunk. Errors: CorruptObjectError when an entry contradicts what stands before it. */
  apply(key: string, header: LogObjectHeader, bytes: Uint8Array): void {
    let offset = CHUNK_HEADER_BYTES;
    while (offset < bytes.length) {
      const end = offset + entryBytes(bytes, offset);
      this.#applyEntry(key, header.place, bytes, offset, end);
      offset = end;
    }
    this.#unflushed.addChunk(header.contentBytes);
  }

  #remove(id: string, stream: Stream): void {
    stream.removed = true;
    this.#streams.delete(id);
    this.#catalog.remove(stream);
  }

  /** Answers the streams that it had. */
  #removeBasin(id: string): readonly Stream[] {
    const streams = [...(this.#catalog.basin(id)?.values() ?? [])];
    for (const stream of streams) {
      stream.removed = true;
      this.#streams.delete(Buffer.from(stream.id).toString("hex"));
    }
    this.#catalog.removeBasin(id);
    return streams;
  }

  #applyEntry(key: string, place: number, bytes: Uint8Array, offset: number, end: number): void {
    const id = idAt(bytes, offset);
    const kind = entryKind(bytes, offset);
    if (kind === EntryKind.created) {
      const stream = newStream(bytes, offset, json<CreatedEntry>(bytes, offset, end));
      this.#streams.set(id, stream);
      this.#catalog.add(stream);
      this.#unflushed.touch(stream);
      return;
    }
    if (kind === EntryKind.clock) {
      this.#clock.add(place, json<ClockEntry>(bytes, offset, end).wallMs);
      return;
    }
    if (kind === EntryKind.basinRemoved) {
      this.#unflushed.removals.basinRemoved(id, this.#removeBasin(id));
      return;
    }
    const stream = this.#streams.get(id);
    if (stream === undefined)
      throw new CorruptObjectError(key, `an entry at ${offset} is of a stream that was never created`);
    this.#unflushed.touch(stream);
    switch (kind) {
      case EntryKind.records:
        applyRecords(key, place, stream, bytes, offset, end);
        return;
      case EntryKind.state:
        setState(stream, json<StateEntry>(bytes, offset, end));
        return;
      case EntryKind.configured:
        stream.config = stream.durable.config = json<ConfiguredEntry>(bytes, offset, end).config;
        return;
      case EntryKind.deleted:
        stream.deletedAtMs = stream.durable.deletedAtMs = json<DeletedEntry>(bytes, offset, end).deletedAtMs;
        stream.gone = true;
        return;
      case EntryKind.removed:
        this.#remove(id, stream);
        this.#unflushed.removals.removed(stream);
        return;
      default:
        throw new CorruptObjectError(key, `the entry at ${offset} is of unknown kind ${kind}`);
    }
  }
}

function idAt(bytes: Uint8Array, offset: number): string {
  return Buffer.from(entryStreamId(bytes, offset)).toString("hex");
}

function newStream(bytes: Uint8Array, offset: number, created: CreatedEntry): Stream {
  const stream = new Stream(
    // A copy: `slice` of a Buffer would keep all of it in memory.
    Uint8Array.from(entryStreamId(bytes, offset)),
    created.basinId,
    created.name,
    created.createdAtMs,
    created.config,
    created.cipher ?? null,
    created.idempotencyKey,
  );
  stream.born = true;
  return stream;
}

function setState(stream: Stream, { fencingToken, trimPoint }: StateEntry): void {
  stream.fencingToken = stream.durable.fencingToken = fencingToken;
  stream.assignedTrimPoint = trimPoint;
  stream.applyTrim(trimPoint);
}

function setTail(stream: Stream, nextSeqNum: number, bytes: Uint8Array, offset: number): void {
  for (const tail of [stream.assigned, stream.durable]) {
    tail.nextSeqNum = nextSeqNum;
    tail.lastTimestampLow = entryLastTimestampLow(bytes, offset);
    tail.lastTimestampHigh = entryLastTimestampHigh(bytes, offset);
  }
}

function applyRecords(
  key: string,
  place: number,
  stream: Stream,
  bytes: Uint8Array,
  offset: number,
  end: number,
): void {
  const first = entryFirstSeqNum(bytes, offset);
  if (first !== stream.assigned.nextSeqNum) {
    throw new CorruptObjectError(
      key,
      `the entry at ${offset} begins at sequence number ${first}, not ${stream.assigned.nextSeqNum}`,
    );
  }
  const low = entryLastTimestampLow(bytes, offset);
  const high = entryLastTimestampHigh(bytes, offset);
  setTail(stream, first + entryCount(bytes, offset), bytes, offset);
  stream.lastWritePlace = place;
  stream.index.add(first, place, offset, end, low, high, entryMeteredBytes(bytes, offset));
}

/** The entry's checksum is right, so these are the bytes that an owner wrote. */
function json<T>(bytes: Uint8Array, offset: number, end: number): T {
  return JSON.parse(
    Buffer.from(
      bytes.buffer,
      bytes.byteOffset + offset + ENTRY_HEADER_BYTES,
      end - offset - ENTRY_HEADER_BYTES,
    ).toString(),
  ) as T;
}

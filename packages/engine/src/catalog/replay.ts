// Rebuilding a shard's streams: from segments of before directories, in their order, then from the log, chunk by chunk, the mirror image of what
// sequencing wrote. What the log says of streams that only newer segments know is kept aside, and put together with what those say of them at the end.

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
import type { DeadBytes, Stream } from "../stream/stream.ts";
import type { ColdStreams } from "./cold-streams.ts";
import type { ClockEntry, ConfiguredEntry, CreatedEntry, DeletedEntry, StreamEntry } from "./entries.ts";
import { notNext, PendingStream } from "./pending-stream.ts";
import type { StreamCatalog } from "./stream-catalog.ts";
import { createdStream, openedStream, setState, setTail, setTold } from "./told-stream.ts";

/** Streams that are looked up at once. */
const CONCURRENT_LOOKUPS = 64;

export class Replay {
  readonly #catalog: StreamCatalog;
  readonly #clock: LogClock;
  readonly #unflushed: Unflushed;
  /** Whether the catalog's counts were begun with, and streams of segments are in them. */
  readonly #areCounted: boolean;
  /** By id in hexadecimal. */
  readonly #pending = new Map<string, PendingStream>();

  /** What segments say of that; undefined where they do not. */
  readonly #stored = new Map<Stream, number | undefined>();

  constructor(catalog: StreamCatalog, clock: LogClock, unflushed: Unflushed, areCounted: boolean) {
    this.#catalog = catalog;
    this.#clock = clock;
    this.#unflushed = unflushed;
    this.#areCounted = areCounted;
  }

  /** Applies all that a verified segment says, which is what holds at its end: its streams are in memory then. Errors: CorruptObjectError. */
  applySegment(key: string, { footer, catalog, streams }: SegmentMeta): void {
    for (let offset = 0, end = 0; offset < catalog.length; offset = end) {
      end = offset + entryBytes(catalog, offset);
      const id = idAt(catalog, offset);
      switch (entryKind(catalog, offset)) {
        case EntryKind.removed: {
          const stream = this.#catalog.byId(id);
          if (stream !== undefined) this.#leave(stream);
          break;
        }
        case EntryKind.basinRemoved:
          for (const stream of [...(this.#catalog.basin(id)?.values() ?? [])]) this.#leave(stream);
          this.#catalog.endBasin(id);
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
      const stream = this.#catalog.byId(Buffer.from(id).toString("hex"));
      if (stream === undefined) continue;
      stream.index.addSegment(object, runs);
      stream.index.trim(stream.trimPoint, stream.trimPoint, stream.durable.nextSeqNum);
    }
  }

  /** A segment removes it. */
  #leave(stream: Stream): void {
    stream.removed = true;
    if (this.#areCounted) this.#catalog.forget(stream);
    else this.#catalog.remove(stream);
  }

  #applyStream(id: string, bytes: Uint8Array, offset: number, entry: StreamEntry): Stream {
    let stream = this.#catalog.byId(id);
    if (stream === undefined) {
      stream = createdStream(bytes, offset, entry);
      if (this.#areCounted) this.#catalog.open(stream);
      else {
        this.#catalog.add(stream);
        this.#catalog.born(stream);
      }
    }
    setTold(stream, bytes, offset, entry);
    this.#stored.set(stream, entry.storedBytes);
    return stream;
  }

  /** All segments have been applied: what each stream stores is what is counted of it. */
  segmentsApplied(): void {
    for (const stream of this.#catalog.all())
      stream.countedBytes = this.#stored.get(stream) ?? (stream.gone ? 0 : stream.index.meteredBytes);
    this.#stored.clear();
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

  /** Looks up the streams of segments that the log tells of; false when there are none. Errors: CorruptObjectError where there is none; those of the lookups. */
  async resolve(cold: ColdStreams, deadBytes: DeadBytes): Promise<boolean> {
    // In the order of their ids: neighbours are in one block.
    const waiting = [...this.#pending].sort(([a], [b]) => (a < b ? 1 : -1)).map(([, pending]) => pending);
    if (waiting.length === 0) return false;
    const lookUp = async () => {
      for (let pending = waiting.pop(); pending !== undefined; pending = waiting.pop()) {
        const found = await cold.findById(pending.id);
        if (found === undefined)
          throw new CorruptObjectError(
            pending.key,
            `it has entries of stream ${hexOf(pending.id)}, which was never created`,
          );
        this.#join(pending, openedStream(found, deadBytes));
      }
    };
    await Promise.all(Array.from({ length: CONCURRENT_LOOKUPS }, lookUp));
    this.#pending.clear();
    return true;
  }

  #join(pending: PendingStream, stream: Stream): void {
    this.#unflushed.touch(stream);
    pending.applyTo(stream);
    // Another may have its name by now.
    if (pending.isRemoved) {
      stream.removed = true;
      this.#catalog.uncount(stream.basinId);
      this.#unflushed.removals.removed(stream);
    } else if (this.#catalog.hasEnded(stream.basinId)) {
      // It ended behind all that the log says of it.
      stream.removed = true;
    } else this.#catalog.open(stream);
  }

  #remove(stream: Stream): void {
    stream.removed = true;
    this.#catalog.remove(stream);
    this.#unflushed.removals.removed(stream);
  }

  #removeBasin(id: string): void {
    for (const stream of this.#catalog.basin(id)?.values() ?? []) stream.removed = true;
    this.#catalog.removeBasin(id);
    this.#unflushed.removals.basinRemoved(id);
  }

  #applyEntry(key: string, place: number, bytes: Uint8Array, offset: number, end: number): void {
    const id = idAt(bytes, offset);
    const kind = entryKind(bytes, offset);
    if (kind === EntryKind.created) {
      const stream = createdStream(bytes, offset, json<CreatedEntry>(bytes, offset, end));
      this.#catalog.add(stream);
      this.#catalog.born(stream);
      this.#unflushed.touch(stream);
      return;
    }
    if (kind === EntryKind.clock) {
      this.#clock.add(place, json<ClockEntry>(bytes, offset, end).wallMs);
      return;
    }
    if (kind === EntryKind.basinRemoved) {
      this.#removeBasin(id);
      return;
    }
    const stream = this.#catalog.byId(id);
    if (stream === undefined) this.#applyPending(key, place, bytes, offset, end);
    else this.#applyKnown(stream, key, place, bytes, offset, end);
  }

  #applyKnown(stream: Stream, key: string, place: number, bytes: Uint8Array, offset: number, end: number): void {
    this.#unflushed.touch(stream);
    switch (entryKind(bytes, offset)) {
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
        this.#remove(stream);
        return;
      default:
        throw unknownKind(key, bytes, offset);
    }
  }

  #applyPending(key: string, place: number, bytes: Uint8Array, offset: number, end: number): void {
    const id = idAt(bytes, offset);
    let pending = this.#pending.get(id);
    if (pending === undefined) {
      pending = new PendingStream(Uint8Array.from(entryStreamId(bytes, offset)), key);
      this.#pending.set(id, pending);
    }
    switch (entryKind(bytes, offset)) {
      case EntryKind.records:
        pending.addRecords(key, place, bytes, offset, end);
        return;
      case EntryKind.state:
        pending.state = json<StateEntry>(bytes, offset, end);
        return;
      case EntryKind.configured:
        pending.config = json<ConfiguredEntry>(bytes, offset, end).config;
        return;
      case EntryKind.deleted:
        pending.deletedAtMs = json<DeletedEntry>(bytes, offset, end).deletedAtMs;
        return;
      case EntryKind.removed:
        pending.isRemoved = true;
        return;
      default:
        throw unknownKind(key, bytes, offset);
    }
  }
}

function unknownKind(key: string, bytes: Uint8Array, offset: number): CorruptObjectError {
  return new CorruptObjectError(key, `the entry at ${offset} is of unknown kind ${entryKind(bytes, offset)}`);
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
  if (first !== stream.assigned.nextSeqNum) throw notNext(key, offset, first, stream.assigned.nextSeqNum);
  const low = entryLastTimestampLow(bytes, offset);
  const high = entryLastTimestampHigh(bytes, offset);
  setTail(stream, first + entryCount(bytes, offset), bytes, offset);
  stream.lastWritePlace = place;
  stream.index.add(first, place, offset, end, low, high, entryMeteredBytes(bytes, offset));
}

function idAt(bytes: Uint8Array, offset: number): string {
  return hexOf(entryStreamId(bytes, offset));
}

function hexOf(id: Uint8Array): string {
  return Buffer.from(id).toString("hex");
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

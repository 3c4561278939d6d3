// Rebuilding a shard's streams from its log, chunk by chunk: the mirror image of what sequencing wrote.
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
import type { StateEntry } from "../stream/sequencer.ts";
import { Stream } from "../stream/stream.ts";
import type { ClockEntry, ConfiguredEntry, CreatedEntry, DeletedEntry } from "./entries.ts";
import type { StreamCatalog } from "./stream-catalog.ts";

export class Replay {
  readonly #catalog: StreamCatalog;
  readonly #clock: LogClock;
  /** By id in hexadecimal. Only while the log is read: entries written later know their stream. */
  readonly #streams = new Map<string, Stream>();

  constructor(catalog: StreamCatalog, clock: LogClock) {
    this.#catalog = catalog;
    this.#clock = clock;
  }

  /** Applies a verified chunk. Errors: CorruptObjectError when an entry contradicts what stands before it. */
  apply(key: string, header: LogObjectHeader, bytes: Uint8Array): void {
    let offset = CHUNK_HEADER_BYTES;
    while (offset < bytes.length) {
      const end = offset + entryBytes(bytes, offset);
      this.#applyEntry(key, header.place, bytes, offset, end);
      offset = end;
    }
  }

  #applyEntry(key: string, place: number, bytes: Uint8Array, offset: number, end: number): void {
    const id = Buffer.from(entryStreamId(bytes, offset)).toString("hex");
    const kind = entryKind(bytes, offset);
    if (kind === EntryKind.created) {
      const created = json<CreatedEntry>(bytes, offset, end);
      const stream = new Stream(
        entryStreamId(bytes, offset).slice(),
        created.basinId,
        created.name,
        created.createdAtMs,
        created.config,
        created.cipher ?? null,
        created.idempotencyKey,
      );
      stream.born = true;
      this.#streams.set(id, stream);
      this.#catalog.add(stream);
      return;
    }
    if (kind === EntryKind.clock) {
      this.#clock.add(place, json<ClockEntry>(bytes, offset, end).wallMs);
      return;
    }
    if (kind === EntryKind.basinRemoved) {
      for (const stream of this.#catalog.basin(id)?.values() ?? [])
        this.#streams.delete(Buffer.from(stream.id).toString("hex"));
      this.#catalog.removeBasin(id);
      return;
    }
    const stream = this.#streams.get(id);
    if (stream === undefined)
      throw new CorruptObjectError(key, `an entry at ${offset} is of a stream that was never created`);
    switch (kind) {
      case EntryKind.records:
        applyRecords(key, place, stream, bytes, offset, end);
        return;
      case EntryKind.state: {
        const state = json<StateEntry>(bytes, offset, end);
        stream.fencingToken = state.fencingToken;
        stream.assignedTrimPoint = state.trimPoint;
        stream.applyTrim(state.trimPoint);
        return;
      }
      case EntryKind.configured:
        stream.config = json<ConfiguredEntry>(bytes, offset, end).config;
        return;
      case EntryKind.deleted:
        stream.deletedAtMs = json<DeletedEntry>(bytes, offset, end).deletedAtMs;
        stream.gone = true;
        return;
      case EntryKind.removed:
        this.#streams.delete(id);
        this.#catalog.remove(stream);
        return;
      default:
        throw new CorruptObjectError(key, `the entry at ${offset} is of unknown kind ${kind}`);
    }
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
  for (const tail of [stream.assigned, stream.durable]) {
    tail.nextSeqNum = first + entryCount(bytes, offset);
    tail.lastTimestampLow = low;
    tail.lastTimestampHigh = high;
  }
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

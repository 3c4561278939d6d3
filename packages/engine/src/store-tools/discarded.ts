// What is lost with a part of the log: its objects, and as far as they can be read, the records in them by stream. Changes nothing.
import type { CreatedEntry } from "../catalog/entries.ts";
import type { SegmentMeta } from "../segment/segment-format.ts";
import {
  CHUNK_HEADER_BYTES,
  ENTRY_HEADER_BYTES,
  EntryKind,
  entryBytes,
  entryCount,
  entryFirstSeqNum,
  entryKind,
  entryStreamId,
} from "../shard/chunk-format.ts";
import type { StreamBook } from "./stream-book.ts";
import type { SurveyVisitor } from "./survey.ts";

export interface DiscardedStream {
  readonly id: string;
  /** Undefined where what names it cannot be read. */
  readonly name: string | undefined;
  readonly records: number;
  /** The first sequence number that is lost. */
  readonly fromSeqNum: number;
}

/** Counts what whole chunks from a place on say. */
export class Discarded implements SurveyVisitor {
  readonly #fromPlace: number;
  readonly #streams = new Map<string, { records: number; fromSeqNum: number }>();
  readonly #created = new Map<string, string>();

  constructor(fromPlace: number) {
    this.#fromPlace = fromPlace;
  }

  segment(_key: string, _meta: SegmentMeta): void {}

  chunk(place: number, bytes: Uint8Array): void {
    if (place < this.#fromPlace) return;
    for (let at = CHUNK_HEADER_BYTES; at < bytes.length; at += entryBytes(bytes, at)) {
      const id = Buffer.from(entryStreamId(bytes, at)).toString("hex");
      if (entryKind(bytes, at) === EntryKind.created) this.#created.set(id, createdName(bytes, at));
      if (entryKind(bytes, at) !== EntryKind.records) continue;
      const stream = this.#streams.get(id) ?? { records: 0, fromSeqNum: entryFirstSeqNum(bytes, at) };
      stream.records += entryCount(bytes, at);
      this.#streams.set(id, stream);
    }
  }

  /** Those with most records first. */
  streams(book: StreamBook): DiscardedStream[] {
    return [...this.#streams]
      .map(([id, stream]) => ({ id, name: book.streams.get(id)?.name ?? this.#created.get(id), ...stream }))
      .toSorted((a, b) => b.records - a.records);
  }
}

function createdName(bytes: Uint8Array, at: number): string {
  const payload = Buffer.from(bytes.subarray(at + ENTRY_HEADER_BYTES, at + entryBytes(bytes, at)));
  // Its checksum is right: an owner wrote it.
  return (JSON.parse(payload.toString()) as CreatedEntry).name;
}

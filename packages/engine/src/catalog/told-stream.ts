// Making a stream in memory of what an entry says of it.
import {
  entryFirstSeqNum,
  entryLastTimestampHigh,
  entryLastTimestampLow,
  entryStreamId,
} from "../shard/chunk-format.ts";
import { segmentObject } from "../stream/run-index.ts";
import type { StateEntry } from "../stream/sequencer.ts";
import { type DeadBytes, Stream } from "../stream/stream.ts";
import type { ColdStream } from "./cold-streams.ts";
import type { CreatedEntry, StreamEntry } from "./entries.ts";

/** The stream whose creation an entry at `offset` tells of. */
export function createdStream(bytes: Uint8Array, offset: number, created: CreatedEntry): Stream {
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

export function setState(stream: Stream, { fencingToken, trimPoint }: StateEntry): void {
  stream.fencingToken = stream.durable.fencingToken = fencingToken;
  stream.assignedTrimPoint = trimPoint;
  stream.applyTrim(trimPoint);
}

export function setTail(stream: Stream, nextSeqNum: number, bytes: Uint8Array, offset: number): void {
  for (const tail of [stream.assigned, stream.durable]) {
    tail.nextSeqNum = nextSeqNum;
    tail.lastTimestampLow = entryLastTimestampLow(bytes, offset);
    tail.lastTimestampHigh = entryLastTimestampHigh(bytes, offset);
  }
}

/** What a segment's catalog says of a stream, with the entry at `offset`, holds. */
export function setTold(stream: Stream, bytes: Uint8Array, offset: number, told: StreamEntry): void {
  setState(stream, told);
  stream.config = stream.durable.config = told.config;
  stream.deletedAtMs = stream.durable.deletedAtMs = told.deletedAtMs;
  stream.gone = told.deletedAtMs !== null;
  stream.lastWriteMs = told.lastWriteMs;
  setTail(stream, entryFirstSeqNum(bytes, offset), bytes, offset);
}

/** A stream that was found in segments. `deadBytes` is told of what is forgotten of it later. */
export function openedStream({ entry, told, source, runs }: ColdStream, deadBytes: DeadBytes): Stream {
  const stream = createdStream(entry, 0, told);
  setTold(stream, entry, 0, told);
  stream.catalogSegment = source.segment.number;
  for (const each of runs) stream.index.addSegment(segmentObject(each.segment.segment.number), each.runs);
  stream.index.trim(stream.trimPoint, stream.trimPoint, stream.durable.nextSeqNum);
  stream.keptFrom = stream.trimPoint;
  stream.deadBytes = deadBytes;
  stream.countedBytes = told.storedBytes ?? (stream.gone ? 0 : stream.index.meteredBytes);
  return stream;
}

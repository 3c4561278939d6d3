// Making a segment of a flush: finds the chunks' bytes, in memory or in the store, and gathers each stream's entries out of them.
// Gives way after every stretch of work, so that a flush stands in nobody's way for long.
import type { EntryBytes } from "../history/entry-bytes.ts";
import { latenessMs } from "../retention/ageing.ts";
import type { Runtime } from "../runtime/index.ts";
import { EntryKind, entryBytes, entryCount, entryFirstSeqNum, entryIsOf, entryKind } from "../shard/chunk-format.ts";
import type { Stream } from "../stream/stream.ts";
import { SegmentBuilder } from "./segment-builder.ts";
import { Turns } from "./turns.ts";
import type { Flush } from "./unflushed.ts";

/** Chunks that are fetched at once. */
const CONCURRENT_FETCHES = 8;

export interface SegmentSources {
  readonly runtime: Runtime;
  /** The content of a durable chunk. */
  readonly chunk: (place: number) => EntryBytes | Promise<EntryBytes>;
  /** The latest time at which what stands in a place can have come in. */
  readonly arrivedMs: (place: number) => number;
}

/** Gathers what a flush is about; all but the footer. Errors: those of `chunk`. */
export async function buildSegment(flush: Flush, sources: SegmentSources): Promise<SegmentBuilder> {
  const turns = new Turns(sources.runtime);
  const chunks = await fetchChunks(await placesOf(flush, turns), sources);
  const builder = new SegmentBuilder();
  for (const { stream } of flush.streams) {
    builder.beginStream(stream.id, latenessMs(stream.durable.config));
    for (const { place, offset, end } of runsOf(flush, stream)) {
      const chunk = chunks.get(place);
      if (chunk === undefined) throw new Error(`place ${place} was not fetched`);
      const arrivedMs = sources.arrivedMs(place);
      for (let at = offset; at < end; ) {
        const length = addEntry(builder, stream, chunk, at, arrivedMs);
        at += length;
        const turn = turns.after(length);
        if (turn !== undefined) await turn;
      }
    }
  }
  for (const { id } of flush.removals.streams) builder.addCatalog(EntryKind.removed, id, {});
  for (const id of flush.removals.basins) builder.addCatalog(EntryKind.basinRemoved, Buffer.from(id, "hex"), {});
  for (const { stream, entry, nextSeqNum, lastTimestampLow, lastTimestampHigh } of flush.streams) {
    builder.addCatalog(EntryKind.stream, stream.id, entry, nextSeqNum, lastTimestampLow, lastTimestampHigh);
    const turn = turns.after(0);
    if (turn !== undefined) await turn;
  }
  return builder;
}

interface ChunkRun {
  readonly place: number;
  readonly offset: number;
  readonly end: number;
}

/** The runs of a stream that a flush moves, as the index has them now: those that were trimmed meanwhile are gone from it. */
function runsOf({ fromPlace, toPlace }: Flush, { index, removed }: Stream): ChunkRun[] {
  const runs: ChunkRun[] = [];
  if (removed) return runs;
  for (let run = index.firstInLog(fromPlace); run < index.count && index.object(run) < toPlace; run += 1)
    runs.push({ place: index.object(run), offset: index.offset(run), end: index.end(run) });
  return runs;
}

async function placesOf(flush: Flush, turns: Turns): Promise<number[]> {
  const places = new Set<number>();
  for (const { stream } of flush.streams) {
    for (const { place } of runsOf(flush, stream)) places.add(place);
    const turn = turns.after(0);
    if (turn !== undefined) await turn;
  }
  return [...places].sort((a, b) => a - b);
}

async function fetchChunks(places: readonly number[], sources: SegmentSources): Promise<Map<number, EntryBytes>> {
  const chunks = new Map<number, EntryBytes>();
  let next = 0;
  const fetchOn = async () => {
    while (next < places.length) {
      const place = places[next++];
      const chunk = sources.chunk(place);
      chunks.set(place, chunk instanceof Promise ? await chunk : chunk);
    }
  };
  await Promise.all(Array.from({ length: CONCURRENT_FETCHES }, fetchOn));
  return chunks;
}

/** Takes one entry, if it is one of the stream's records that are not forgotten. Returns its length. */
function addEntry(
  builder: SegmentBuilder,
  stream: Stream,
  chunk: EntryBytes,
  offset: number,
  arrivedMs: number,
): number {
  const part = chunk.partAt(offset);
  if (part === undefined) throw new Error(`no bytes at ${offset} of a chunk`);
  const at = part.start + (offset - part.objectOffset);
  const length = entryBytes(part.slab, at);
  if (
    entryKind(part.slab, at) === EntryKind.records &&
    entryIsOf(part.slab, at, stream.id) &&
    entryFirstSeqNum(part.slab, at) + entryCount(part.slab, at) > stream.keptFrom
  )
    builder.addRecords(part.slab, at, at + length, arrivedMs);
  return length;
}

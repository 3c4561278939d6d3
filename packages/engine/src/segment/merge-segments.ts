// Making one segment of several that stand side by side: of their records what streams still have, of their catalogs the newest word on each stream, and of
// removals what older segments need to be told. Reads in bounded stretches, each of them once, and gives way in between. Decides nothing.
import type { StreamEntry } from "../catalog/entries.ts";
import type { StreamCatalog } from "../catalog/stream-catalog.ts";
import { MERGE_READ_BYTES, MERGE_STRETCH_BYTES } from "../limits.ts";
import { latenessMs } from "../retention/ageing.ts";
import type { Runtime } from "../runtime/index.ts";
import {
  ENTRY_HEADER_BYTES,
  EntryKind,
  entryBytes,
  entryCount,
  entryFirstSeqNum,
  entryIsOf,
  entryKind,
  entryStreamId,
  verifyEntries,
} from "../shard/chunk-format.ts";
import { CorruptObjectError } from "../shard/corrupt.ts";
import { segmentObject, segmentOf } from "../stream/run-index.ts";
import type { Stream } from "../stream/stream.ts";
import type { LiveSegment } from "./live-segments.ts";
import { SegmentBuilder } from "./segment-builder.ts";
import { decodeMeta } from "./segment-format.ts";
import { Turns } from "./turns.ts";

export interface MergeSources {
  readonly runtime: Runtime;
  readonly catalog: StreamCatalog;
  /** The stream of this id (in hexadecimal), if it is removed by a part of the log that is in no segment. */
  readonly findRemovedInLog: (id: string) => Stream | undefined;
  /** Part of an object. Errors: CorruptObjectError. */
  readonly getRange: (key: string, offset: number, length: number) => Promise<Uint8Array>;
}

export interface Merged {
  readonly builder: SegmentBuilder;
  /** The streams whose records it has taken, or looked for. */
  readonly streams: readonly Stream[];
  /** Nothing was worth keeping. */
  readonly isEmpty: boolean;
}

/** What the inputs say of a stream, the newest of them. */
interface Told {
  readonly id: Uint8Array;
  readonly entry: Uint8Array;
  readonly payload: StreamEntry;
}

/** All but the footer. `isOldest`: no segment stands before these, and so there is nothing for removals to hide. Errors: those of `getRange`. */
export async function mergeSegments(
  inputs: readonly LiveSegment[],
  isOldest: boolean,
  sources: MergeSources,
): Promise<Merged> {
  const turns = new Turns(sources.runtime);
  const { told, removals } = await readCatalogs(inputs, sources, turns);
  const numbers = new Set(inputs.map(({ segment }) => segment.number));
  const streams = told.map((each) => streamOf(each, sources.catalog));
  const records = new Records(inputs, sources);
  for (const stream of streams) {
    if (stream !== undefined) records.expect(stream);
    const turn = turns.after(0);
    if (turn !== undefined) await turn;
  }
  const builder = new SegmentBuilder();
  const kept: Uint8Array[] = [];
  for (const [i, { id, entry }] of told.entries()) {
    const stream = streams[i];
    if (stream !== undefined) {
      builder.beginStream(stream.id, latenessMs(stream.durable.config));
      await records.copy(stream, builder, turns);
      // A newer segment tells of it, but records without a word on their stream are not found again.
      if (builder.hasRecords || numbers.has(stream.catalogSegment)) kept.push(entry);
    } else {
      // Whoever reads the log must know of it, from the newest that tells.
      const removed = sources.findRemovedInLog(Buffer.from(id).toString("hex"));
      if (removed !== undefined && numbers.has(removed.catalogSegment)) kept.push(entry);
    }
    const turn = turns.after(0);
    if (turn !== undefined) await turn;
  }
  const hidden = isOldest ? [] : removals;
  for (const removal of hidden) builder.copyCatalog(removal);
  for (const entry of kept) builder.copyCatalog(entry);
  return {
    builder,
    streams: streams.filter((stream) => stream !== undefined),
    isEmpty: kept.length === 0 && hidden.length === 0,
  };
}

/** The stream that an entry tells of, if it is still there. One that is not was removed: for good, for ids are never used again. */
function streamOf({ id, payload }: Told, catalog: StreamCatalog): Stream | undefined {
  const stream = catalog.get(payload.basinId, payload.name);
  return stream !== undefined && Buffer.compare(stream.id, id) === 0 ? stream : undefined;
}

/** The newest entry of each stream, in the order of ids, and the removals, in the order in which they happened. */
async function readCatalogs(
  inputs: readonly LiveSegment[],
  { getRange }: MergeSources,
  turns: Turns,
): Promise<{ told: readonly Told[]; removals: readonly Uint8Array[] }> {
  const newest = new Map<string, Uint8Array>();
  const removals = new Map<string, Uint8Array>();
  for (const { key, segment } of inputs) {
    const { bytes, metaBytes } = segment;
    const { catalog } = decodeMeta(key, await getRange(key, bytes - metaBytes, metaBytes), bytes);
    for (let at = 0, end = 0; at < catalog.length; at = end) {
      end = at + entryBytes(catalog, at);
      const id = Buffer.from(entryStreamId(catalog, at)).toString("hex");
      (entryKind(catalog, at) === EntryKind.stream ? newest : removals).set(id, catalog.subarray(at, end));
      const turn = turns.after(0);
      if (turn !== undefined) await turn;
    }
  }
  const told = [...newest.values()].map((entry) => ({
    id: entryStreamId(entry, 0),
    entry,
    // Its checksum is right: an owner wrote it.
    payload: JSON.parse(Buffer.from(entry.subarray(ENTRY_HEADER_BYTES)).toString()) as StreamEntry,
  }));
  return { told: told.sort((a, b) => Buffer.compare(a.id, b.id)), removals: [...removals.values()] };
}

/** A run of a stream, as its index had it when the merge began. */
interface ExpectedRun {
  readonly offset: number;
  readonly end: number;
  readonly arrivedMs: number;
}

/** The records of the inputs, each input's in the order in which they lie there. */
class Records {
  readonly #inputs = new Map<number, InputRecords>();
  readonly #expected = new Map<Stream, { input: InputRecords; run: ExpectedRun }[]>();

  constructor(inputs: readonly LiveSegment[], { getRange }: MergeSources) {
    const stretchBytes = Math.min(MERGE_STRETCH_BYTES, Math.floor(MERGE_READ_BYTES / inputs.length));
    for (const { key, segment } of inputs)
      this.#inputs.set(
        segmentObject(segment.number),
        new InputRecords(key, stretchBytes, (offset, length) => getRange(key, offset, length)),
      );
  }

  /** Streams come in the order of their ids. */
  expect(stream: Stream): void {
    const { index, removed } = stream;
    if (removed) return;
    const runs: { input: InputRecords; run: ExpectedRun }[] = [];
    for (let i = 0; i < index.count && segmentOf(index.object(i)) !== undefined; i += 1) {
      const input = this.#inputs.get(index.object(i));
      if (input === undefined) continue;
      const run = { offset: index.offset(i), end: index.end(i), arrivedMs: index.arrivedMs(i) };
      input.expect(run);
      runs.push({ input, run });
    }
    this.#expected.set(stream, runs);
  }

  /** Streams come in the same order. */
  async copy(stream: Stream, builder: SegmentBuilder, turns: Turns): Promise<void> {
    // One answer for all runs: what is trimmed or removed meanwhile must not leave a hole.
    const { keptFrom, removed } = stream;
    for (const { input, run } of this.#expected.get(stream) ?? []) {
      const { bytes, at: from } = await input.bytesOf(run);
      const end = from + run.end - run.offset;
      builder.endRun();
      for (let at = from; at < end && !removed; ) {
        const length = entryBytes(bytes, at);
        if (entryKind(bytes, at) !== EntryKind.records || !entryIsOf(bytes, at, stream.id))
          throw new CorruptObjectError(input.key, `a run at ${run.offset} has an entry that is not of its stream`);
        if (entryFirstSeqNum(bytes, at) + entryCount(bytes, at) > keptFrom)
          builder.addRecords(bytes, at, at + length, run.arrivedMs);
        at += length;
        const turn = turns.after(length);
        if (turn !== undefined) await turn;
      }
    }
    this.#expected.delete(stream);
  }
}

/** One input, read a stretch at a time: neighbouring runs, of which one alone may be longer. */
class InputRecords {
  readonly key: string;
  readonly #stretchBytes: number;
  readonly #getRange: (offset: number, length: number) => Promise<Uint8Array>;
  /** Where each stretch begins and ends, from the one that is read on. */
  readonly #stretches: { from: number; to: number }[] = [];
  #next = 0;
  #bytes: Uint8Array = new Uint8Array(0);
  #from = 0;

  constructor(key: string, stretchBytes: number, getRange: (offset: number, length: number) => Promise<Uint8Array>) {
    this.key = key;
    this.#stretchBytes = stretchBytes;
    this.#getRange = getRange;
  }

  expect({ offset, end }: ExpectedRun): void {
    const last = this.#stretches.at(-1);
    if (last !== undefined && last.to === offset && end - last.from <= this.#stretchBytes) last.to = end;
    else this.#stretches.push({ from: offset, to: end });
  }

  /** In the order in which they were expected. Errors: CorruptObjectError. */
  async bytesOf({ offset, end }: ExpectedRun): Promise<{ bytes: Uint8Array; at: number }> {
    while (end > this.#from + this.#bytes.length) {
      const { from, to } = this.#stretches[this.#next++];
      const bytes = await this.#getRange(from, to - from);
      if (bytes.length !== to - from)
        throw new CorruptObjectError(this.key, `${bytes.length} bytes at ${from}, not ${to - from}`);
      verifyEntries(this.key, bytes, 0, bytes.length);
      this.#bytes = bytes;
      this.#from = from;
    }
    return { bytes: this.#bytes, at: offset - this.#from };
  }
}

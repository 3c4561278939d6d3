// Making one segment of several that stand side by side: of their records what streams still have, of their catalogs the newest word on each stream, and of
// removals what older segments need to be told. Of streams in memory these know what they still have; of others the segments themselves do, the newer ones
// included. Reads in bounded stretches, each of them once, and gives way in between. Decides nothing.
import type { ColdStreams } from "../catalog/cold-streams.ts";
import { toldIn } from "../catalog/cold-streams.ts";
import type { StreamCatalog } from "../catalog/stream-catalog.ts";
import { MERGE_READ_BYTES, MERGE_STRETCH_BYTES } from "../limits.ts";
import { durableDueMs, latenessMs } from "../retention/ageing.ts";
import type { Runtime } from "../runtime/index.ts";
import {
  EntryKind,
  entryBytes,
  entryCount,
  entryFirstSeqNum,
  entryIsOf,
  entryKind,
  entryLastTimestampHigh,
  entryLastTimestampLow,
  entryStreamId,
  verifyEntries,
} from "../shard/chunk-format.ts";
import { CorruptObjectError } from "../shard/corrupt.ts";
import type { LogClock } from "../shard/log-clock.ts";
import { segmentObject } from "../stream/run-index.ts";
import type { Stream } from "../stream/stream.ts";
import type { LiveSegment, LiveSegments } from "./live-segments.ts";
import type { Removals } from "./removals.ts";
import { SegmentBuilder } from "./segment-builder.ts";
import { decodeMeta, type SegmentRun } from "./segment-format.ts";
import { Turns } from "./turns.ts";

export interface MergeSources {
  readonly runtime: Runtime;
  readonly catalog: StreamCatalog;
  readonly clock: LogClock;
  readonly live: LiveSegments;
  readonly cold: ColdStreams;
  /** What parts of the log remove that are in no segment. */
  readonly removalsInLog: () => Iterable<Removals>;
  /** Part of an object. Errors: CorruptObjectError. */
  readonly getRange: (key: string, offset: number, length: number) => Promise<Uint8Array>;
}

export interface Merged {
  readonly builder: SegmentBuilder;
  /** Nothing was worth keeping. */
  readonly isEmpty: boolean;
}

/** What is to become of a stream. There is one of each in memory, so it holds nothing that can be had again: what its entry says is read twice. */
interface Kept {
  /** What the inputs say of it, the newest of them. */
  readonly entry: Uint8Array;
  /** Records before this are forgotten, where the stream is not in memory, which knows. */
  readonly keptFrom: number;
  /** How far apart what is in one of its runs may have come in. */
  readonly maxSpanMs: number;
  readonly runs: readonly InputRun[];
  /** A newer segment has a word on it: this one is kept for its records alone. */
  readonly isSuperseded: boolean;
  readonly stream: Stream | undefined;
}

/** All but the footer. `isOldest`: no segment stands before these, and so there is nothing for removals to hide. Errors: those of `getRange`. */
export async function mergeSegments(
  inputs: readonly LiveSegment[],
  isOldest: boolean,
  sources: MergeSources,
): Promise<Merged> {
  const turns = new Turns(sources.runtime);
  const { newest, removals, runsOf } = await readCatalogs(inputs, sources, turns);
  const records = new Records(inputs, sources);
  const kept: Kept[] = [];
  for (const id of [...newest.keys()].sort()) {
    const entry = newest.get(id);
    if (entry === undefined) throw new Error(`nothing is told of stream ${id}`);
    const one = await keptOf(id, entry, runsOf.get(id) ?? [], inputs, sources);
    newest.delete(id);
    runsOf.delete(id);
    if (one !== undefined) {
      records.expect(one.runs);
      kept.push(one);
    }
    const turn = turns.after(0);
    if (turn !== undefined) await turn;
  }
  const builder = new SegmentBuilder();
  const words: Kept[] = [];
  for (const one of kept) {
    builder.beginStream(entryStreamId(one.entry, 0), one.maxSpanMs);
    await records.copy(one, builder, turns);
    // A newer segment tells of it, but records without a word on their stream are not found again.
    if (builder.hasRecords || !one.isSuperseded) words.push(one);
    const turn = turns.after(0);
    if (turn !== undefined) await turn;
  }
  const hidden = isOldest ? [] : removals;
  for (const removal of hidden) builder.copyCatalog(removal);
  for (const one of words) {
    addWord(builder, one, sources.clock);
    const turn = turns.after(0);
    if (turn !== undefined) await turn;
  }
  return { builder, isEmpty: words.length === 0 && hidden.length === 0 };
}

/** What of a stream is to be kept; undefined for nothing: it was removed, for good, for ids are never used again. */
async function keptOf(
  id: string,
  entry: Uint8Array,
  runsInInputs: readonly InputRun[],
  inputs: readonly LiveSegment[],
  { catalog, live, cold, removalsInLog }: MergeSources,
): Promise<Kept | undefined> {
  const stream = catalog.byId(id);
  const numbers = new Set(inputs.map(({ segment }) => segment.number));
  const told = toldIn(entry);
  const maxSpanMs = latenessMs(stream?.durable.config ?? told.config);
  if (stream !== undefined) {
    const runs: InputRun[] = [];
    const { index } = stream;
    for (let i = 0; i < index.count; i += 1) {
      const object = index.object(i);
      if (numbers.has(-1 - object))
        runs.push({ object, offset: index.offset(i), end: index.end(i), arrivedMs: index.arrivedMs(i) });
    }
    const isSuperseded = !numbers.has(stream.catalogSegment);
    return { entry, stream, runs, isSuperseded, keptFrom: 0, maxSpanMs };
  }
  const { basinId } = told;
  // Whoever reads the log needs the newest word on it, and nothing else.
  for (const removals of removalsInLog()) {
    const removed = removals.stream(id);
    if (removed === undefined && !removals.hasBasin(basinId)) continue;
    const isSuperseded = removed !== undefined && !numbers.has(removed.catalogSegment);
    return { entry, stream, runs: [], isSuperseded, keptFrom: 0, maxSpanMs };
  }
  if (live.removes(id) || live.removes(basinId)) return undefined;
  const segments = live.inOrder;
  const newer = segments.slice(segments.indexOf(inputs[inputs.length - 1]) + 1);
  const word = await cold.newestWord(newer, entryStreamId(entry, 0));
  const { trimPoint } = word === undefined ? told : toldIn(word.entry);
  const tail = entryFirstSeqNum(entry, 0);
  const runs = runsInInputs.filter((_, i) => (runsInInputs[i + 1]?.firstSeqNum ?? tail) > trimPoint);
  return { entry, stream, runs, isSuperseded: word !== undefined, keptFrom: trimPoint, maxSpanMs };
}

/** An entry of before it was said when streams fall due, and what is counted of them, is written anew. */
function addWord(builder: SegmentBuilder, { entry, stream }: Kept, clock: LogClock): void {
  const payload = toldIn(entry);
  if (stream === undefined || payload.dueMs !== undefined) {
    builder.copyCatalog(entry, payload);
    return;
  }
  const dueMs = durableDueMs(stream, clock);
  builder.addCatalog(
    EntryKind.stream,
    entryStreamId(entry, 0),
    { ...payload, dueMs: dueMs === Number.POSITIVE_INFINITY ? null : dueMs, storedBytes: stream.countedBytes },
    entryFirstSeqNum(entry, 0),
    entryLastTimestampLow(entry, 0),
    entryLastTimestampHigh(entry, 0),
  );
}

/** The newest entry of each stream, and its runs, by id in hexadecimal; the removals, in the order in which they happened. */
async function readCatalogs(
  inputs: readonly LiveSegment[],
  { getRange }: MergeSources,
  turns: Turns,
): Promise<{
  newest: Map<string, Uint8Array>;
  removals: readonly Uint8Array[];
  runsOf: Map<string, InputRun[]>;
}> {
  const newest = new Map<string, Uint8Array>();
  const removals = new Map<string, Uint8Array>();
  const runsOf = new Map<string, InputRun[]>();
  for (const { key, segment } of inputs) {
    const { bytes, metaBytes, number } = segment;
    const { catalog, streams } = decodeMeta(key, await getRange(key, bytes - metaBytes, metaBytes), bytes);
    for (let at = 0, end = 0; at < catalog.length; at = end) {
      end = at + entryBytes(catalog, at);
      const id = Buffer.from(entryStreamId(catalog, at)).toString("hex");
      (entryKind(catalog, at) === EntryKind.stream ? newest : removals).set(id, catalog.subarray(at, end));
      const turn = turns.after(0);
      if (turn !== undefined) await turn;
    }
    const object = segmentObject(number);
    for (const { id, runs } of streams) {
      const hex = Buffer.from(id).toString("hex");
      const before = runsOf.get(hex) ?? [];
      runsOf.set(hex, before);
      for (const { offset, end, arrivedMs, firstSeqNum } of runs)
        before.push({ object, offset, end, arrivedMs, firstSeqNum });
    }
  }
  return { newest, removals: [...removals.values()], runsOf };
}

/** A run of a stream in one of the inputs. */
interface InputRun extends Pick<SegmentRun, "offset" | "end" | "arrivedMs"> {
  readonly object: number;
  readonly firstSeqNum?: number;
}

/** The records of the inputs, each input's in the order in which they lie there. */
class Records {
  readonly #inputs = new Map<number, InputRecords>();

  constructor(inputs: readonly LiveSegment[], { getRange }: MergeSources) {
    const stretchBytes = Math.min(MERGE_STRETCH_BYTES, Math.floor(MERGE_READ_BYTES / inputs.length));
    for (const { key, segment } of inputs)
      this.#inputs.set(
        segmentObject(segment.number),
        new InputRecords(key, stretchBytes, (offset, length) => getRange(key, offset, length)),
      );
  }

  /** Streams come in the order of their ids. */
  expect(runs: readonly InputRun[]): void {
    for (const run of runs) this.#of(run).expect(run);
  }

  #of({ object }: InputRun): InputRecords {
    const input = this.#inputs.get(object);
    if (input === undefined) throw new Error(`a run of object ${object} is in none of the inputs`);
    return input;
  }

  /** Streams come in the same order. */
  async copy({ entry, stream, runs, ...kept }: Kept, builder: SegmentBuilder, turns: Turns): Promise<void> {
    const id = entryStreamId(entry, 0);
    // One answer for all runs: what is trimmed or removed meanwhile must not leave a hole.
    const keptFrom = stream?.keptFrom ?? kept.keptFrom;
    if (stream?.removed === true) return;
    for (const run of runs) {
      const input = this.#of(run);
      const { bytes, at: from } = await input.bytesOf(run);
      const end = from + run.end - run.offset;
      builder.endRun();
      for (let at = from; at < end; ) {
        const length = entryBytes(bytes, at);
        if (entryKind(bytes, at) !== EntryKind.records || !entryIsOf(bytes, at, id))
          throw new CorruptObjectError(input.key, `a run at ${run.offset} has an entry that is not of its stream`);
        if (entryFirstSeqNum(bytes, at) + entryCount(bytes, at) > keptFrom)
          builder.addRecords(bytes, at, at + length, run.arrivedMs);
        at += length;
        const turn = turns.after(length);
        if (turn !== undefined) await turn;
      }
    }
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

  expect({ offset, end }: InputRun): void {
    const last = this.#stretches.at(-1);
    if (last !== undefined && last.to === offset && end - last.from <= this.#stretchBytes) last.to = end;
    else this.#stretches.push({ from: offset, to: end });
  }

  /** In the order in which they were expected. Errors: CorruptObjectError. */
  async bytesOf({ offset, end }: InputRun): Promise<{ bytes: Uint8Array; at: number }> {
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

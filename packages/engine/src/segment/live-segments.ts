// The segments that a shard's streams are found in, from load or flush until a merge has taken their place: in the order of what they tell of, with their
// directories, how much of each is live, and what in them falls due. And the keys of those that readers may still be sent to.

import { segmentKey } from "../shard/keys.ts";
import type { Segment } from "../shard/manifest.ts";
import { type RecordsObject, segmentOf } from "../stream/run-index.ts";
import { bloomHas, bloomHash } from "./bloom-filter.ts";
import { type SegmentDirectory, streamBlockOf } from "./segment-directory.ts";
import { RUN_INDEX_BYTES, type SegmentFooter } from "./segment-format.ts";
import { type NameKey, nameBytes } from "./segment-names.ts";

/** What a segment is made of, besides its records. */
export interface SegmentFacts {
  readonly footer: SegmentFooter;
  /** Undefined in a segment of version 1: all streams that it tells of are in memory. */
  readonly directory: SegmentDirectory | undefined;
  /** What a segment without one removes: ids of streams and basins, in hexadecimal. */
  readonly removed?: readonly string[];
}

export interface LiveSegment extends Omit<SegmentFacts, "removed"> {
  readonly segment: Segment;
  readonly key: string;
  /** Ids of streams and basins that it removes, in hexadecimal. */
  readonly removed: ReadonlySet<string>;
  /** What goes with a stream that has no records here any more: its word, its name, its share of the directory. */
  readonly wordBytes: number;
  /** About how much of it a merge would keep. */
  liveBytes: number;
  /** When the first stream of each block falls due, by the wall clock; Infinity for never. */
  readonly dueMs: Float64Array;
  /** The earliest of these. */
  nextDueMs: number;
}

export interface DueBlock {
  readonly live: LiveSegment;
  readonly block: number;
}

export class LiveSegments {
  readonly #shard: number;
  /** By number: also those in whose place others stand, until no reader is sent there. */
  readonly #byNumber = new Map<number, LiveSegment>();
  #inOrder: readonly LiveSegment[] = [];

  constructor(shard: number) {
    this.#shard = shard;
  }

  /** In the order of what they tell of. Another array whenever that changes. */
  get inOrder(): readonly LiveSegment[] {
    return this.#inOrder;
  }

  /** Adds a segment that tells of what came after all others. */
  add(segment: Segment, facts: SegmentFacts): LiveSegment {
    const live = this.#made(segment, facts);
    this.#inOrder = [...this.#inOrder, live];
    return live;
  }

  /** Puts a segment, if there is one, in the place of neighbours. Their keys are known until `retire`. */
  replace(numbers: ReadonlySet<number>, segment: Segment | undefined, facts: SegmentFacts | undefined): void {
    const at = this.#inOrder.findIndex(({ segment: { number } }) => numbers.has(number));
    const rest = this.#inOrder.filter(({ segment: { number } }) => !numbers.has(number));
    if (segment !== undefined && facts !== undefined) rest.splice(at, 0, this.#made(segment, facts));
    this.#inOrder = rest;
  }

  #made(segment: Segment, { footer, directory, removed: removedOf = [] }: SegmentFacts): LiveSegment {
    const { epoch, incarnation, number, bytes, metaBytes, liveBytes = bytes } = segment;
    const removed = new Set([...removedOf, ...(directory?.removed ?? []), ...(directory?.removedBasins ?? [])]);
    const { streams = 0, removalBytes = 0 } = directory ?? {};
    const live: LiveSegment = {
      segment,
      footer,
      directory,
      key: segmentKey(this.#shard, epoch, incarnation, number),
      removed,
      wordBytes: (metaBytes - removalBytes) / Math.max(1, streams),
      liveBytes,
      dueMs: Float64Array.from(directory?.streamBlocks ?? [], ({ dueMs }) => dueMs),
      nextDueMs: Number.POSITIVE_INFINITY,
    };
    live.nextDueMs = earliest(live.dueMs);
    this.#byNumber.set(number, live);
    return live;
  }

  /** No stream's index is pointed there any more. */
  retire(number: number): void {
    this.#byNumber.delete(number);
  }

  get(number: number): LiveSegment | undefined {
    return this.#byNumber.get(number);
  }

  has(live: LiveSegment): boolean {
    return this.#inOrder.includes(live);
  }

  keyOf(number: number): string {
    const live = this.#byNumber.get(number);
    if (live === undefined) throw new Error(`no stream has records in segment ${number}`);
    return live.key;
  }

  /** Whether a stream of this name may be found here. */
  mayHaveName(key: NameKey): boolean {
    const hash = bloomHash(nameBytes(key));
    return this.#inOrder.some(({ directory }) => directory !== undefined && bloomHas(directory.bloom, hash));
  }

  /** Whether a segment removes a stream or basin of this id, in hexadecimal. */
  removes(id: string): boolean {
    return this.#inOrder.some(({ removed }) => removed.has(id));
  }

  /** Nobody needs so many bytes of records any more, which were one run; `isLast`: nor anything else of the stream there. */
  runDied(object: RecordsObject, bytes: number, isLast: boolean): void {
    const live = this.#byNumber.get(segmentOf(object) ?? -1);
    if (live !== undefined) live.liveBytes -= bytes + RUN_INDEX_BYTES + (isLast ? live.wordBytes : 0);
  }

  /** A later word stands elsewhere, and there are no records here. */
  wordDied(number: number): void {
    const live = this.#byNumber.get(number);
    if (live !== undefined) live.liveBytes -= live.wordBytes;
  }

  basinDied(basinId: string): void {
    for (const live of this.#inOrder) live.liveBytes -= live.directory?.basins.get(basinId)?.bytes ?? 0;
  }

  /** When time alone will do something to a stream that is not in memory, at the earliest. */
  get nextDueMs(): number {
    let next = Number.POSITIVE_INFINITY;
    for (const { nextDueMs } of this.#inOrder) if (nextDueMs < next) next = nextDueMs;
    return next;
  }

  /** Takes a block with a stream that falls due by a time, to be given back with `seenTo`; undefined for none. */
  takeDue(nowMs: number): DueBlock | undefined {
    const live = this.#inOrder.find(({ nextDueMs }) => nextDueMs <= nowMs);
    if (live === undefined) return undefined;
    const block = live.dueMs.findIndex((dueMs) => dueMs <= nowMs);
    live.dueMs[block] = Number.POSITIVE_INFINITY;
    live.nextDueMs = earliest(live.dueMs);
    return { live, block };
  }

  /** The next stream of a block falls due then, but for those that have left memory meanwhile. */
  seenTo({ live, block }: DueBlock, dueMs: number): void {
    live.dueMs[block] = Math.min(live.dueMs[block], dueMs);
    live.nextDueMs = Math.min(live.nextDueMs, dueMs);
  }

  /** A stream of this id, told of by a segment, leaves memory and falls due then. */
  noteDue(number: number, id: string, dueMs: number): void {
    const live = this.#byNumber.get(number);
    const block = live?.directory === undefined ? undefined : streamBlockOf(live.directory, id);
    if (live === undefined || block === undefined) return;
    live.dueMs[block] = Math.min(live.dueMs[block], dueMs);
    live.nextDueMs = Math.min(live.nextDueMs, dueMs);
  }

  /** As the manifest has it. */
  measured(segment: Segment): Segment {
    const live = this.#byNumber.get(segment.number);
    return live === undefined ? segment : { ...segment, liveBytes: Math.max(0, Math.round(live.liveBytes)) };
  }
}

function earliest(dueMs: Float64Array): number {
  let earliestMs = Number.POSITIVE_INFINITY;
  for (const each of dueMs) if (each < earliestMs) earliestMs = each;
  return earliestMs;
}

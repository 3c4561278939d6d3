// The segments that streams' indexes are pointed at, from load or flush until a merge has taken their place and nobody is sent there any more: their keys,
// and how much of each is live.

import type { Runtime } from "../runtime/index.ts";
import { EntryKind, entryBytes, entryKind } from "../shard/chunk-format.ts";
import { segmentKey } from "../shard/keys.ts";
import type { Segment } from "../shard/manifest.ts";
import { segmentOf } from "../stream/run-index.ts";
import type { Stream } from "../stream/stream.ts";
import { RUN_INDEX_BYTES, type SegmentMeta } from "./segment-format.ts";
import { Turns } from "./turns.ts";

/** What a segment's catalog is made of. */
export interface CatalogFacts {
  readonly bytes: number;
  /** Entries that tell of streams, and of removals, and the bytes of these. */
  readonly streams: number;
  readonly removals: number;
  readonly removalBytes: number;
}

export interface LiveSegment {
  readonly segment: Segment;
  readonly key: string;
  readonly catalog: CatalogFacts;
}

/** What of a segment is live: what a merge would keep, and whether somebody needs any of it. */
export interface LiveBytes {
  readonly bytes: number;
  readonly isNeeded: boolean;
}

export class LiveSegments {
  readonly #shard: number;
  readonly #segments = new Map<number, LiveSegment>();

  constructor(shard: number) {
    this.#shard = shard;
  }

  add(segment: Segment, catalog: CatalogFacts): void {
    const { epoch, incarnation, number } = segment;
    this.#segments.set(number, { segment, key: segmentKey(this.#shard, epoch, incarnation, number), catalog });
  }

  /** No stream's index is pointed there any more. */
  remove(number: number): void {
    this.#segments.delete(number);
  }

  get(number: number): LiveSegment | undefined {
    return this.#segments.get(number);
  }

  keyOf(number: number): string {
    const live = this.#segments.get(number);
    if (live === undefined) throw new Error(`no stream has records in segment ${number}`);
    return live.key;
  }

  /** Looks at where the records of `streams` are, and what tells of them; gives way in between. What changes meanwhile may count as live. */
  async measure(streams: readonly Stream[], runtime: Runtime): Promise<ReadonlyMap<number, LiveBytes>> {
    const turns = new Turns(runtime);
    const found = new Map<number, { recordBytes: number; entries: number }>();
    for (const number of this.#segments.keys()) found.set(number, { recordBytes: 0, entries: 0 });
    for (const stream of streams) {
      const { index, catalogSegment, removed } = stream;
      let last = -1;
      // Of one that is removed nothing is read, but as long as only the log says so, whoever reads that must know it.
      for (let run = 0; run < index.count && !removed; run += 1) {
        const number = segmentOf(index.object(run));
        if (number === undefined) break;
        const live = found.get(number);
        if (live === undefined) continue;
        live.recordBytes += index.end(run) - index.offset(run) + RUN_INDEX_BYTES;
        // Records without a word on their stream are not found again.
        if (number !== last) live.entries += 1;
        last = number;
      }
      const told = catalogSegment === last ? undefined : found.get(catalogSegment);
      if (told !== undefined) told.entries += 1;
      const turn = turns.after(0);
      if (turn !== undefined) await turn;
    }
    const measured = new Map<number, LiveBytes>();
    for (const [number, { recordBytes, entries }] of found) {
      const catalog = this.#segments.get(number)?.catalog;
      if (catalog === undefined) continue;
      const { bytes, streams: told, removalBytes } = catalog;
      const entryBytes = told === 0 ? 0 : (bytes - removalBytes) / told;
      measured.set(number, { bytes: recordBytes + entries * entryBytes + removalBytes, isNeeded: entries > 0 });
    }
    return measured;
  }
}

export function catalogFacts({ catalog }: Pick<SegmentMeta, "catalog">): CatalogFacts {
  let streams = 0;
  let removals = 0;
  let removalBytes = 0;
  for (let at = 0; at < catalog.length; at += entryBytes(catalog, at)) {
    if (entryKind(catalog, at) === EntryKind.stream) streams += 1;
    else {
      removals += 1;
      removalBytes += entryBytes(catalog, at);
    }
  }
  return { bytes: catalog.length, streams, removals, removalBytes };
}

// Streams that are not in memory: what the segments say of them, found by name or by id with a few gets. Decides nothing: what the log says beyond the
// segments is the caller's to know.

import type { Runtime } from "../runtime/index.ts";
import type { LiveSegment, LiveSegments } from "../segment/live-segments.ts";
import { idOfEntry, type SegmentBlocks, type Word } from "../segment/segment-blocks.ts";
import { mayHaveId, mayHaveName, nameBlockOf, streamBlockOf } from "../segment/segment-directory.ts";
import type { SegmentRun } from "../segment/segment-format.ts";
import { compareKeys, type NameKey } from "../segment/segment-names.ts";
import { ENTRY_HEADER_BYTES, entryFirstSeqNum } from "../shard/chunk-format.ts";
import { FetchAhead } from "../shard/fetch-ahead.ts";
import type { StreamEntry } from "./entries.ts";

/** Segments that are asked for one stream at once. */
const MOST_ASKED = 8;

export interface ColdStream {
  /** The newest word on it: the entry of a catalog, and what it says. */
  readonly entry: Uint8Array;
  readonly told: StreamEntry;
  /** The segment with that word. */
  readonly source: LiveSegment;
  /** Where its records are, the oldest first. */
  readonly runs: readonly { readonly segment: LiveSegment; readonly runs: readonly SegmentRun[] }[];
}

export interface DueStream extends NameKey {
  /** In hexadecimal. */
  readonly id: string;
}

/** Another segment stands in the place of one that was to be read: what is looked for must be looked for anew. */
export class SegmentReplacedError extends Error {
  constructor() {
    super("segments were merged");
    this.name = "SegmentReplacedError";
  }
}

export function toldIn(entry: Uint8Array): StreamEntry {
  const payload = Buffer.from(entry.buffer, entry.byteOffset + ENTRY_HEADER_BYTES, entry.length - ENTRY_HEADER_BYTES);
  // Its checksum is right: an owner wrote it.
  return JSON.parse(payload.toString()) as StreamEntry;
}

export class ColdStreams {
  readonly #runtime: Runtime;
  readonly #live: LiveSegments;
  readonly #blocks: SegmentBlocks;

  constructor(runtime: Runtime, live: LiveSegments, blocks: SegmentBlocks) {
    this.#runtime = runtime;
    this.#live = live;
    this.#blocks = blocks;
  }

  /** The stream that a name was given to last, removed since or not. Errors: those of the blocks. */
  async find(key: NameKey): Promise<ColdStream | undefined> {
    const segments = this.#live.inOrder;
    for (let at = segments.length - 1; at >= 0; at -= 1) {
      const { directory } = segments[at];
      if (directory === undefined || !mayHaveName(directory, key)) continue;
      const block = nameBlockOf(directory, key);
      const names = block === undefined ? [] : await this.#blocks.names(segments[at], block);
      const named = names.find((each) => compareKeys(each, key) === 0);
      if (named !== undefined) return this.#collect(segments, at, Buffer.from(named.id, "hex"));
      this.#runtime.branches.reached("name-sought-in-vain");
    }
    return undefined;
  }

  /** The stream of an id, removed since or not. Errors: those of the blocks. */
  async findById(id: Uint8Array): Promise<ColdStream | undefined> {
    const segments = this.#live.inOrder;
    return this.#collect(segments, segments.length - 1, id);
  }

  /** The newest word on a stream in segments from one on. */
  async newestWord(segments: readonly LiveSegment[], id: Uint8Array): Promise<Word | undefined> {
    for (let at = segments.length - 1; at >= 0; at -= 1) {
      const word = await this.#wordIn(segments[at], id);
      if (word !== undefined) return word;
    }
    return undefined;
  }

  /** The newest word is in the segment `newest` or an older one. */
  async #collect(segments: readonly LiveSegment[], newest: number, id: Uint8Array): Promise<ColdStream | undefined> {
    let found: Pick<ColdStream, "entry" | "told" | "source"> | undefined;
    const runs: ColdStream["runs"][number][] = [];
    const asked: LiveSegment[] = [];
    for (let at = newest; at >= 0; at -= 1) {
      const { directory } = segments[at];
      if (directory !== undefined && mayHaveId(directory, id)) asked.push(segments[at]);
    }
    const words = new FetchAhead(asked.length, MOST_ASKED, (index) => this.#wordIn(asked[index], id));
    for (const [index, segment] of asked.entries()) {
      // The newest tells how far back to go, most of the time. What has records in many is not asked for segment by segment.
      const word = await words.get(index, Math.min(2 ** index, MOST_ASKED));
      if (word === undefined) continue;
      found ??= { entry: word.entry, told: toldIn(word.entry), source: segment };
      if (word.runs.length > 0) runs.unshift({ segment, runs: word.runs });
      // What is older is trimmed.
      const { trimPoint } = found.told;
      if (trimPoint >= entryFirstSeqNum(found.entry, 0)) break;
      if (runs.length > 0 && runs[0].runs[0].firstSeqNum <= trimPoint) break;
    }
    return found === undefined ? undefined : { ...found, runs };
  }

  async #wordIn(segment: LiveSegment, id: Uint8Array): Promise<Word | undefined> {
    const { directory } = segment;
    if (directory === undefined || !mayHaveId(directory, id)) return undefined;
    const block = streamBlockOf(directory, Buffer.from(id).toString("hex"));
    const word = block === undefined ? undefined : await this.#blocks.word(segment, block, id);
    if (word === undefined) this.#runtime.branches.reached("stream-sought-in-vain");
    return word;
  }

  /** The streams, as one block tells of them, that fall due by a time; and when the next of the others does. Errors: those of the blocks. */
  async dueIn(segment: LiveSegment, block: number, nowMs: number): Promise<{ due: DueStream[]; nextMs: number }> {
    const due: DueStream[] = [];
    let nextMs = Number.POSITIVE_INFINITY;
    for (const entry of await this.#blocks.entries(segment, block)) {
      const { basinId, name, dueMs } = toldIn(entry);
      const atMs = dueMs === null ? Number.POSITIVE_INFINITY : (dueMs ?? 0);
      if (atMs <= nowMs) due.push({ basinId, name, id: idOfEntry(entry) });
      else nextMs = Math.min(nextMs, atMs);
    }
    return { due, nextMs };
  }
}

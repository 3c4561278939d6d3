// Where a stream's durable bytes come from: chunks in memory first, then fetched runs, then ranged gets.
// Concurrent gets of one run are one get. Verifies what it fetches; what is corrupt stops the shard.
import { MAX_READ_AHEAD_GETS } from "../limits.ts";
import type { ObjectStore } from "../object-store/index.ts";
import type { Runtime } from "../runtime/index.ts";
import { verifyEntries } from "../shard/chunk-format.ts";
import { CorruptObjectError } from "../shard/corrupt.ts";
import type { RecordsObject, RunIndex } from "../stream/run-index.ts";
import type { ChunkCache } from "./chunk-cache.ts";
import { type EntryBytes, FetchedRange } from "./entry-bytes.ts";
import { OwnedRanges } from "./owned-ranges.ts";
import type { ReadAhead } from "./read-ahead.ts";
import type { RunCache } from "./run-cache.ts";

export interface HistoryOptions {
  readonly runtime: Runtime;
  readonly store: ObjectStore;
  /** The key of an object that holds records. */
  readonly keyOf: (object: RecordsObject) => string;
  readonly chunks: ChunkCache;
  readonly runs: RunCache;
  /** What all readers together may have fetched ahead, and how many they are. */
  readonly maxAheadBytes: number;
  readonly readers: () => number;
  /** Resolves when this process still owns what it reads: then nobody else has collected it. Errors: EngineError. */
  readonly assertOwner: () => Promise<void> | undefined;
  readonly onCorrupt: (error: CorruptObjectError) => void;
}

export class History {
  readonly #options: HistoryOptions;
  readonly #ranges: OwnedRanges;
  readonly #underWay = new Map<string, Promise<EntryBytes>>();
  #getsUnderWay = 0;
  hits = 0;
  misses = 0;

  constructor(options: HistoryOptions) {
    this.#options = options;
    this.#ranges = new OwnedRanges(options);
  }

  /** The bytes of a run; at once when they are in memory. With `ahead`, its neighbours are fetched too, and what comes next. Errors: EngineError `unavailable`, `storage`. */
  read(index: RunIndex, run: number, ahead: ReadAhead | undefined): EntryBytes | Promise<EntryBytes> {
    const object = index.object(run);
    const chunk = this.#options.chunks.get(object);
    if (chunk !== undefined) {
      this.hits += 1;
      return chunk;
    }
    const cached = this.#options.runs.get(keyOf(object, index.offset(run)));
    if (cached === undefined) this.misses += 1;
    else this.hits += 1;
    const source = cached ?? this.#fetch(index, run, ahead?.fetchBytes ?? 0);
    // Also when this run was there already: it was fetched ahead, and the next ones are to be there in their turn.
    if (ahead !== undefined && (ahead.moveTo(object, index.offset(run)) || cached === undefined))
      this.#readAhead(index, run, ahead);
    return source;
  }

  /** Starts the gets that a sequential reader will want after `run`. */
  #readAhead(index: RunIndex, run: number, ahead: ReadAhead): void {
    // All readers together may have fetched no more than stays until it is read.
    const share = this.#options.maxAheadBytes / Math.max(1, this.#options.readers());
    const toBytes = Math.min(ahead.bytes, share);
    let bytes = 0;
    for (let next = run + 1; next < index.count && bytes < toBytes; ) {
      const object = index.object(next);
      if (this.#options.chunks.get(object) !== undefined) return;
      let last = next;
      if (!this.#has(object, index.offset(next))) {
        if (this.#getsUnderWay >= MAX_READ_AHEAD_GETS) return;
        last = this.#lastOfFetch(index, next, ahead.fetchBytes);
        // Whoever reads it will see the error; here it only means that there is nothing ahead.
        this.#fetch(index, next, ahead.fetchBytes).catch(() => undefined);
      }
      bytes += index.end(last) - index.offset(next);
      next = last + 1;
    }
  }

  /** Whether a run has been fetched, or is on its way. */
  #has(object: RecordsObject, offset: number): boolean {
    const key = keyOf(object, offset);
    return this.#options.runs.has(key) || this.#underWay.has(key);
  }

  /** The last run that one get takes along with `run`: neighbours in the same object that are not here yet, up to `maxBytes`. */
  #lastOfFetch(index: RunIndex, run: number, maxBytes: number): number {
    const object = index.object(run);
    const from = index.offset(run);
    let last = run;
    while (
      last + 1 < index.count &&
      index.object(last + 1) === object &&
      index.end(last + 1) - from <= maxBytes &&
      !this.#has(object, index.offset(last + 1))
    )
      last += 1;
    return last;
  }

  /** Gets a run, and its neighbours as far as `maxBytes` reach. */
  #fetch(index: RunIndex, run: number, maxBytes: number): Promise<EntryBytes> {
    const object = index.object(run);
    const key = keyOf(object, index.offset(run));
    const underWay = this.#underWay.get(key);
    if (underWay !== undefined) return underWay;
    const last = this.#lastOfFetch(index, run, maxBytes);
    const from = index.offset(run);
    const to = index.end(last);
    const keys: string[] = [];
    for (let i = run; i <= last; i += 1) keys.push(keyOf(object, index.offset(i)));
    this.#getsUnderWay += 1;
    const fetch = this.#get(object, from, to).then((source) => {
      this.#options.runs.set(keys, source, to - from);
      return source;
    });
    const settled = fetch.finally(() => {
      this.#getsUnderWay -= 1;
      for (const each of keys) this.#underWay.delete(each);
    });
    for (const each of keys) this.#underWay.set(each, settled);
    return settled;
  }

  async #get(object: RecordsObject, from: number, to: number): Promise<EntryBytes> {
    const key = this.#options.keyOf(object);
    const bytes = await this.#ranges.get(key, from, to - from, (read) => {
      if (read.length !== to - from)
        throw new CorruptObjectError(key, `${read.length} bytes at ${from}, not ${to - from}`);
      verifyEntries(key, read, 0, read.length);
    });
    this.#options.runtime.branches.reached("history-from-store");
    return new FetchedRange(bytes, from);
  }
}

function keyOf(object: RecordsObject, offset: number): string {
  return `${object}:${offset}`;
}

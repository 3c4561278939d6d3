// The names that segments tell of, in their order, whoever they belong to now: of each the newest word. Reads blocks of names, as many as a page takes.
import type { LiveSegment } from "../segment/live-segments.ts";
import type { SegmentBlocks } from "../segment/segment-blocks.ts";
import { nameBlockOf } from "../segment/segment-directory.ts";
import { compareKeys, type NamedStream, type NameKey } from "../segment/segment-names.ts";

export class ColdNames {
  readonly #cursors: Cursor[];

  /** From a key on, which counts; `segments` in the order of what they tell of. */
  constructor(segments: readonly LiveSegment[], blocks: SegmentBlocks, from: NameKey) {
    this.#cursors = segments.flatMap((live) =>
      live.directory?.basins.has(from.basinId) === true ? [new Cursor(live, blocks, from)] : [],
    );
  }

  /** The next name; undefined at the end. Errors: those of the blocks. */
  async next(): Promise<NamedStream | undefined> {
    const unready = this.#cursors.filter((cursor) => !cursor.isReady);
    if (unready.length > 0) await Promise.all(unready.map((cursor) => cursor.fill()));
    let first: NamedStream | undefined;
    // The newest last: of equal names it is the one that counts.
    for (const { current } of this.#cursors)
      if (current !== undefined && (first === undefined || compareKeys(current, first) <= 0)) first = current;
    if (first === undefined) return undefined;
    for (const cursor of this.#cursors)
      if (cursor.current !== undefined && compareKeys(cursor.current, first) === 0) cursor.advance();
    return first;
  }
}

class Cursor {
  readonly #live: LiveSegment;
  readonly #blocks: SegmentBlocks;
  readonly #from: NameKey;
  #block: number;
  #names: readonly NamedStream[] = [];
  #at = 0;

  constructor(live: LiveSegment, blocks: SegmentBlocks, from: NameKey) {
    this.#live = live;
    this.#blocks = blocks;
    this.#from = from;
    this.#block = live.directory === undefined ? 0 : (nameBlockOf(live.directory, from) ?? 0);
  }

  get current(): NamedStream | undefined {
    return this.#names[this.#at];
  }

  /** Whether `current` is what comes next: undefined only at the end. */
  get isReady(): boolean {
    return this.#at < this.#names.length || this.#block >= (this.#live.directory?.nameBlocks.length ?? 0);
  }

  advance(): void {
    this.#at += 1;
  }

  async fill(): Promise<void> {
    while (!this.isReady) {
      this.#names = await this.#blocks.names(this.#live, this.#block);
      this.#block += 1;
      this.#at = this.#names.findIndex((each) => compareKeys(each, this.#from) >= 0);
      if (this.#at < 0) this.#at = this.#names.length;
    }
  }
}

// Bytes of an object's entries, wherever they are: in a chunk in memory, or in a run fetched from the store.
import type { ChunkPart } from "../shard/chunk.ts";

export interface EntryBytes {
  /** The piece of memory that holds the object's byte `offset`; no entry spans two pieces. */
  partAt(offset: number): ChunkPart | undefined;
}

/** A fetched range of an object, beginning at the object's byte `objectOffset`. */
export class FetchedRange implements EntryBytes {
  readonly #part: ChunkPart;

  constructor(bytes: Uint8Array, objectOffset: number) {
    this.#part = { slab: bytes, start: 0, end: bytes.length, objectOffset };
  }

  partAt(offset: number): ChunkPart | undefined {
    const { objectOffset, end } = this.#part;
    return offset >= objectOffset && offset < objectOffset + end ? this.#part : undefined;
  }
}

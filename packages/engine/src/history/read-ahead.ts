// How far ahead of itself one sequential reader has history fetched. Begins small, for most reads are short, and grows
// while the reader goes on. Holds numbers, never records.
import { FIRST_FETCH_BYTES, FIRST_READ_AHEAD_BYTES, MAX_FETCH_BYTES, MAX_READ_AHEAD_BYTES } from "../limits.ts";
import type { RecordsObject } from "../stream/run-index.ts";

export class ReadAhead {
  #fetchBytes = FIRST_FETCH_BYTES;
  #bytes = FIRST_READ_AHEAD_BYTES;
  #object: RecordsObject | undefined;
  #offset = 0;

  /** The longest get. */
  get fetchBytes(): number {
    return this.#fetchBytes;
  }

  /** What is to be there or on its way behind what is being read. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Says what is being read; true when the reader has come to another object, or as far in this one as the longest get reaches. */
  moveTo(object: RecordsObject, offset: number): boolean {
    if (object === this.#object && offset < this.#offset + this.#fetchBytes) return false;
    if (this.#object !== undefined) {
      this.#fetchBytes = Math.min(2 * this.#fetchBytes, MAX_FETCH_BYTES);
      this.#bytes = Math.min(2 * this.#bytes, MAX_READ_AHEAD_BYTES);
    }
    this.#object = object;
    this.#offset = offset;
    return true;
  }
}

// What a key of type list holds: items, in order.
import { Deque } from "./deque.ts";
import { fingerprint } from "./fingerprint.ts";
import type { Collection } from "./value.ts";

/** Beside an item's characters: its string, and its place. Estimated. */
const ITEM_BYTES = 40;

/**
 * The sum of a list is a polynomial: of each item's fingerprint, times this to the power of its index, modulo 2^32. So it can
 * be kept up to date at both ends.
 */
const BASE = 0x01000193;
/** `BASE * INVERSE` is 1 modulo 2^32. */
const INVERSE = 0x359c449b;

export class List implements Collection {
  readonly type = "list";
  #items: Deque;
  #bytes = 0;
  #sum = 0;
  /** `BASE` to the power of the size. */
  #power = 1;

  constructor(items: readonly string[] = []) {
    this.#items = new Deque();
    this.#replace(items);
  }

  get size(): number {
    return this.#items.length;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get sum(): number {
    return this.#sum >>> 0;
  }

  /** `index` is of one that is there, from 0. */
  at(index: number): string {
    return this.#items.at(index);
  }

  /** [from, to), as a copy. */
  slice(from = 0, to = this.size): string[] {
    return this.#items.slice(from, to);
  }

  push(end: End, item: string): void {
    if (end === "head") {
      this.#items.pushFront(item);
      this.#sum = (Math.imul(this.#sum, BASE) + fingerprint(item)) | 0;
    } else {
      this.#items.pushBack(item);
      this.#sum = (this.#sum + Math.imul(fingerprint(item), this.#power)) | 0;
    }
    this.#power = Math.imul(this.#power, BASE);
    this.#bytes += item.length + ITEM_BYTES;
  }

  pop(end: End): string | undefined {
    const item = end === "head" ? this.#items.popFront() : this.#items.popBack();
    if (item === undefined) return undefined;
    this.#power = Math.imul(this.#power, INVERSE);
    this.#sum =
      end === "head"
        ? Math.imul((this.#sum - fingerprint(item)) | 0, INVERSE)
        : (this.#sum - Math.imul(fingerprint(item), this.#power)) | 0;
    this.#bytes -= item.length + ITEM_BYTES;
    return item;
  }

  /** `index` is of one that is there. */
  set(index: number, item: string): void {
    const before = this.#items.at(index);
    this.#items.set(index, item);
    this.#bytes += item.length - before.length;
    this.#sum = (this.#sum + Math.imul((fingerprint(item) - fingerprint(before)) | 0, power(index))) | 0;
  }

  /** Before the one at `index`; at the end if that is the size. Costs as much as finding it. */
  insert(index: number, item: string): void {
    const items = this.slice();
    items.splice(index, 0, item);
    this.#replace(items);
  }

  /** Keeps [from, to). */
  trim(from: number, to: number): void {
    if ((to - from) * 2 < this.size) {
      this.#replace(this.slice(from, to));
      return;
    }
    for (let left = this.size - to; left > 0; left -= 1) this.pop("tail");
    for (let left = from; left > 0; left -= 1) this.pop("head");
  }

  /**
   * Removes items that equal this one, at most so many, from the head or from the tail on. How many it removed.
   */
  removeEqual(item: string, atMost: number, from: End): number {
    const items = this.slice();
    if (from === "tail") items.reverse();
    let removed = 0;
    const left = items.filter((other) => {
      if (other !== item || removed === atMost) return true;
      removed += 1;
      return false;
    });
    if (from === "tail") left.reverse();
    if (removed > 0) this.#replace(left);
    return removed;
  }

  clone(): List {
    const clone = new List();
    clone.#items = this.#items.clone();
    clone.#bytes = this.#bytes;
    clone.#sum = this.#sum;
    clone.#power = this.#power;
    return clone;
  }

  *elements(): Generator<readonly string[]> {
    for (let at = 0; at < this.size; at += 1) yield [this.at(at)];
  }

  load(element: readonly string[]): void {
    if (element.length !== 1) throw new Error("no element of a list");
    this.push("tail", element[0]);
  }

  #replace(items: readonly string[]): void {
    this.#items = new Deque();
    this.#bytes = 0;
    this.#sum = 0;
    this.#power = 1;
    for (const item of items) this.push("tail", item);
  }
}

export type End = "head" | "tail";

/** `BASE` to the power of `exponent`, modulo 2^32. */
function power(exponent: number): number {
  let result = 1;
  let square = BASE;
  for (let left = exponent; left > 0; left = Math.floor(left / 2)) {
    if (left % 2 === 1) result = Math.imul(result, square);
    square = Math.imul(square, square);
  }
  return result;
}

// A map from keys to what they have, in the order in which they came. A `Map` of millions spends a look in following pointers
// to strings all over the heap, one for each key that it compares; here the hashes lie side by side, and a string is only looked
// at where its whole hash is the one that is looked for (decision 0052). Must not be changed while it is walked.
import { keyHash } from "./key-hash.ts";

const MIN_SLOTS = 16;
/** No entry was ever there: a search ends. */
const EMPTY = 0;
/** The entry that was there is gone: a search goes on. */
const GONE = -1;
/** With one key left in so many places of so many, it is rebuilt smaller. */
const SPARSE = 8;
const SPARSE_FROM = 1024;

export class KeyTable<V> {
  /** By place. A gone key's place is a hole, until the next rebuilding. */
  #keys: (string | undefined)[] = [];
  #values: (V | undefined)[] = [];
  #hashes = new Int32Array(MIN_SLOTS / 2);
  /** Places + 1, each at its hash or behind it. Half of them are empty at least. */
  #slots = new Int32Array(MIN_SLOTS);
  #size = 0;

  get size(): number {
    return this.#size;
  }

  get(key: string): V | undefined {
    const slot = this.#slotOf(key, keyHash(key));
    return slot < 0 ? undefined : this.#values[this.#slots[slot] - 1];
  }

  has(key: string): boolean {
    return this.#slotOf(key, keyHash(key)) >= 0;
  }

  set(key: string, value: V): this {
    const hash = keyHash(key);
    const slot = this.#slotOf(key, hash);
    if (slot >= 0) {
      this.#values[this.#slots[slot] - 1] = value;
      return this;
    }
    if (this.#keys.length === this.#hashes.length) this.#rebuild();
    const place = this.#keys.push(key) - 1;
    this.#values.push(value);
    this.#hashes[place] = hash;
    this.#put(place);
    this.#size += 1;
    return this;
  }

  delete(key: string): boolean {
    const slot = this.#slotOf(key, keyHash(key));
    if (slot < 0) return false;
    const place = this.#slots[slot] - 1;
    this.#slots[slot] = GONE;
    this.#keys[place] = undefined;
    this.#values[place] = undefined;
    this.#size -= 1;
    if (this.#keys.length > SPARSE_FROM && this.#size < this.#keys.length / SPARSE) this.#rebuild();
    return true;
  }

  *keys(): Generator<string, undefined> {
    for (const key of this.#keys) if (key !== undefined) yield key;
  }

  *entries(): Generator<[string, V], undefined> {
    for (let place = 0; place < this.#keys.length; place += 1) {
      const key = this.#keys[place];
      // A key that is there has a value of V, be it undefined.
      if (key !== undefined) yield [key, this.#values[place] as V];
    }
  }

  /** The slot that holds the key's place; negative if none does. */
  #slotOf(key: string, hash: number): number {
    const mask = this.#slots.length - 1;
    for (let slot = hash & mask; ; slot = (slot + 1) & mask) {
      const held = this.#slots[slot];
      if (held === EMPTY) return -1;
      if (held !== GONE && this.#hashes[held - 1] === hash && this.#keys[held - 1] === key) return slot;
    }
  }

  #put(place: number): void {
    const mask = this.#slots.length - 1;
    let slot = this.#hashes[place] & mask;
    while (this.#slots[slot] !== EMPTY) slot = (slot + 1) & mask;
    this.#slots[slot] = place + 1;
  }

  /** Without holes, and with room for as many keys again at least. */
  #rebuild(): void {
    let slots = MIN_SLOTS;
    while (slots < this.#size * 4) slots *= 2;
    const hashes = new Int32Array(slots / 2);
    const keys: string[] = [];
    const values: (V | undefined)[] = [];
    for (let place = 0; place < this.#keys.length; place += 1) {
      const key = this.#keys[place];
      if (key === undefined) continue;
      hashes[keys.length] = this.#hashes[place];
      keys.push(key);
      values.push(this.#values[place]);
    }
    this.#keys = keys;
    this.#values = values;
    this.#hashes = hashes;
    this.#slots = new Int32Array(slots);
    for (let place = 0; place < keys.length; place += 1) this.#put(place);
  }
}

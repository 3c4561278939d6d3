// The states found so far, in the order in which they were found. Kept whole, not as hashes: no state is ever taken for another.
// The parts of a state (each process, the log, the manifests) take few different values each, so a state is kept as the
// numbers of its parts.
import { PARTS, type State } from "./state.ts";

/** Growable rows of words, each row once, and their numbers: an open hash table over one array. */
class Rows {
  readonly #width: number;
  #table = new Uint32Array(1 << 10);
  #words: Uint32Array;
  count = 0;

  constructor(width: number) {
    this.#width = width;
    this.#words = new Uint32Array(width << 9);
  }

  /** The number of the row that starts at `at` of `words`; it is added if it is new, and then the number is `count - 1`. */
  numberOf(words: Uint32Array, at: number): number {
    if (2 * this.count >= this.#table.length) this.#grow();
    const width = this.#width;
    const mask = this.#table.length - 1;
    let slot = this.#hash(words, at) & mask;
    for (let entry = this.#table[slot]; entry !== 0; entry = this.#table[slot]) {
      if (this.#equals((entry - 1) * width, words, at)) return entry - 1;
      slot = (slot + 1) & mask;
    }
    const start = this.count * width;
    for (let i = 0; i < width; i += 1) this.#words[start + i] = words[at + i];
    this.count += 1;
    this.#table[slot] = this.count;
    return this.count - 1;
  }

  read(row: number, into: Uint32Array, at: number): void {
    const start = row * this.#width;
    for (let i = 0; i < this.#width; i += 1) into[at + i] = this.#words[start + i];
  }

  #equals(start: number, words: Uint32Array, at: number): boolean {
    for (let i = 0; i < this.#width; i += 1) if (this.#words[start + i] !== words[at + i]) return false;
    return true;
  }

  #hash(words: Uint32Array, at: number): number {
    let hash = 0x9e3779b9;
    for (let i = 0; i < this.#width; i += 1) {
      hash = Math.imul(hash ^ words[at + i], 0x85ebca6b);
      hash ^= hash >>> 15;
    }
    hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
    return hash ^ (hash >>> 16);
  }

  #grow(): void {
    const table = new Uint32Array(2 * this.#table.length);
    const words = new Uint32Array(2 * this.#words.length);
    words.set(this.#words);
    this.#words = words;
    const mask = table.length - 1;
    for (let row = 0; row < this.count; row += 1) {
      let slot = this.#hash(words, row * this.#width) & mask;
      while (table[slot] !== 0) slot = (slot + 1) & mask;
      table[slot] = row + 1;
    }
    this.#table = table;
  }
}

export class FoundStates {
  readonly #parts = PARTS.map((part) => new Rows(part.words));
  readonly #states = new Rows(PARTS.length);
  #parents = new Uint32Array(1 << 10);
  readonly #numbers = new Uint32Array(PARTS.length);
  /** What was read last, and the numbers of its parts: most parts of a state that is added are those of the state it came from. */
  #last: State | undefined;
  readonly #lastNumbers = new Uint32Array(PARTS.length);

  get count(): number {
    return this.#states.count;
  }

  /** Adds a state that was reached from the state `parent`. False when it was found before. */
  add(state: State, parent: number): boolean {
    for (let i = 0; i < PARTS.length; i += 1) this.#numbers[i] = this.#numberOfPart(state, i);
    const before = this.#states.count;
    this.#states.numberOf(this.#numbers, 0);
    if (this.#states.count === before) return false;
    if (before === this.#parents.length) {
      const parents = new Uint32Array(2 * before);
      parents.set(this.#parents);
      this.#parents = parents;
    }
    this.#parents[before] = parent;
    return true;
  }

  #numberOfPart(state: State, i: number): number {
    const { at, words } = PARTS[i];
    if (this.#last === undefined) return this.#parts[i].numberOf(state.words, at);
    for (let word = at; word < at + words; word += 1)
      if (state.words[word] !== this.#last.words[word]) return this.#parts[i].numberOf(state.words, at);
    return this.#lastNumbers[i];
  }

  /** The state is `into` from then on, until another is read into it. */
  read(index: number, into: State): void {
    this.#states.read(index, this.#lastNumbers, 0);
    for (let i = 0; i < PARTS.length; i += 1) this.#parts[i].read(this.#lastNumbers[i], into.words, PARTS[i].at);
    this.#last = into;
  }

  parentOf(index: number): number {
    return this.#parents[index];
  }
}

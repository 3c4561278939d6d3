// What a key of type zset holds: members and their scores, found by member and by rank.
import { DenseMap } from "./dense-map.ts";
import { fingerprint, joined } from "./fingerprint.ts";
import { type Before, RankTree } from "./rank-tree.ts";
import type { Collection } from "./value.ts";

/** Beside a member's characters: its string, and its places by member and by rank. Estimated. */
const MEMBER_BYTES = 120;

const double = new Float64Array(1);
const words = new Uint32Array(double.buffer);

export class SortedSet implements Collection {
  readonly type = "zset";
  #scores = new DenseMap<number>();
  #tree = new RankTree();
  #bytes = 0;
  #sum = 0;

  get size(): number {
    return this.#scores.size;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get sum(): number {
    return this.#sum;
  }

  /** In the order of their positions, which is not that of their scores, as `scores` is. To be read only, and at once. */
  get members(): readonly string[] {
    return this.#scores.keys;
  }

  get scores(): readonly number[] {
    return this.#scores.values;
  }

  has(member: string): boolean {
    return this.#scores.has(member);
  }

  score(member: string): number | undefined {
    return this.#scores.get(member);
  }

  /** Neither NaN nor -0. Whether the member is a new one. */
  set(member: string, score: number): boolean {
    const before = this.#scores.set(member, score);
    if (before === score) return false;
    if (before !== undefined) {
      this.#tree.remove(before, member);
      this.#count(member, before, -1);
    }
    this.#tree.insert(score, member);
    this.#count(member, score, 1);
    return before === undefined;
  }

  /** Whether it was one. */
  delete(member: string): boolean {
    const before = this.#scores.delete(member);
    if (before === undefined) return false;
    this.#tree.remove(before, member);
    this.#count(member, before, -1);
    return true;
  }

  /** How many come before one that is there. */
  rank(member: string, score: number): number {
    return this.#tree.rank(score, member);
  }

  /** How many stand before a boundary. */
  count(before: Before): number {
    return this.#tree.count(before);
  }

  /** Those of ranks [from, to), from the last to the first if `reverse`. Nothing may change meanwhile. */
  each(from: number, to: number, reverse: boolean, visit: (member: string, score: number) => void): void {
    this.#tree.each(from, to, reverse, visit);
  }

  clone(): SortedSet {
    const clone = new SortedSet();
    clone.#scores = this.#scores.clone();
    clone.#tree = this.#tree.clone();
    clone.#bytes = this.#bytes;
    clone.#sum = this.#sum;
    return clone;
  }

  *elements(): Generator<readonly string[]> {
    // JavaScript's own way of writing doubles is read back as the same.
    for (let at = 0; at < this.size; at += 1) yield [this.members[at], String(this.scores[at])];
  }

  load(element: readonly string[]): void {
    const score = Number(element[1]);
    if (element.length !== 2 || Number.isNaN(score) || !this.set(element[0], score)) {
      throw new Error("no element of a sorted set");
    }
  }

  #count(member: string, score: number, sign: 1 | -1): void {
    double[0] = score;
    this.#bytes += sign * (member.length + MEMBER_BYTES);
    this.#sum = (this.#sum + sign * joined(fingerprint(member), words[0] ^ Math.imul(words[1], 0x9e3779b1))) >>> 0;
  }
}

// What a key of type set holds: members.
import { DenseSet } from "./dense-set.ts";
import { fingerprint } from "./fingerprint.ts";
import type { Collection } from "./value.ts";

/** Beside a member's characters: its string, and its places. Estimated. */
const MEMBER_BYTES = 80;

export class StringSet implements Collection {
  readonly type = "set";
  #members = new DenseSet();
  #bytes = 0;
  #sum = 0;

  get size(): number {
    return this.#members.size;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get sum(): number {
    return this.#sum;
  }

  /** In the order of their positions. To be read only, and at once. */
  get members(): readonly string[] {
    return this.#members.members;
  }

  has(member: string): boolean {
    return this.#members.has(member);
  }

  /** Whether it is a new one. */
  add(member: string): boolean {
    if (!this.#members.add(member)) return false;
    this.#count(member, 1);
    return true;
  }

  /** Whether it was one. */
  delete(member: string): boolean {
    if (!this.#members.delete(member)) return false;
    this.#count(member, -1);
    return true;
  }

  clone(): StringSet {
    const clone = new StringSet();
    clone.#members = this.#members.clone();
    clone.#bytes = this.#bytes;
    clone.#sum = this.#sum;
    return clone;
  }

  *elements(): Generator<readonly string[]> {
    for (const member of this.members) yield [member];
  }

  load(element: readonly string[]): void {
    if (element.length !== 1 || !this.add(element[0])) throw new Error("no element of a set");
  }

  #count(member: string, sign: 1 | -1): void {
    this.#bytes += sign * (member.length + MEMBER_BYTES);
    this.#sum = (this.#sum + sign * fingerprint(member)) >>> 0;
  }
}

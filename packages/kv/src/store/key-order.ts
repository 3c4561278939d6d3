// All keys in the order of their bytes, for ranges. Made when it is first asked for, a stretch in each turn of the event loop,
// and kept up to date from then on: a replica that nobody asks for ranges pays nothing. Never a part of the state.
import type { Keyspace } from "../state/keyspace.ts";
import { RankTree } from "../state/rank-tree.ts";

/** Keys put in order in one turn of the event loop: a few milliseconds. */
const STRETCH = 2000;

export interface KeyRange {
  /** The first key that may be in it. */
  readonly from: string;
  /** The first one behind it; undefined: none. */
  readonly to: string | undefined;
}

/** The first key behind all those that begin with the prefix; undefined if there is none. */
export function behindPrefix(prefix: string): string | undefined {
  let length = prefix.length;
  while (length > 0 && prefix.charCodeAt(length - 1) === 0xff) length -= 1;
  if (length === 0) return undefined;
  return prefix.slice(0, length - 1) + String.fromCharCode(prefix.charCodeAt(length - 1) + 1);
}

/** The first key behind this one. */
export function behind(key: string): string {
  return `${key}\0`;
}

export class KeyOrder {
  readonly #immediate: (callback: () => void) => void;
  #keyspace: Keyspace | undefined;
  /** Undefined: nobody has asked yet. */
  #tree: RankTree | undefined;
  #building: Promise<void> | undefined;
  #isWhole = false;

  constructor(immediate: (callback: () => void) => void) {
    this.#immediate = immediate;
  }

  began(keyspace: Keyspace): void {
    this.#keyspace = keyspace;
    this.#forget();
  }

  touched(key: string): void {
    if (this.#tree !== undefined) this.#settle(this.#tree, key);
  }

  cleared(): void {
    if (this.#tree !== undefined) this.#tree = new RankTree();
  }

  /** Whether `range` can answer. */
  get isWhole(): boolean {
    return this.#isWhole;
  }

  /** Resolves when `range` could answer, unless the keyspace has become another one at that very moment. */
  async whole(): Promise<void> {
    if (this.#isWhole) return;
    this.#building ??= this.#build();
    await this.#building;
  }

  /** Up to `count` keys in order. Only while `isWhole`. */
  range({ from, to }: KeyRange, count: number): string[] {
    const tree = this.#tree;
    if (tree === undefined || !this.#isWhole) throw new Error("the keys are not in order yet");
    const first = tree.rank(0, from);
    const end = to === undefined ? tree.size : tree.rank(0, to);
    const keys: string[] = [];
    tree.each(first, Math.min(end, first + count), false, (key) => {
      keys.push(key);
    });
    return keys;
  }

  #forget(): void {
    this.#tree = undefined;
    this.#isWhole = false;
    this.#building = undefined;
  }

  async #build(): Promise<void> {
    const keyspace = this.#keyspace;
    if (keyspace === undefined) throw new Error("there are no keys yet");
    this.#tree = new RankTree();
    // A scan meets what is there all the while; what comes and goes meanwhile is told by `touched`.
    for (let cursor = 0; ; ) {
      const page = keyspace.scan(cursor, STRETCH);
      for (const key of page.items) this.#settle(this.#tree, key);
      cursor = page.cursor;
      if (cursor === 0) break;
      await new Promise<void>((resolve) => this.#immediate(resolve));
      // Another keyspace has its own building.
      if (this.#keyspace !== keyspace || this.#tree === undefined) return;
    }
    this.#isWhole = true;
    this.#building = undefined;
  }

  /** Has the tree know the key exactly if the keyspace does. */
  #settle(tree: RankTree, key: string): void {
    const isThere = this.#keyspace?.get(key) !== undefined;
    const rank = tree.rank(0, key);
    let isKnown = false;
    tree.each(rank, Math.min(rank + 1, tree.size), false, (found) => {
      isKnown = found === key;
    });
    if (isThere && !isKnown) tree.insert(0, key);
    else if (!isThere && isKnown) tree.remove(0, key);
  }
}

// Things by name, in the order of names: a B+ tree, so that a million of them can be created and listed.
import sortedBtree from "sorted-btree";
import { ALL_RESOURCES, narrowed } from "../account/resource-set.ts";
import type { ListOptions, Page } from "../engine-api.ts";
import { compareNames } from "./byte-order.ts";

// The package is CommonJS: its class is the default export of its default export.
const BTree = sortedBtree.default;

export class NameTree<T> {
  readonly #tree = new BTree<string, T>(undefined, compareNames);

  get size(): number {
    return this.#tree.size;
  }

  get(name: string): T | undefined {
    return this.#tree.get(name);
  }

  set(name: string, value: T): void {
    this.#tree.set(name, value);
  }

  delete(name: string): void {
    this.#tree.delete(name);
  }

  values(): Iterable<T> {
    return this.#tree.values();
  }

  /** A page of what `visible` lets pass. */
  list<U>(options: ListOptions, visible: (value: T) => U | undefined): Page<U> {
    const { startAfter, limit, within = ALL_RESOURCES } = options;
    const items: U[] = [];
    const wanted = narrowed(within, options.prefix);
    if (wanted.kind === "none") return { items, hasMore: false };
    if (wanted.kind === "exact") {
      const value = compareNames(wanted.name, startAfter) > 0 ? this.#tree.get(wanted.name) : undefined;
      const item = value === undefined ? undefined : visible(value);
      if (item !== undefined) items.push(item);
      return { items, hasMore: false };
    }
    const { prefix } = wanted;
    const from = compareNames(startAfter, prefix) >= 0 ? startAfter : prefix;
    for (const [name, value] of this.#tree.entries(from)) {
      if (name === startAfter && startAfter !== "") continue;
      if (!name.startsWith(prefix)) break;
      const item = visible(value);
      if (item === undefined) continue;
      if (items.length === limit) return { items, hasMore: true };
      items.push(item);
    }
    return { items, hasMore: false };
  }
}

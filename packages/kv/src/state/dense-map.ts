// A map from strings in which each key has a position: a `DenseSet` of keys, and beside it their values.
import { DenseSet, removeDense } from "./dense-set.ts";

export class DenseMap<V> {
  #keys = new DenseSet();
  #values: V[] = [];

  get size(): number {
    return this.#keys.size;
  }

  /** In the order of their positions, as `values` is; not to be changed, and to be copied by who keeps it. */
  get keys(): readonly string[] {
    return this.#keys.members;
  }

  get values(): readonly V[] {
    return this.#values;
  }

  has(key: string): boolean {
    return this.#keys.has(key);
  }

  get(key: string): V | undefined {
    const at = this.#keys.indexOf(key);
    return at < 0 ? undefined : this.#values[at];
  }

  /** The value that was there before. */
  set(key: string, value: V): V | undefined {
    const at = this.#keys.indexOf(key);
    if (at < 0) {
      this.#keys.add(key);
      this.#values.push(value);
      return undefined;
    }
    const before = this.#values[at];
    this.#values[at] = value;
    return before;
  }

  clone(): DenseMap<V> {
    const clone = new DenseMap<V>();
    clone.#keys = this.#keys.clone();
    clone.#values = this.#values.slice();
    return clone;
  }

  /** The value that was there. */
  delete(key: string): V | undefined {
    const at = this.#keys.indexOf(key);
    if (at < 0) return undefined;
    const value = this.#values[at];
    this.#keys.deleteAt(at);
    removeDense(this.#values, at);
    return value;
  }
}

// A map whose contents can be read at leisure as they were at one moment, while it goes on changing: for states of which
// snapshots are taken. A freeze copies the keys; after it, each key's first change keeps the old value until the freeze is over.

interface Frozen<K, V> {
  /** Values as they were at the freeze, of keys changed since. */
  readonly kept: Map<K, V | undefined>;
}

/** What a `SnapshotMap` keeps its contents in: a `Map`, or what does as one. Walked only while it does not change. */
export interface MapLike<K, V> {
  readonly size: number;
  get(key: K): V | undefined;
  has(key: K): boolean;
  set(key: K, value: V): unknown;
  delete(key: K): boolean;
  keys(): Iterable<K>;
  entries(): IterableIterator<[K, V]>;
}

/** Values must not be changed in place while frozen: set a new one. */
export class SnapshotMap<K, V> {
  readonly #map: MapLike<K, V>;
  readonly #frozen = new Set<Frozen<K, V>>();

  /** `map` is its own from then on. */
  constructor(entries: Iterable<readonly [K, V]> = [], map: MapLike<K, V> = new Map()) {
    this.#map = map;
    for (const [key, value] of entries) map.set(key, value);
  }

  get size(): number {
    return this.#map.size;
  }

  get(key: K): V | undefined {
    return this.#map.get(key);
  }

  has(key: K): boolean {
    return this.#map.has(key);
  }

  set(key: K, value: V): this {
    this.#keep(key);
    this.#map.set(key, value);
    return this;
  }

  delete(key: K): boolean {
    this.#keep(key);
    return this.#map.delete(key);
  }

  /** As it is now; not while it changes. */
  [Symbol.iterator](): IterableIterator<[K, V]> {
    return this.#map.entries();
  }

  /** What is in it at this moment, whenever it is taken. Taken to its end or left (`return`), it costs nothing any more. */
  freeze(): IterableIterator<readonly [K, V]> {
    const keys = [...this.#map.keys()];
    const frozen: Frozen<K, V> = { kept: new Map() };
    this.#frozen.add(frozen);
    let at = 0;
    const end = (): IteratorReturnResult<undefined> => {
      at = keys.length;
      this.#frozen.delete(frozen);
      return { done: true, value: undefined };
    };
    return {
      next: () => {
        if (at === keys.length) return end();
        const key = keys[at];
        at += 1;
        const value = frozen.kept.has(key) ? frozen.kept.get(key) : this.#map.get(key);
        // Each key was there at the freeze: its value is one of V, be it undefined.
        return { done: false, value: [key, value as V] };
      },
      return: end,
      [Symbol.iterator]() {
        return this;
      },
    };
  }

  #keep(key: K): void {
    for (const { kept } of this.#frozen) {
      if (kept.has(key)) continue;
      // Of a key that was not there nobody will ask.
      kept.set(key, this.#map.get(key));
    }
  }
}

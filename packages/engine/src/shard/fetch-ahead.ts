// Fetching a row of things ahead of whoever looks at them one after another. Bounded in number; what a fetch fails with is told only to who asks for it.

export class FetchAhead<T> {
  readonly #count: number;
  readonly #most: number;
  readonly #fetch: (index: number) => Promise<T>;
  readonly #underWay = new Map<number, Promise<T>>();
  #next = 0;

  /** `count` things, of which `fetch` is asked for so many at most from the one that is looked at on. */
  constructor(count: number, most: number, fetch: (index: number) => Promise<T>) {
    this.#count = count;
    this.#most = most;
    this.#fetch = fetch;
  }

  /** To be asked for in order; some may be passed over. `most`: so many from this one on, where that is less. */
  get(index: number, most = this.#most): Promise<T> {
    for (; this.#next < this.#count && this.#next < index + most; this.#next += 1) {
      const fetch = this.#fetch(this.#next);
      // Whoever asks for it sees the error; one that is given up must not count as an unhandled rejection.
      fetch.catch(() => undefined);
      this.#underWay.set(this.#next, fetch);
    }
    const fetch = this.#underWay.get(index);
    if (fetch === undefined) throw new RangeError(`${index} is passed already, or not one of ${this.#count}`);
    for (const passed of this.#underWay.keys()) {
      if (passed > index) break;
      this.#underWay.delete(passed);
    }
    return fetch;
  }
}

// Which keys expire next: a heap of moments. What no longer holds (a key that was removed or has another expiry now) stays
// until it comes to the top or there is more of it than of what holds.

export class ExpiryOrder {
  #moments: number[] = [];
  #keys: string[] = [];
  /** Of a key as it is now; undefined or another number makes an item void. */
  readonly #expiryOf: (key: string) => number | undefined;

  constructor(expiryOf: (key: string) => number | undefined) {
    this.#expiryOf = expiryOf;
  }

  /** `live`: how many keys have an expiry now. */
  add(key: string, atMs: number, live: number): void {
    if (this.#moments.length > 2 * live + 1024) this.#rebuild();
    this.#moments.push(atMs);
    this.#keys.push(key);
    this.#up(this.#moments.length - 1);
  }

  /** The earliest moment at which a key expires; undefined if none does. */
  next(): number | undefined {
    while (this.#moments.length > 0) {
      if (this.#expiryOf(this.#keys[0]) === this.#moments[0]) return this.#moments[0];
      this.#pop();
    }
    return undefined;
  }

  /** A key that has expired by `nowMs`; undefined if none has. It is asked for anew until it is removed. */
  due(nowMs: number): string | undefined {
    const first = this.next();
    return first === undefined || first > nowMs ? undefined : this.#keys[0];
  }

  #rebuild(): void {
    const held = this.#keys.map((key, i) => ({ key, atMs: this.#moments[i] }));
    const seen = new Set<string>();
    const live = held.filter(({ key, atMs }) => {
      if (this.#expiryOf(key) !== atMs || seen.has(key)) return false;
      seen.add(key);
      return true;
    });
    live.sort((a, b) => a.atMs - b.atMs);
    this.#moments = live.map(({ atMs }) => atMs);
    this.#keys = live.map(({ key }) => key);
  }

  #pop(): void {
    const atMs = this.#moments.pop() as number;
    const key = this.#keys.pop() as string;
    if (this.#moments.length === 0) return;
    this.#moments[0] = atMs;
    this.#keys[0] = key;
    this.#down(0);
  }

  #up(from: number): void {
    let at = from;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (this.#moments[parent] <= this.#moments[at]) return;
      this.#swap(parent, at);
      at = parent;
    }
  }

  #down(from: number): void {
    let at = from;
    for (;;) {
      let least = at;
      for (const child of [2 * at + 1, 2 * at + 2]) {
        if (child < this.#moments.length && this.#moments[child] < this.#moments[least]) least = child;
      }
      if (least === at) return;
      this.#swap(least, at);
      at = least;
    }
  }

  #swap(a: number, b: number): void {
    [this.#moments[a], this.#moments[b]] = [this.#moments[b], this.#moments[a]];
    [this.#keys[a], this.#keys[b]] = [this.#keys[b], this.#keys[a]];
  }
}

// The order in which a SCAN walks: every item has an ordinal of its own from when it came until it goes, and a walk goes down
// from the newest. So what is there all the while is met exactly once, what comes during the walk never keeps it from ending,
// and a cursor is an ordinal, which means the same in every replica and after a restart.

/** How often a place is drawn before the next item is taken instead, and how one draw leads to another. */
const PICK_TRIES = 16;
const PICK_STEP = 104_729;

export class ScanOrder {
  /** Ordinals grow. Some are of items that are gone. */
  #items: string[] = [];
  #ordinals: number[] = [];
  #gone = 0;
  /** Those before it are gone. */
  #first = 0;
  #next: number;
  readonly #ordinalOf: (item: string) => number | undefined;

  /** `ordinalOf`: of an item that is there now. */
  constructor(ordinalOf: (item: string) => number | undefined, next = 1) {
    this.#ordinalOf = ordinalOf;
    this.#next = next;
  }

  /** What the next item gets. */
  get next(): number {
    return this.#next;
  }

  /** The ordinal of an item that came now. */
  add(item: string): number {
    const ordinal = this.#next;
    this.load(item, ordinal);
    return ordinal;
  }

  /** An item as another ScanOrder had it; in rising order. */
  load(item: string, ordinal: number): void {
    this.#items.push(item);
    this.#ordinals.push(ordinal);
    this.#next = Math.max(this.#next, ordinal + 1);
  }

  /** An item has gone: `ordinalOf` must tell so. */
  removed(): void {
    this.#gone += 1;
    if (this.#gone > this.#items.length / 2 && this.#gone > 1024) this.#sweep();
  }

  clear(): void {
    this.#items = [];
    this.#ordinals = [];
    this.#gone = 0;
    this.#first = 0;
  }

  /** Up to `count` items before `cursor` (0: from the newest on), and the cursor behind them: 0 at the end. */
  page(cursor: number, count: number): { readonly items: string[]; readonly cursor: number } {
    const items: string[] = [];
    let at = (cursor === 0 ? this.#items.length : this.#before(cursor)) - 1;
    for (; at >= 0 && items.length < count; at -= 1) {
      if (this.#isThere(at)) items.push(this.#items[at]);
    }
    while (at >= 0 && !this.#isThere(at)) at -= 1;
    return { items, cursor: at < 0 ? 0 : this.#ordinals[at] + 1 };
  }

  /** One item, by a number in [0, 1); undefined if there is none. It follows from what is there alone, not from what is gone: replicas that
   * came to the same items in other ways pick the same. */
  pick(fraction: number): string | undefined {
    this.#dropEnds();
    const last = this.#items.length - 1;
    if (last < this.#first) return undefined;
    const from = this.#ordinals[this.#first];
    const span = this.#ordinals[last] - from + 1;
    let at = this.#first;
    for (let tries = 0, chance = fraction; tries < PICK_TRIES; tries += 1, chance = (chance * PICK_STEP) % 1) {
      const ordinal = from + Math.floor(chance * span);
      at = this.#before(ordinal);
      if (this.#ordinals[at] === ordinal && this.#isThere(at)) return this.#items[at];
    }
    // Few are left of many: the next one does.
    while (!this.#isThere(at)) at = at === last ? this.#first : at + 1;
    return this.#items[at];
  }

  /** So that the first and the last are there. */
  #dropEnds(): void {
    while (this.#items.length > this.#first && !this.#isThere(this.#items.length - 1)) {
      this.#items.pop();
      this.#ordinals.pop();
      this.#gone -= 1;
    }
    while (this.#first < this.#items.length && !this.#isThere(this.#first)) this.#first += 1;
    if (this.#first > this.#items.length / 2) this.#sweep();
  }

  /** How many ordinals are lower. */
  #before(ordinal: number): number {
    let low = 0;
    let high = this.#ordinals.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#ordinals[middle] < ordinal) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #isThere(at: number): boolean {
    return this.#ordinalOf(this.#items[at]) === this.#ordinals[at];
  }

  #sweep(): void {
    let kept = 0;
    for (let at = 0; at < this.#items.length; at += 1) {
      if (!this.#isThere(at)) continue;
      this.#items[kept] = this.#items[at];
      this.#ordinals[kept] = this.#ordinals[at];
      kept += 1;
    }
    this.#items.length = kept;
    this.#ordinals.length = kept;
    this.#gone = 0;
    this.#first = 0;
  }
}

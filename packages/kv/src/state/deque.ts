// A sequence of strings that grows and shrinks at both ends at no cost, and gives any place at once: a ring. Changes in the
// middle move what is on the shorter side; whoever asks for one has searched as far already.

const SMALLEST_SLOTS = 8;

export class Deque {
  /** Their number is a power of two. */
  #slots: string[];
  #head = 0;
  #length = 0;

  constructor(items: readonly string[] = []) {
    this.#slots = emptySlots(Math.max(SMALLEST_SLOTS, 2 ** Math.ceil(Math.log2(items.length + 1))));
    for (const item of items) this.pushBack(item);
  }

  get length(): number {
    return this.#length;
  }

  /** `index` is of one that is there, from 0. */
  at(index: number): string {
    return this.#slots[this.#slot(index)];
  }

  set(index: number, item: string): void {
    this.#slots[this.#slot(index)] = item;
  }

  pushBack(item: string): void {
    this.#room();
    this.#length += 1;
    this.set(this.#length - 1, item);
  }

  pushFront(item: string): void {
    this.#room();
    this.#head = this.#slot(-1);
    this.#length += 1;
    this.set(0, item);
  }

  popFront(): string | undefined {
    if (this.#length === 0) return undefined;
    const item = this.at(0);
    this.set(0, "");
    this.#head = this.#slot(1);
    this.#length -= 1;
    this.#shrink();
    return item;
  }

  popBack(): string | undefined {
    if (this.#length === 0) return undefined;
    const item = this.at(this.#length - 1);
    this.set(this.#length - 1, "");
    this.#length -= 1;
    this.#shrink();
    return item;
  }

  /** Before the one at `index`; at the end if `index` is the length. */
  insert(index: number, item: string): void {
    if (index < this.#length / 2) {
      this.pushFront(item);
      for (let i = 0; i < index; i += 1) this.set(i, this.at(i + 1));
    } else {
      this.pushBack(item);
      for (let i = this.#length - 1; i > index; i -= 1) this.set(i, this.at(i - 1));
    }
    this.set(index, item);
  }

  /** [from, to), as a copy. */
  slice(from = 0, to = this.#length): string[] {
    const items = new Array<string>(Math.max(0, to - from));
    for (let i = 0; i < items.length; i += 1) items[i] = this.at(from + i);
    return items;
  }

  clone(): Deque {
    const clone = new Deque();
    clone.#slots = this.#slots.slice();
    clone.#head = this.#head;
    clone.#length = this.#length;
    return clone;
  }

  #slot(index: number): number {
    return (this.#head + index) & (this.#slots.length - 1);
  }

  #room(): void {
    if (this.#length === this.#slots.length) this.#resize(this.#slots.length * 2);
  }

  #shrink(): void {
    if (this.#slots.length > SMALLEST_SLOTS && this.#length * 4 <= this.#slots.length)
      this.#resize(this.#slots.length / 2);
  }

  #resize(slots: number): void {
    const resized = emptySlots(slots);
    for (let i = 0; i < this.#length; i += 1) resized[i] = this.at(i);
    this.#slots = resized;
    this.#head = 0;
  }
}

function emptySlots(slots: number): string[] {
  return new Array<string>(slots).fill("");
}

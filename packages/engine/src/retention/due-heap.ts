// Things in the order in which they fall due: a binary heap whose members know their place, so that each can be moved or taken out.
// Pure; owns no clock and no timer.

/** What the heap keeps on its members. */
export interface Due {
  /** When it falls due; only the heap writes it. */
  dueMs: number;
  /** Its place in the heap; -1 when it is in none. Only the heap writes it. */
  heapIndex: number;
}

export class DueHeap<T extends Due> {
  readonly #members: T[] = [];

  get size(): number {
    return this.#members.length;
  }

  /** The member that falls due first. */
  get first(): T | undefined {
    return this.#members[0];
  }

  /** Puts a member in, or moves it. */
  set(member: T, dueMs: number): void {
    const isIn = member.heapIndex >= 0;
    const index = isIn ? member.heapIndex : this.#members.length;
    const earlier = !isIn || dueMs < member.dueMs;
    member.dueMs = dueMs;
    if (!isIn) this.#place(member, index);
    if (earlier) this.#rise(member, index);
    else this.#sink(member, index);
  }

  /** Takes a member out, if it is in. */
  delete(member: T): void {
    const index = member.heapIndex;
    if (index < 0) return;
    member.heapIndex = -1;
    const last = this.#members.pop();
    if (last === undefined || last === member) return;
    this.#place(last, index);
    this.#rise(last, index);
    this.#sink(last, last.heapIndex);
  }

  clear(): void {
    for (const member of this.#members) member.heapIndex = -1;
    this.#members.length = 0;
  }

  #place(member: T, index: number): void {
    this.#members[index] = member;
    member.heapIndex = index;
  }

  #rise(member: T, from: number): void {
    let index = from;
    while (index > 0) {
      const parent = this.#members[(index - 1) >>> 1];
      if (parent.dueMs <= member.dueMs) break;
      const at = parent.heapIndex;
      this.#place(parent, index);
      index = at;
    }
    this.#place(member, index);
  }

  #sink(member: T, from: number): void {
    let index = from;
    for (;;) {
      let child = 2 * index + 1;
      if (child >= this.#members.length) break;
      const right = child + 1;
      if (right < this.#members.length && this.#members[right].dueMs < this.#members[child].dueMs) child = right;
      const least = this.#members[child];
      if (least.dueMs >= member.dueMs) break;
      this.#place(least, index);
      index = child;
    }
    this.#place(member, index);
  }
}

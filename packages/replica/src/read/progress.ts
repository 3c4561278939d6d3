// How far the replica has applied, and who waits for it to get further. Knows nothing of reads or tails.
import { Wait } from "./wait.ts";

interface Waiter {
  readonly next: number;
  readonly wait: Wait<void>;
}

/** Given-up waiters are looked for when there are this many, and then at every doubling. */
const SWEEP_ABOVE = 1024;

export class Progress {
  #next = 0;
  /** By the position waited for. */
  #waiters: Waiter[] = [];
  #sweepAt = SWEEP_ABOVE;
  #ended: Error | undefined;

  /** All records before this are applied. */
  get next(): number {
    return this.#next;
  }

  advance(next: number): void {
    this.#next = next;
    let reached = 0;
    while (reached < this.#waiters.length && this.#waiters[reached].next <= next) reached += 1;
    if (reached > 0) for (const { wait } of this.#waiters.splice(0, reached)) wait.resolve();
  }

  /** Waits until everything before `next` is applied. */
  reaches(next: number): Wait<void> {
    const wait = new Wait<void>();
    if (this.#ended !== undefined) wait.reject(this.#ended);
    else if (next <= this.#next) wait.resolve();
    else this.#insert({ next, wait });
    return wait;
  }

  end(reason: Error): void {
    this.#ended = reason;
    for (const { wait } of this.#waiters.splice(0)) wait.reject(reason);
  }

  #insert(waiter: Waiter): void {
    if (this.#waiters.length >= this.#sweepAt) {
      this.#waiters = this.#waiters.filter(({ wait }) => !wait.over);
      this.#sweepAt = Math.max(SWEEP_ABOVE, 2 * this.#waiters.length);
    }
    // Nearly always behind all others.
    let at = this.#waiters.length;
    while (at > 0 && this.#waiters[at - 1].next > waiter.next) at -= 1;
    this.#waiters.splice(at, 0, waiter);
  }
}

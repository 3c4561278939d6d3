// A runtime whose time passes only when told to, and whose chances follow from a seed.
import type { ReplicaRuntime, Timer } from "../runtime.ts";

interface VirtualTimer extends Timer {
  readonly timerId: number;
  readonly dueMs: number;
  readonly callback: () => void;
}

export class VirtualTime implements ReplicaRuntime {
  #nowMs = 0;
  #timers: VirtualTimer[] = [];
  #immediates: (() => void)[] = [];
  #nextId = 0;
  #state: number;

  constructor(seed: number) {
    this.#state = seed | 0;
  }

  monotonicMs(): number {
    return this.#nowMs;
  }

  get pendingTimers(): number {
    return this.#timers.length;
  }

  setTimer(delayMs: number, callback: () => void): VirtualTimer {
    const timer = { timerId: this.#nextId++, dueMs: this.#nowMs + Math.max(0, delayMs), callback };
    let at = this.#timers.length;
    while (at > 0 && this.#timers[at - 1].dueMs > timer.dueMs) at -= 1;
    this.#timers.splice(at, 0, timer);
    return timer;
  }

  clearTimer({ timerId }: Timer): void {
    this.#timers = this.#timers.filter((timer) => timer.timerId !== timerId);
  }

  immediate(callback: () => void): void {
    this.#immediates.push(callback);
  }

  /** mulberry32. */
  fraction(): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  }

  randomBytes(length: number): Uint8Array {
    return Uint8Array.from({ length }, () => Math.floor(this.fraction() * 256));
  }

  /** Lets what is ready run; no time passes. */
  async settle(): Promise<void> {
    await promiseJobs();
    while (this.#immediates.length > 0) {
      for (const callback of this.#immediates.splice(0)) callback();
      await promiseJobs();
    }
  }

  async passMs(passMs: number): Promise<void> {
    const untilMs = this.#nowMs + passMs;
    await this.settle();
    for (let first = this.#timers[0]; first !== undefined && first.dueMs <= untilMs; first = this.#timers[0]) {
      this.#timers.shift();
      this.#nowMs = first.dueMs;
      first.callback();
      await this.settle();
    }
    this.#nowMs = untilMs;
  }

  /** As `work`, for which up to `boundMs` may pass. */
  async until<T>(work: Promise<T>, boundMs = 600_000): Promise<T> {
    let over = false;
    const end = (): void => {
      over = true;
    };
    work.then(end, end);
    const boundedMs = this.#nowMs + boundMs;
    await this.settle();
    while (!over) {
      const first = this.#timers[0];
      if (first === undefined || first.dueMs > boundedMs) throw new Error(`nothing came of it within ${boundMs} ms`);
      await this.passMs(first.dueMs - this.#nowMs);
    }
    return work;
  }
}

/** All promise jobs that are ready, and those that they make ready. */
function promiseJobs(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

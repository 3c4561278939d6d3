// The only way from this package to clock, timers and chance. Owns the interface and the system's implementation of it.
// Nothing else in the package may name Date, setTimeout or Math.random: that is what lets replicas run in virtual time.
import { randomBytes } from "node:crypto";

/** A pending timer; give it to `clearTimer`. */
export interface Timer {
  readonly timerId: unknown;
}

export interface ReplicaRuntime {
  /** Milliseconds on a clock that never goes back. Only differences mean anything. */
  monotonicMs(): number;
  /** Calls `callback` once, `delayMs` from now. */
  setTimer(delayMs: number, callback: () => void): Timer;
  clearTimer(timer: Timer): void;
  /** Calls `callback` once what is ready now has run (the end of this turn of the event loop). */
  immediate(callback: () => void): void;
  /** A number in [0, 1). */
  fraction(): number;
  /** `length` bytes that nobody can guess. */
  randomBytes(length: number): Uint8Array;
}

interface SystemTimer extends Timer {
  readonly timerId: NodeJS.Timeout;
}

export const systemRuntime: ReplicaRuntime = {
  monotonicMs: () => performance.now(),
  setTimer(delayMs, callback): SystemTimer {
    return { timerId: setTimeout(callback, delayMs) };
  },
  clearTimer(timer) {
    // Only ever given what `setTimer` made.
    clearTimeout((timer as SystemTimer).timerId);
  },
  immediate: (callback) => void setImmediate(callback),
  fraction: () => Math.random(),
  randomBytes: (length) => randomBytes(length),
};

/** A pause that can be cut short for good. One at a time. */
export class Pause {
  readonly #runtime: ReplicaRuntime;
  #ended = false;
  #cut: (() => void) | undefined;

  constructor(runtime: ReplicaRuntime) {
    this.#runtime = runtime;
  }

  /** Resolves after `delayMs`, or at `end`. */
  async wait(delayMs: number): Promise<void> {
    if (this.#ended) return;
    await new Promise<void>((resolve) => {
      const timer = this.#runtime.setTimer(delayMs, resolve);
      this.#cut = () => {
        this.#runtime.clearTimer(timer);
        resolve();
      };
    });
    this.#cut = undefined;
  }

  /** No wait takes time any more. */
  end(): void {
    this.#ended = true;
    this.#cut?.();
  }
}

/** Delays that double from try to try, up to a bound, each with chance in it, so that a fleet does not come back as one. */
export class Backoff {
  readonly #runtime: ReplicaRuntime;
  readonly #minMs: number;
  readonly #maxMs: number;
  #tries = 0;

  constructor(runtime: ReplicaRuntime, minMs: number, maxMs: number) {
    this.#runtime = runtime;
    this.#minMs = minMs;
    this.#maxMs = maxMs;
  }

  /** How long to wait before the next try: between half of and the whole of this try's bound. */
  nextMs(): number {
    const boundMs = Math.min(this.#maxMs, this.#minMs * 2 ** Math.min(this.#tries, 30));
    this.#tries += 1;
    return boundMs * (0.5 + this.#runtime.fraction() / 2);
  }

  /** It worked: the next failure waits shortly again. */
  reset(): void {
    this.#tries = 0;
  }
}

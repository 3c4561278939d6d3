// A wait that can be given up: nothing is kept for a caller who has gone. Owns the idea and the bound in time.
import { UnavailableError } from "../errors.ts";
import type { ReplicaRuntime } from "../runtime.ts";

export class Wait<T> {
  readonly promise: Promise<T>;
  readonly resolve: (value: T) => void;
  readonly reject: (error: Error) => void;
  #over = false;

  constructor() {
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    this.promise = promise;
    // A wait that fails after its caller has gone has nobody to tell.
    promise.catch(() => undefined);
    this.resolve = (value) => {
      this.#over = true;
      resolve(value);
    };
    this.reject = (error) => {
      this.#over = true;
      reject(error);
    };
  }

  /** Answered, failed or given up. */
  get over(): boolean {
    return this.#over;
  }

  /** As `promise`, or rejects with `UnavailableError` at `deadlineMs` of the monotonic clock, and is over then. */
  async until(runtime: ReplicaRuntime, deadlineMs: number, what: string): Promise<T> {
    if (this.#over) return this.promise;
    const timer = runtime.setTimer(Math.max(0, deadlineMs - runtime.monotonicMs()), () => {
      this.reject(new UnavailableError(`${what} in time`));
    });
    try {
      return await this.promise;
    } finally {
      runtime.clearTimer(timer);
    }
  }
}

// Waiting through the runtime: pauses and deadlines. No timer outlives what it was for.
import type { Runtime } from "../runtime/index.ts";

export function pause(runtime: Runtime, delayMs: number): Promise<void> {
  return new Promise((resolve) => {
    runtime.timers.set(delayMs, resolve);
  });
}

/** Settles as `promise` does, or rejects with what `late` makes once `delayMs` have passed. */
export function withDeadline<T>(runtime: Runtime, promise: Promise<T>, delayMs: number, late: () => Error): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = runtime.timers.set(delayMs, () => reject(late()));
    promise.then(
      (value) => {
        runtime.timers.clear(timer);
        resolve(value);
      },
      (error: unknown) => {
        runtime.timers.clear(timer);
        reject(error);
      },
    );
  });
}

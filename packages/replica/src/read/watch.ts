// Watching a part of the state: always its newest value, never a queue. A slow watcher misses what came between, and holds
// nothing up.

/** A value as it was when everything before `next` was applied. */
export interface Watched<T> {
  readonly value: T;
  readonly next: number;
}

interface Current<State> {
  readonly state: State;
  readonly next: number;
}

export class Watchers<State> {
  readonly #current: () => Current<State>;
  readonly #watches = new Set<{ wake(): void }>();
  #ended: Error | undefined;

  constructor(current: () => Current<State>) {
    this.#current = current;
  }

  /** Something was applied. */
  changed(): void {
    for (const watch of this.#watches) watch.wake();
  }

  /** All watches throw. */
  end(reason: Error): void {
    this.#ended = reason;
    this.changed();
  }

  /** The selected value now, and then whenever it is another by `Object.is`, until `return` is called or `end`. */
  watch<T>(select: (state: State) => T): AsyncIterableIterator<Watched<T>> {
    let last: { readonly value: T } | undefined;
    let done = false;
    let wake: (() => void) | undefined;
    const watch = {
      wake: () => {
        wake?.();
        wake = undefined;
      },
    };
    this.#watches.add(watch);
    const changed = (): Watched<T> | undefined => {
      const { state, next } = this.#current();
      const value = select(state);
      if (last !== undefined && Object.is(last.value, value)) return undefined;
      last = { value };
      return { value, next };
    };
    const end = (): void => {
      done = true;
      this.#watches.delete(watch);
      watch.wake();
    };
    const selected = (): Watched<T> | undefined => {
      try {
        return changed();
      } catch (error) {
        end();
        throw error;
      }
    };
    return {
      next: async () => {
        for (;;) {
          if (done) return { done: true, value: undefined };
          if (this.#ended !== undefined) {
            end();
            throw this.#ended;
          }
          const value = selected();
          if (value !== undefined) return { done: false, value };
          await new Promise<void>((resolve) => {
            wake = resolve;
          });
        }
      },
      return: async () => {
        end();
        return { done: true, value: undefined };
      },
      [Symbol.asyncIterator]() {
        return this;
      },
    };
  }
}

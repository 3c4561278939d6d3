// Who waits for a key to change. Told after the record that changed it was applied as a whole, once for many changes.

export class Changes {
  readonly #watchers = new Map<string, Set<() => void>>();
  readonly #due = new Set<() => void>();
  #isSet = false;

  /** Calls back after each record that touched the key, until the function given back is called. Must not throw. */
  on(key: string, callback: () => void): () => void {
    const watchers = this.#watchers.get(key) ?? new Set();
    this.#watchers.set(key, watchers.add(callback));
    return () => {
      watchers.delete(callback);
      this.#due.delete(callback);
      if (watchers.size === 0 && this.#watchers.get(key) === watchers) this.#watchers.delete(key);
    };
  }

  touched(key: string): void {
    if (this.#watchers.size === 0) return;
    const watchers = this.#watchers.get(key);
    if (watchers !== undefined) this.#tell(watchers);
  }

  cleared(): void {
    for (const watchers of this.#watchers.values()) this.#tell(watchers);
  }

  #tell(watchers: ReadonlySet<() => void>): void {
    for (const callback of watchers) this.#due.add(callback);
    if (this.#isSet) return;
    this.#isSet = true;
    // A record is applied in one go, so this runs behind it.
    queueMicrotask(() => {
      this.#isSet = false;
      for (const callback of this.#due) {
        this.#due.delete(callback);
        callback();
      }
    });
  }
}

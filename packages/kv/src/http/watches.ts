// All clients that watch: how many there may be, and what must happen while there are some. Keys expire when the log tells the
// time, and a log that nobody writes to tells none: so while somebody watches, it is made to when a key's time has come.
import type { Store } from "../store/store.ts";
import { ApiError } from "./errors.ts";
import type { Watch } from "./handlers/watch.ts";
import { EXPIRY_CHECK_MS, MAX_WATCHERS } from "./limits.ts";

export class Watches {
  readonly #watches = new Set<Watch>();
  readonly #stores = new WeakSet<Store>();
  #timer: NodeJS.Timeout | undefined;
  #isAsking = false;
  #isClosed = false;

  get size(): number {
    return this.#watches.size;
  }

  /** Throws `ApiError` where there may be no more. */
  admit(): void {
    if (this.#isClosed) throw new ApiError("unavailable", "this replica is stopping", { "retry-after": "1" });
    if (this.#watches.size >= MAX_WATCHERS) {
      throw new ApiError("overloaded", `${MAX_WATCHERS} clients watch already`, { "retry-after": "1" });
    }
  }

  add(watch: Watch, store: Store): void {
    this.#watches.add(watch);
    if (!this.#stores.has(store)) {
      this.#stores.add(store);
      void store.stopped.then(() => this.#endAll("this replica has stopped"));
    }
    this.#timer ??= setInterval(() => this.#check(store), EXPIRY_CHECK_MS);
    watch.begin(() => {
      this.#watches.delete(watch);
      if (this.#watches.size > 0) return;
      clearInterval(this.#timer);
      this.#timer = undefined;
    });
  }

  /** Ends all, and takes no more. */
  close(): void {
    this.#isClosed = true;
    this.#endAll("this replica is stopping");
  }

  #endAll(message: string): void {
    for (const watch of this.#watches) watch.end("unavailable", message);
  }

  #check(store: Store): void {
    if (this.#isAsking || !store.hasDue) return;
    this.#isAsking = true;
    const done = (): void => {
      this.#isAsking = false;
    };
    // Where it fails, the next look tries again.
    void store.write({ commands: [] }).then(done, done);
  }
}

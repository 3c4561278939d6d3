// The server is about to stop: sessions, and who waits for records, are told, and what was accepted is brought to its end.
import { EngineError } from "@tailrace/engine";

/** What they are told. */
export function serverDraining(): EngineError {
  return new EngineError("server_draining", "the server is shutting down");
}

export class Drain {
  #draining = false;
  readonly #listeners = new Set<() => void>();

  get draining(): boolean {
    return this.#draining;
  }

  /** Calls back once, when draining begins (at once if it has); the answer takes the callback off. */
  onDrain(callback: () => void): () => void {
    if (this.#draining) {
      callback();
      return () => undefined;
    }
    this.#listeners.add(callback);
    return () => this.#listeners.delete(callback);
  }

  begin(): void {
    if (this.#draining) return;
    this.#draining = true;
    for (const listener of this.#listeners) listener();
    this.#listeners.clear();
  }
}

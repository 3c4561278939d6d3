// Long work beside others on the same thread: counts what of it was done, and gives way after every stretch.
import type { Runtime } from "../runtime/index.ts";

/** Entries taken or looked at, and bytes of them, before others have their turn. */
const STRETCH_ENTRIES = 500;
const STRETCH_BYTES = 1024 * 1024;

export class Turns {
  readonly #runtime: Runtime;
  #entries = 0;
  #bytes = 0;

  constructor(runtime: Runtime) {
    this.#runtime = runtime;
  }

  /** One entry more, of so many bytes. To be awaited where it is something. */
  after(bytes: number): Promise<void> | undefined {
    this.#entries += 1;
    this.#bytes += bytes;
    if (this.#entries < STRETCH_ENTRIES && this.#bytes < STRETCH_BYTES) return undefined;
    this.#entries = 0;
    this.#bytes = 0;
    return new Promise((resolve) => this.#runtime.timers.immediate(resolve));
  }
}

// The way out of a session: writes with back-pressure, and drops a client that takes nothing for too long.
import type { Writable } from "node:stream";
import type { Runtime, TimerHandle } from "@tailrace/engine/runtime";
import type { SessionOutput } from "../api-request.ts";

/** How long a client may leave what was written to it untaken. */
const WRITE_DEADLINE_MS = 60_000;

export class StreamOutput implements SessionOutput {
  readonly #stream: Writable;
  readonly #runtime: Runtime;
  readonly #drop: () => void;
  readonly #listeners: (() => void)[] = [];
  #closed = false;
  #deadline: TimerHandle | undefined;
  #drained: Promise<void> | undefined;

  /** `drop` breaks the connection off. */
  constructor(stream: Writable, runtime: Runtime, drop: () => void) {
    this.#stream = stream;
    this.#runtime = runtime;
    this.#drop = drop;
    stream.on("close", () => this.#close());
    stream.on("error", () => this.#close());
  }

  get closed(): boolean {
    return this.#closed;
  }

  onClose(callback: () => void): void {
    if (this.#closed) callback();
    else this.#listeners.push(callback);
  }

  write(pieces: readonly Uint8Array[]): Promise<void> | undefined {
    if (this.#closed) return undefined;
    const stream = this.#stream;
    let room = true;
    if (pieces.length === 1) room = stream.write(pieces[0]);
    else {
      stream.cork();
      for (const piece of pieces) room = stream.write(piece);
      stream.uncork();
    }
    if (room || !stream.writableNeedDrain) return undefined;
    this.#drained ??= this.#untilDrained();
    return this.#drained;
  }

  async #untilDrained(): Promise<void> {
    this.#deadline = this.#runtime.timers.set(WRITE_DEADLINE_MS, this.#drop);
    await new Promise<void>((resolve) => {
      this.#stream.once("drain", resolve);
      this.onClose(resolve);
    });
    if (this.#deadline !== undefined) this.#runtime.timers.clear(this.#deadline);
    this.#deadline = undefined;
    this.#drained = undefined;
  }

  #close(): void {
    if (this.#closed) return;
    this.#closed = true;
    for (const listener of this.#listeners) listener();
    this.#listeners.length = 0;
  }
}

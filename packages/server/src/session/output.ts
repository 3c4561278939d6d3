// The way out of a session: writes with back-pressure, and drops a client that takes nothing for too long.
import type { Writable } from "node:stream";
import type { Runtime } from "@tailrace/engine/runtime";
import type { SessionOutput } from "../api-request.ts";
import type { FairShare } from "./fair-share.ts";

/** How long a client may leave what was written to it untaken: so much at least … */
const UNTAKEN_MS = 60_000;
/** … and so much more as this takes for what was written. A client on a poor line is slower than it likes, and not gone. */
const SLOWEST_BYTES_PER_MS = 4;

/** Within this a client must have taken `bytes`. */
export function takingDeadlineMs(bytes: number): number {
  return UNTAKEN_MS + bytes / SLOWEST_BYTES_PER_MS;
}

export class StreamOutput implements SessionOutput {
  readonly #stream: Writable;
  readonly #runtime: Runtime;
  readonly #drop: () => void;
  readonly #share: FairShare;
  readonly #listeners: (() => void)[] = [];
  #closed: boolean;
  #drained: Promise<void> | undefined;
  /** Ends the wait for the client to take what was written. */
  #onDrained: (() => void) | undefined;

  /** `drop` breaks the connection off. */
  constructor(stream: Writable, runtime: Runtime, share: FairShare, drop: () => void) {
    this.#stream = stream;
    this.#runtime = runtime;
    this.#drop = drop;
    this.#share = share;
    // A client that has gone already is not announced again.
    this.#closed = stream.destroyed || stream.closed;
    if (this.#closed) return;
    share.enter();
    stream.on("drain", () => this.#onDrained?.());
    stream.on("close", () => this.#close());
    stream.on("error", () => this.#close());
    // Its end may have come before.
    if (stream.destroyed || stream.closed) this.#close();
  }

  get closed(): boolean {
    return this.#closed;
  }

  get share(): FairShare {
    return this.#share;
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
    const deadline = this.#runtime.timers.set(takingDeadlineMs(this.#stream.writableLength), this.#drop);
    await new Promise<void>((resolve) => {
      this.#onDrained = resolve;
    });
    this.#runtime.timers.clear(deadline);
    this.#onDrained = undefined;
    this.#drained = undefined;
  }

  #close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#share.leave();
    this.#onDrained?.();
    for (const listener of this.#listeners) listener();
    this.#listeners.length = 0;
  }
}

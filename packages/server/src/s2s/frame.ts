// Frames of S2S sessions: 3 bytes of length, a byte of flags, a body (API: S2S). Codec only.
import type { Compression } from "@tailrace/engine/runtime";
import { WireError } from "@tailrace/engine/wire";
import type { FrameMemory } from "./frame-memory.ts";

/** Flags and body of a frame. */
export const MAX_FRAME_BYTES = 2 * 1024 * 1024;
/** A body once inflated. */
export const MAX_INFLATED_BYTES = MAX_FRAME_BYTES - 1;
/** Bodies below this are never compressed. */
export const MIN_COMPRESSED_BYTES = 1024;

const LENGTH_BYTES = 3;
const TERMINAL = 0x80;
const COMPRESSION_SHIFT = 5;
/** Set on a frame by a server about to stop. */
export const RECONNECT_ADVISED = 0x10;

const COMPRESSIONS: readonly (Compression | "none" | undefined)[] = ["none", "zstd", "gzip", undefined];

export interface Frame {
  readonly terminal: boolean;
  readonly compression: Compression | "none";
  readonly reconnectAdvised: boolean;
  /** The receiver's own. */
  readonly body: Uint8Array;
  /** What the body lies in: to be given back to where the decoder takes it from, when nobody looks at the body any more, or to be forgotten. */
  readonly memory: Uint8Array;
}

/** Puts frames together from whatever pieces the network gives. Holds one unfinished frame at most. */
export class FrameDecoder {
  readonly #source: Pick<FrameMemory, "take"> | undefined;
  readonly #prefix = new Uint8Array(LENGTH_BYTES);
  #prefixBytes = 0;
  /** Where the frame under way lies. */
  #memory: Uint8Array | undefined;
  /** Flags and body of it: so many, and so many have come. */
  #length = 0;
  #frameBytes = 0;

  /** Without a source, each frame has memory of its own. */
  constructor(source?: Pick<FrameMemory, "take">) {
    this.#source = source;
  }

  /** The frames that `chunk` completes. Errors: WireError `bad_frame`. */
  *push(chunk: Uint8Array): Generator<Frame, void, void> {
    let at = 0;
    while (at < chunk.length) {
      if (this.#memory === undefined) {
        this.#prefix[this.#prefixBytes] = chunk[at];
        this.#prefixBytes += 1;
        at += 1;
        if (this.#prefixBytes < LENGTH_BYTES) continue;
        const length = (this.#prefix[0] << 16) | (this.#prefix[1] << 8) | this.#prefix[2];
        if (length === 0) throw badFrame("it has no flags");
        if (length > MAX_FRAME_BYTES) throw badFrame(`it is longer than ${MAX_FRAME_BYTES} bytes`);
        // The one copy on the way in: from the network's pieces to one piece that the decoder of the body may write to.
        this.#memory = this.#source?.take(length) ?? Buffer.allocUnsafeSlow(length);
        this.#length = length;
        this.#frameBytes = 0;
        this.#prefixBytes = 0;
      }
      const take = Math.min(this.#length - this.#frameBytes, chunk.length - at);
      this.#memory.set(chunk.subarray(at, at + take), this.#frameBytes);
      this.#frameBytes += take;
      at += take;
      if (this.#frameBytes < this.#length) return;
      const memory = this.#memory;
      this.#memory = undefined;
      yield decode(memory, this.#length);
    }
  }

  /** Bytes of the frame under way; 0 where there is none. */
  get unfinishedBytes(): number {
    return this.#memory === undefined ? 0 : this.#frameBytes;
  }

  /** Says that nothing more comes. Errors: WireError `bad_frame` in the middle of a frame. */
  finish(): void {
    if (this.#memory !== undefined || this.#prefixBytes > 0) throw badFrame("it is cut off");
  }
}

function decode(memory: Uint8Array, length: number): Frame {
  const flags = memory[0];
  const compression = COMPRESSIONS[(flags >>> COMPRESSION_SHIFT) & 3];
  if (compression === undefined) throw badFrame("its compression is unknown");
  return {
    terminal: (flags & TERMINAL) !== 0,
    compression,
    reconnectAdvised: (flags & RECONNECT_ADVISED) !== 0,
    body: memory.subarray(1, length),
    memory,
  };
}

/** What goes before a body of `bodyBytes`. */
export function frameHeader(bodyBytes: number, compression: Compression | "none", flags = 0): Uint8Array {
  const length = bodyBytes + 1;
  if (length > MAX_FRAME_BYTES) throw new Error(`a frame of ${length} bytes is too long`);
  return Uint8Array.of(
    length >>> 16,
    length >>> 8,
    length,
    (COMPRESSIONS.indexOf(compression) << COMPRESSION_SHIFT) | flags,
  );
}

/** The last frame of a session that failed: a status and the JSON error that a unary call would have had. */
export function terminalFrame(status: number, json: string): Uint8Array {
  const body = Buffer.from(json);
  const length = body.length + 3;
  return Buffer.concat([Buffer.from([length >>> 16, length >>> 8, length, TERMINAL, status >>> 8, status]), body]);
}

function badFrame(what: string): WireError {
  return new WireError("bad_frame", `a frame is malformed: ${what}`);
}

// What clients have sent of bodies and frames that are not whole yet, bounded for all of them together. Beyond the bound, what has been
// under way for longest is given up: it comes slowly, while others are whole in a moment. Holds no bytes itself, but counts them.

/** Room for a crowd of the largest bodies at once, and no more than a machine can spare. */
const MAX_UNFINISHED_BYTES = 256 * 1024 * 1024;

/** Something under way. */
export interface UnfinishedPart {
  /** So much of it has come by now. */
  holds(bytes: number): void;
  /** It is whole, or of no use any more. May be called again. */
  end(): void;
}

interface Part {
  bytes: number;
  readonly giveUp: () => void;
}

export class Unfinished {
  readonly #mostBytes: number;
  /** In the order in which they began. */
  readonly #parts = new Set<Part>();
  #bytes = 0;

  constructor(mostBytes = MAX_UNFINISHED_BYTES) {
    this.#mostBytes = mostBytes;
  }

  /** `giveUp` is called when its room is needed; it has ended by then. */
  begin(giveUp: () => void): UnfinishedPart {
    const part: Part = { bytes: 0, giveUp };
    this.#parts.add(part);
    return {
      holds: (bytes) => this.#holds(part, bytes),
      end: () => this.#end(part),
    };
  }

  #holds(part: Part, bytes: number): void {
    if (!this.#parts.has(part)) return;
    this.#bytes += bytes - part.bytes;
    part.bytes = bytes;
    for (const oldest of this.#parts) {
      if (this.#bytes <= this.#mostBytes) return;
      this.#end(oldest);
      oldest.giveUp();
    }
  }

  #end(part: Part): void {
    if (this.#parts.delete(part)) this.#bytes -= part.bytes;
  }
}

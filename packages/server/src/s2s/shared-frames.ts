// Frames that are made of a batch, joined or compressed, for all sessions that are given the same batch: a crowd of followers shares one copy.
// Kept only as long as somebody holds the batch's slices or the frame is being made.
import type { Compression } from "@tailrace/engine/runtime";

type Pieces = readonly Uint8Array[];

interface Shared {
  readonly tail: Uint8Array | undefined;
  readonly compression: Compression | "none";
  readonly pieces: Pieces | Promise<Pieces>;
}

export class SharedFrames {
  /** By the array of slices, which is the same where the batch is. */
  readonly #frames = new WeakMap<Pieces, Shared>();

  /** What `make` gives, or gave for the same slices, tail and compression. */
  frame(
    slices: Pieces,
    tail: Uint8Array | undefined,
    compression: Compression | "none",
    make: () => Pieces | Promise<Pieces>,
  ): Pieces | Promise<Pieces> {
    const known = this.#frames.get(slices);
    if (known !== undefined && known.compression === compression && areEqual(known.tail, tail)) return known.pieces;
    const pieces = make();
    this.#frames.set(slices, { tail, compression, pieces });
    return pieces;
  }
}

function areEqual(a: Uint8Array | undefined, b: Uint8Array | undefined): boolean {
  if (a === undefined || b === undefined) return a === b;
  return Buffer.compare(a, b) === 0;
}

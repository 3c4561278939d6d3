// Memory for chunks: a slab is filled from front to back by one chunk after another, so that a chunk of one
// small append costs its own bytes and not a megabyte. Slabs are never reused: readers may hold their bytes.
import { SLAB_BYTES } from "../limits.ts";

export class SlabAllocator {
  #slab: Uint8Array = new Uint8Array(0);
  #used = 0;

  /** Room for `bytes` contiguous bytes. */
  reserve(bytes: number): { slab: Uint8Array; offset: number } {
    if (this.#slab.length - this.#used < bytes) {
      // Not from Node's shared pool, and not zeroed: every reserved byte is written before it is read.
      this.#slab = Buffer.allocUnsafeSlow(Math.max(SLAB_BYTES, bytes));
      this.#used = 0;
    }
    const offset = this.#used;
    this.#used += bytes;
    return { slab: this.#slab, offset };
  }
}

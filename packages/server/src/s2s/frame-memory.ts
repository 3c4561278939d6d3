// Memory that large frames lie in until what they hold is acknowledged, and that other frames lie in afterwards. Fresh memory for each would be as much
// garbage as there are appends: pages to be filled by the kernel, and collections of the whole heap. Owns what is free; what is taken and never given
// back is garbage like any other.

/** Sizes are rounded up to a multiple of it, so that frames of nearly one size share their memory; below half of it, allocating costs no more than keeping. */
const STEP_BYTES = 256 * 1024;
/** What is free beyond it is let go: twice what a session may have outstanding. */
const MAX_FREE_BYTES = 32 * 1024 * 1024;

export class FrameMemory {
  readonly #stepBytes: number;
  /** By the number of steps. */
  readonly #free: Uint8Array[][] = [];
  #freeBytes = 0;

  /** Another step is for those who have small frames and want their memory to be used again, too. */
  constructor(stepBytes = STEP_BYTES) {
    this.#stepBytes = stepBytes;
  }

  /** What is kept for later. */
  get freeBytes(): number {
    return this.#freeBytes;
  }

  /** At least `bytes`, of any content. */
  take(bytes: number): Uint8Array {
    if (bytes < this.#stepBytes / 2) return Buffer.allocUnsafeSlow(bytes);
    const steps = Math.ceil(bytes / this.#stepBytes);
    const free = this.#free[steps]?.pop();
    if (free === undefined) return Buffer.allocUnsafeSlow(steps * this.#stepBytes);
    this.#freeBytes -= free.length;
    return free;
  }

  /** Gives back what was taken, whole and once: nobody may look at it any more. */
  give(memory: Uint8Array): void {
    if (memory.length < this.#stepBytes || this.#freeBytes + memory.length > MAX_FREE_BYTES) return;
    const steps = memory.length / this.#stepBytes;
    this.#free[steps] ??= [];
    this.#free[steps].push(memory);
    this.#freeBytes += memory.length;
  }
}

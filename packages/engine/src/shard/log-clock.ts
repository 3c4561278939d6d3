// When what stands in the log came in: marks of the owner's wall clock, at most one a second, never going back, written beside what is
// put anyway. Records carry timestamps of their clients' own making; what ages by the server's clock asks here.

/** A mark is due when the clock has gone this far since the last one. */
export const CLOCK_MARK_MS = 1_000;

export class LogClock {
  /** Pairs of place and time: what stands at the place or before came in at the time or before. */
  #marks = new Float64Array(64);
  #count = 0;
  #openedMs = Number.POSITIVE_INFINITY;

  /** The newest mark's time; 0 before the first. */
  get lastMs(): number {
    return this.#count === 0 ? 0 : this.#marks[2 * this.#count - 1];
  }

  /** Whether a chunk that goes out at this time must carry a mark. */
  isDue(wallMs: number): boolean {
    return wallMs >= this.lastMs + CLOCK_MARK_MS;
  }

  /** A mark stands in the log. Marks come in the order of their places. */
  add(place: number, wallMs: number): void {
    const timeMs = Math.max(wallMs, this.lastMs);
    if (2 * this.#count === this.#marks.length) {
      const grown = new Float64Array(2 * this.#marks.length);
      grown.set(this.#marks);
      this.#marks = grown;
    }
    this.#marks[2 * this.#count] = place;
    this.#marks[2 * this.#count + 1] = timeMs;
    this.#count += 1;
  }

  /** All that has been read of the log came in before this. For logs that were begun without marks. */
  opened(wallMs: number): void {
    this.#openedMs = wallMs;
  }

  /** Nobody will ask for what stands before a place any more. The mark that bounds what follows stays. */
  forget(toPlace: number): void {
    let first = 0;
    while (first + 1 < this.#count && this.#marks[2 * (first + 1)] < toPlace) first += 1;
    this.#marks.copyWithin(0, 2 * first, 2 * this.#count);
    this.#count -= first;
  }

  /** The latest time at which what stands at a place can have come in. */
  latestMs(place: number): number {
    if (this.#count === 0) return this.#openedMs;
    let low = 0;
    let high = this.#count;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#marks[2 * middle] < place) low = middle + 1;
      else high = middle;
    }
    const nextMs = low < this.#count ? this.#marks[2 * low + 1] : Number.POSITIVE_INFINITY;
    if (low === 0 || this.#marks[2 * low] === place) return nextMs;
    // What went out without a mark did so before another was due.
    return Math.min(nextMs, this.#marks[2 * low - 1] + CLOCK_MARK_MS);
  }
}

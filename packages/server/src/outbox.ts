// What one HTTP/2 connection may hold of large answers that its client has not taken: so many at once, the others wait their turn
// before they are even composed. (An HTTP/1.1 connection has one answer at a time.)

/** Enough for a gateway that multiplexes many clients; in memory, an answer is about a MiB. */
const MAX_UNTAKEN_ANSWERS = 32;

export class Outbox {
  #untaken = 0;
  readonly #waiting: (() => void)[] = [];

  /** Undefined: there is room. Either way a place is taken, until `leave`. */
  enter(): Promise<void> | undefined {
    if (this.#untaken < MAX_UNTAKEN_ANSWERS) {
      this.#untaken += 1;
      return undefined;
    }
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  leave(): void {
    const next = this.#waiting.shift();
    if (next === undefined) this.#untaken -= 1;
    else next();
  }
}

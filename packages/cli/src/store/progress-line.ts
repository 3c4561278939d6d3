// One line on a terminal that says how far something has come, written over and over. Writes nothing where there is no terminal.

/** People see no more. */
const INTERVAL_MS = 100;

export class ProgressLine {
  readonly #terminal: NodeJS.WriteStream | undefined;
  #shownMs = Number.NEGATIVE_INFINITY;
  #isShown = false;

  constructor(terminal: NodeJS.WriteStream = process.stderr) {
    this.#terminal = terminal.isTTY ? terminal : undefined;
  }

  /** `text` is asked for only when it is shown. */
  show(text: () => string): void {
    const nowMs = performance.now();
    if (this.#terminal === undefined || nowMs - this.#shownMs < INTERVAL_MS) return;
    this.#shownMs = nowMs;
    this.#isShown = true;
    this.#terminal.write(`\r\x1b[K${text().slice(0, Math.max(1, this.#terminal.columns - 1))}`);
  }

  /** Takes the line away: something else is to be said. */
  clear(): void {
    if (this.#isShown) this.#terminal?.write("\r\x1b[K");
    this.#isShown = false;
    this.#shownMs = Number.NEGATIVE_INFINITY;
  }
}

// The processes that serve one store, one after the other or several at a time: killed, frozen, taken over from. Keeps one that
// serves, and notices when one ends that should not have.
import { setTimeout } from "node:timers/promises";
import { ExitCode } from "../../packages/cli/src/exit-codes.ts";
import type { Random } from "../../sim/check/testing/random.ts";
import { type ServeSetup, TailraceProcess } from "./tailrace-process.ts";

/** A start may fail while the store does. */
const START_ATTEMPTS = 40;
const RETRY_MS = 250;
/** A clean stop gives its clients and its store some seconds. */
const STOP_MS = 30_000;
/** A busy owner may fill the log faster than another can read it up to its end. */
const PATIENCE_MS = 4_000;
/** How many connections go to a process that others have taken over from, while it lives. */
const TO_OLD_OWNERS = 0.3;

export class ServerGroup {
  readonly #setup: ServeSetup;
  readonly #random: Random;
  readonly #old = new Set<TailraceProcess>();
  readonly #killed = new Set<TailraceProcess>();
  /** The last that was started, whether it serves yet or not. */
  #newest: TailraceProcess | undefined;
  #current: TailraceProcess | undefined;
  /** What ended though nobody ended it, with its output. */
  readonly unexpectedEnds: string[] = [];

  constructor(setup: ServeSetup, random: Random) {
    this.#setup = setup;
    this.#random = random;
  }

  /** Where a new connection goes. */
  target(): string | undefined {
    const old = [...this.#old];
    if (old.length > 0 && this.#random.chance(TO_OLD_OWNERS)) return this.#random.pick(old).url;
    return this.#current?.url;
  }

  /** Starts a process that serves the store from now on, whoever does so now. */
  async start(): Promise<void> {
    for (let attempt = 1; ; attempt += 1) {
      const started = TailraceProcess.spawn(this.#setup);
      this.#newest = started;
      try {
        await started.listening();
        if (this.#current !== undefined) this.#old.add(this.#current);
        this.#current = started;
        void started.exited.then(({ code, signal }) => this.#ended(started, code, signal));
        return;
      } catch (error) {
        await started.kill();
        if (attempt === START_ATTEMPTS) throw error;
        await setTimeout(RETRY_MS);
      }
    }
  }

  #ended(ended: TailraceProcess, code: number | null, signal: string | null): void {
    this.#old.delete(ended);
    if (this.#current === ended) this.#current = undefined;
    const deposed = code === ExitCode.deposed && this.#newest !== ended;
    if (!deposed && !this.#killed.has(ended)) this.unexpectedEnds.push(`${code ?? signal}: ${ended.output}`);
  }

  /** `kill -9` for the process that serves; then another one. */
  async restart(): Promise<void> {
    await this.#kill(this.#current);
    await this.start();
  }

  /** The process that serves stands still for a while. */
  async freeze(ms: number): Promise<void> {
    const frozen = this.#current;
    frozen?.signal("SIGSTOP");
    await setTimeout(ms);
    frozen?.signal("SIGCONT");
  }

  /** Another process takes over while the one that serves goes on; if it does not give way, it stands still until it is over. */
  async takeOver(): Promise<void> {
    const owner = this.#current;
    const over = new AbortController();
    const patience = setTimeout(PATIENCE_MS, undefined, { signal: over.signal }).then(
      () => owner?.signal("SIGSTOP"),
      () => undefined, // It is over.
    );
    try {
      await this.start();
    } finally {
      over.abort();
      await patience;
      owner?.signal("SIGCONT");
    }
  }

  /** Another process takes over while the one that serves stands still; it wakes up when `meanwhile`, which begins then, is over. */
  async takeOverFromFrozen(meanwhile: () => Promise<void>): Promise<void> {
    const frozen = this.#current;
    frozen?.signal("SIGSTOP");
    try {
      await this.start();
      await meanwhile();
    } finally {
      frozen?.signal("SIGCONT");
    }
  }

  async #kill(killed: TailraceProcess | undefined): Promise<void> {
    if (killed === undefined) return;
    this.#killed.add(killed);
    await killed.kill();
  }

  /** All but the one that serves are killed; if none does, one is started. */
  async settle(): Promise<void> {
    for (const old of [...this.#old]) await this.#kill(old);
    if (this.#current === undefined) await this.start();
  }

  /** The exit code of the one that serves, stopped with SIGTERM; all others are killed. Rejects when it takes too long. */
  async stop(): Promise<number | null> {
    for (const old of [...this.#old]) await this.#kill(old);
    const last = this.#current;
    if (last === undefined) return null;
    this.#killed.add(last);
    const code = await Promise.race([last.stop(), setTimeout(STOP_MS, "late" as const, { ref: false })]);
    if (code === "late") throw new Error(`it did not stop within ${STOP_MS} ms:\n${last.output}`);
    return code;
  }

  /** Kills all. */
  async kill(): Promise<void> {
    for (const each of [...this.#old]) await this.#kill(each);
    await this.#kill(this.#current);
  }
}

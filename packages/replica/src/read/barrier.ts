// The linearization point of strong reads: a check of the tail that began after the read was asked for. One check serves all
// that wait when it begins; who comes while one is under way gets the next, never that one: it may have seen a tail from
// before they asked.
import { UnavailableError } from "../errors.ts";
import { MAX_RETRY_MS, MIN_RETRY_MS } from "../limits.ts";
import { type Log, LogError } from "../log/log.ts";
import { Backoff, Pause, type ReplicaRuntime } from "../runtime.ts";
import { Wait } from "./wait.ts";

export class Barrier {
  readonly #log: Pick<Log, "checkTail">;
  readonly #backoff: Backoff;
  readonly #pause: Pause;
  /** Those that the next check will serve. */
  #waiting: Wait<number>[] = [];
  #running = false;
  #ended: Error | undefined;

  constructor(log: Pick<Log, "checkTail">, runtime: ReplicaRuntime) {
    this.#log = log;
    this.#pause = new Pause(runtime);
    this.#backoff = new Backoff(runtime, MIN_RETRY_MS, MAX_RETRY_MS);
  }

  /** Waits for a tail as it is at some time between this call and its answer. Asks again until it is answered or given up. */
  tail(): Wait<number> {
    const wait = new Wait<number>();
    if (this.#ended !== undefined) {
      wait.reject(this.#ended);
      return wait;
    }
    this.#waiting.push(wait);
    if (!this.#running) void this.#run();
    return wait;
  }

  end(reason: Error): void {
    this.#ended = reason;
    this.#pause.end();
    for (const wait of this.#take()) wait.reject(reason);
  }

  async #run(): Promise<void> {
    this.#running = true;
    while (this.#waiting.length > 0) {
      const served = this.#take();
      try {
        const tail = await this.#log.checkTail();
        this.#backoff.reset();
        for (const wait of served) wait.resolve(tail);
      } catch (error) {
        await this.#unanswered(served, error);
      }
    }
    this.#running = false;
  }

  /** Who was not served waits on: a check that begins later serves them just as well. */
  async #unanswered(unserved: Wait<number>[], error: unknown): Promise<void> {
    const final = error instanceof LogError && error.failure !== "refused" ? this.#ended : refusal(error);
    if (final !== undefined) {
      for (const wait of unserved) wait.reject(final);
      return;
    }
    this.#waiting = [...unserved.filter(({ over }) => !over), ...this.#waiting];
    await this.#pause.wait(this.#backoff.nextMs());
  }

  #take(): Wait<number>[] {
    const waiting = this.#waiting.filter(({ over }) => !over);
    this.#waiting = [];
    return waiting;
  }
}

function refusal(cause: unknown): UnavailableError {
  return new UnavailableError(`the log refuses to tell its tail: ${String(cause)}`, { cause });
}

// Optimistic transactions: a command decided on a state, and appended only if nothing has come since. The condition is the
// sequence number, so a transaction cannot be in the log twice, and whatever stands in its place says that it is not there.
import type { Effect, Outcome } from "../apply/replicated-state.ts";
import { CommandTooLargeError, NotAppendedError, OutcomeUnknownError, ResultUnavailableError } from "../errors.ts";
import { MAX_COMMAND_BYTES, MAX_RETRY_MS, MIN_RETRY_MS } from "../limits.ts";
import { type Log, LogError, type LogRecord, type Position } from "../log/log.ts";
import type { Applied } from "../machine.ts";
import type { Progress } from "../read/progress.ts";
import { encodeRecord, NONCE_BYTES, sameBytes } from "../record/envelope.ts";
import { Backoff, Pause, type ReplicaRuntime } from "../runtime.ts";

export interface TransactorSetup {
  readonly log: Log;
  readonly runtime: ReplicaRuntime;
  readonly progress: Progress;
  readonly version: number;
}

/** A transaction's place in the log, and what was found there. */
interface Attempt<Result> {
  readonly number: number;
  readonly at: number;
  /** It may be in the log although nobody said so. */
  open: boolean;
  found: { readonly outcome: Outcome<Result>; readonly position: Position } | undefined;
  /** The replica went on from a snapshot, and has not seen its place. */
  skipped: boolean;
}

export class Transactor<Result> {
  readonly #setup: TransactorSetup;
  readonly #nonce: Uint8Array;
  readonly #pause: Pause;
  #number = 0;
  /** Whose place is not passed yet. */
  readonly #attempts = new Set<Attempt<Result>>();
  /** One at a time: two of one replica would only be in each other's way. */
  #turn: Promise<unknown> = Promise.resolve();
  #ended: Error | undefined;

  constructor(setup: TransactorSetup) {
    this.#setup = setup;
    this.#nonce = setup.runtime.randomBytes(NONCE_BYTES);
    this.#pause = new Pause(setup.runtime);
  }

  /** See `Replica.transact`. `decide` gives an encoded command, or undefined to leave it. */
  transact(decide: () => Uint8Array | undefined, timeoutMs: number): Promise<Applied<Result> | undefined> {
    const deadlineMs = this.#setup.runtime.monotonicMs() + timeoutMs;
    const turn = this.#turn.then(() => this.#run(decide, deadlineMs));
    this.#turn = turn.catch(() => undefined);
    return turn;
  }

  /** Resolves once nothing is under way. */
  async settled(): Promise<void> {
    await this.#turn;
  }

  observe(effect: Effect<Result>, { seqNum, timestampMs }: LogRecord): void {
    for (const attempt of this.#attempts) {
      if (attempt.at !== seqNum) continue;
      this.#attempts.delete(attempt);
      if (effect.kind !== "transacted" || effect.number !== attempt.number || !sameBytes(effect.nonce, this.#nonce))
        continue;
      attempt.found = { outcome: effect.outcome, position: { seqNum, timestampMs } };
    }
  }

  /** The replica went on from a snapshot. */
  skipped(): void {
    for (const attempt of this.#attempts) attempt.skipped = true;
    this.#attempts.clear();
  }

  end(reason: Error): void {
    this.#ended = reason;
    this.#pause.end();
  }

  async #run(decide: () => Uint8Array | undefined, deadlineMs: number): Promise<Applied<Result> | undefined> {
    const { runtime, progress } = this.#setup;
    const backoff = new Backoff(runtime, MIN_RETRY_MS, MAX_RETRY_MS);
    for (;;) {
      if (this.#ended !== undefined) throw this.#ended;
      if (runtime.monotonicMs() >= deadlineMs) throw new NotAppendedError("the transaction's time was over");
      const command = decide();
      if (command === undefined) return undefined;
      if (command.length > MAX_COMMAND_BYTES) throw new CommandTooLargeError(`a command of ${command.length} bytes`);
      const attempt = { number: this.#number++, at: progress.next, open: false, found: undefined, skipped: false };
      const applied = await this.#try(attempt, command, deadlineMs);
      if (applied !== undefined) return applied;
      await this.#pause.wait(backoff.nextMs());
    }
  }

  /** Undefined if something else stands in its place. */
  async #try(attempt: Attempt<Result>, command: Uint8Array, deadlineMs: number): Promise<Applied<Result> | undefined> {
    const { log, version, runtime } = this.#setup;
    const { number, at } = attempt;
    const entries = [encodeRecord({ kind: "transaction", nonce: this.#nonce, number, version, command })];
    const backoff = new Backoff(runtime, MIN_RETRY_MS, MAX_RETRY_MS);
    this.#attempts.add(attempt);
    // Asked again in the very same place until something stands there: it, or something else.
    for (;;) {
      const failure = await log.append({ entries, matchSeqNum: at }).then(() => undefined, asLogError);
      if (failure === undefined || failure.failure === "unknown") attempt.open = true;
      if (failure?.failure === "refused")
        throw this.#unresolved(attempt, `the log refused it: ${failure.message}`, failure);
      const waitMs = failure?.failure === "unknown" ? backoff.nextMs() : MAX_RETRY_MS;
      if (await this.#reaches(at + 1, Math.min(deadlineMs, runtime.monotonicMs() + waitMs)))
        return this.#foundBy(attempt);
      if (this.#ended !== undefined) throw this.#unresolved(attempt, "the replica stopped", this.#ended);
      if (runtime.monotonicMs() >= deadlineMs) throw this.#unresolved(attempt, "its time was over");
    }
  }

  /** Once its place is passed. */
  #foundBy({ found, skipped, open }: Attempt<Result>): Applied<Result> | undefined {
    if (found?.outcome.ok === true) return { result: found.outcome.result, position: found.position };
    if (found?.outcome.ok === false) throw found.outcome.error;
    if (skipped && open) {
      throw new ResultUnavailableError("the transaction may have been applied where this replica could not follow");
    }
    return undefined;
  }

  #unresolved(attempt: Attempt<Result>, why: string, cause?: Error): Error {
    if (!attempt.open) {
      this.#attempts.delete(attempt);
      return new NotAppendedError(`the transaction was not appended: ${why}`, { cause });
    }
    const outcome = this.#setup.progress.reaches(attempt.at + 1).promise.then(() => {
      const applied = this.#foundBy(attempt);
      if (applied === undefined) throw new NotAppendedError("something else came where the transaction was to be");
      return applied;
    });
    outcome.catch(() => undefined);
    return new OutcomeUnknownError(`nobody knows yet whether the transaction was appended: ${why}`, outcome, { cause });
  }

  /** False where it does not come to that before the deadline or the end. */
  async #reaches(next: number, deadlineMs: number): Promise<boolean> {
    const { progress, runtime } = this.#setup;
    await progress
      .reaches(next)
      .until(runtime, deadlineMs, "the place was not passed")
      .catch(() => undefined);
    return progress.next >= next;
  }
}

function asLogError(error: unknown): LogError {
  if (error instanceof LogError) return error;
  throw error;
}

// One proposal, from the caller's call until the log has told what became of it. Owns the promises, and keeps them honest: what
// was sent is never told to have failed unless the log says so.
import type { Outcome } from "../apply/replicated-state.ts";
import { NotAppendedError, OutcomeUnknownError } from "../errors.ts";
import type { Position } from "../log/log.ts";
import type { Applied } from "../machine.ts";

export class Proposal<Result> {
  readonly command: Uint8Array;
  /** Of its record, envelope included. */
  readonly bytes: number;
  /** By the monotonic clock. */
  readonly deadlineMs: number;
  /** What its record bears once it was handed over; until then it is not in any log. */
  place: { readonly session: number; readonly counter: number } | undefined;
  /** How often it was handed over. */
  attempts = 0;
  readonly promise: Promise<Applied<Result>>;
  readonly #told: PromiseWithResolvers<Applied<Result>>;
  /** Where the outcome goes once the caller was told that it is unknown. */
  #later: PromiseWithResolvers<Applied<Result>> | undefined;
  #settled = false;

  constructor(command: Uint8Array, bytes: number, deadlineMs: number) {
    this.command = command;
    this.bytes = bytes;
    this.deadlineMs = deadlineMs;
    this.#told = Promise.withResolvers();
    this.promise = this.#told.promise;
  }

  /** Whether the caller has been told something. */
  get told(): boolean {
    return this.#settled || this.#later !== undefined;
  }

  applied(outcome: Outcome<Result>, position: Position): void {
    const { resolve, reject } = this.#end();
    if (outcome.ok) resolve({ result: outcome.result, position });
    else reject(outcome.error);
  }

  /** It is certain how it ended, and not by an application that this replica saw. */
  failed(error: Error): void {
    this.#end().reject(error);
  }

  /** The caller's wait is over. */
  expire(): void {
    if (this.place === undefined) {
      this.failed(new NotAppendedError("the proposal's time was over before it could be sent"));
      return;
    }
    this.unknown("the proposal's time was over before the log told what became of it");
  }

  /** Tells the caller that nobody knows yet. */
  unknown(message: string, cause?: unknown): void {
    if (this.told) return;
    this.#later = Promise.withResolvers();
    // Whoever does not look at the outcome has been told enough.
    this.#later.promise.catch(() => undefined);
    this.#told.reject(new OutcomeUnknownError(message, this.#later.promise, { cause }));
  }

  /** Nobody will ever tell: this replica stops looking. */
  abandon(reason: Error): void {
    if (this.place === undefined) {
      this.failed(new NotAppendedError("the replica stopped before the proposal was sent", { cause: reason }));
      return;
    }
    this.unknown("the replica stopped before the log told what became of the proposal", reason);
    this.failed(reason);
  }

  #end(): PromiseWithResolvers<Applied<Result>> {
    this.#settled = true;
    return this.#later ?? this.#told;
  }
}

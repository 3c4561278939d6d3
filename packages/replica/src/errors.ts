// Everything that can go wrong for who uses a replica, one class each: what happened, and what it means for a proposal.
import type { Applied } from "./machine.ts";

/** What all errors of this package are. */
export class ReplicaError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = new.target.name;
  }
}

/**
 * For `apply` to throw: the command is refused, by every replica alike, and `propose` rejects with this very error where it
 * was proposed. The state must be as it was before. Any other exception of `apply` stops the replica.
 */
export class CommandRejected extends ReplicaError {}

/** The encoded command is over `MAX_COMMAND_BYTES`. Nothing was appended. */
export class CommandTooLargeError extends ReplicaError {}

/** Too many proposals are pending; wait for `room()`. Nothing was appended. */
export class OverloadedError extends ReplicaError {}

/** The proposal was not appended and never will be: proposing it anew cannot apply it twice. The reason is in `cause`. */
export class NotAppendedError extends ReplicaError {}

/**
 * The caller's wait is over, but the proposal may have been appended. It is not sent again by guess: `outcome` settles as soon
 * as the log has told, if the replica lives to see it. Proposing the command anew could apply it twice.
 */
export class OutcomeUnknownError<Result = unknown> extends ReplicaError {
  readonly outcome: Promise<Applied<Result>>;
  constructor(message: string, outcome: Promise<Applied<Result>>, options?: ErrorOptions) {
    super(message, options);
    this.outcome = outcome;
  }
}

/** The proposal was applied exactly once, but this replica fell behind a trim and skipped the place: it never saw the result. */
export class ResultUnavailableError extends ReplicaError {}

/** Somebody else leads now, or the lease ran out. A proposal rejected with it has no effect, and never will. */
export class DeposedError extends ReplicaError {}

/** The machine has a single writer, and this is not how it writes: propose through a leadership. Nothing was appended. */
export class NotLeaderError extends ReplicaError {}

/** The log could not be asked, or this replica could not catch up, in time. */
export class UnavailableError extends ReplicaError {}

/** The replica does not serve any more. `cause` says why, unless it was closed. */
export class StoppedError extends ReplicaError {}

/** The log holds what this build must not read: of another machine, of a later version, or with other limits. */
export class VersionError extends ReplicaError {}

/** `apply` or `decode` failed, and not by `CommandRejected`: the state may be half changed, so the replica stops. */
export class ApplyFailedError extends ReplicaError {
  readonly position: number;
  constructor(position: number, cause: unknown) {
    super(`applying the record at ${position} failed: ${String(cause)}`, { cause });
    this.position = position;
  }
}

/** This replica's state is not that of the others at the same position: the replica stops. Of others, it is told to `onProblem`. */
export class DivergenceError extends ReplicaError {
  /** All records before this were applied. */
  readonly next: number;
  constructor(next: number, message: string) {
    super(message);
    this.next = next;
  }
}

/** Records are gone that this replica needs, and nothing else holds their effect. */
export class LogTrimmedError extends ReplicaError {}

/** What cannot be has happened: a bug here or in the log. The replica stops before it can say anything wrong. */
export class InvariantError extends ReplicaError {}

/** A snapshot is not what it should be; an older one will do. Never thrown: told to `onProblem`. */
export class BadSnapshotError extends ReplicaError {}

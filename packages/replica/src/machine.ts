// What a user brings along: a deterministic state machine. Owns the interface alone.
import type { Position } from "./log/log.ts";

/**
 * A deterministic state machine. All replicas of a stream bring the same one. `apply` must depend on nothing but its arguments:
 * no clock (positions carry the log's time), no chance, no order of anything that is not in the state.
 */
export interface Machine<State, Command, Result> {
  /** Kept in the log; a replica of another machine refuses it. */
  readonly name: string;
  /** Of commands and their meaning, from 1. Raise it with every change that older builds would apply otherwise. */
  readonly version: number;
  /** Proposers that the log remembers, least recently heard of leaving first. Part of the format: the same in every replica. */
  readonly maxSessions?: number;
  /** The state before the first command. */
  initial(): State;
  /** A command as bytes, at most `MAX_COMMAND_BYTES`. */
  encode(command: Command): Uint8Array;
  /** The inverse; `version` is that of the build that encoded it, never later than this one's. */
  decode(bytes: Uint8Array, version: number): Command;
  /** Changes the state. Throws `CommandRejected`, with the state unchanged, to refuse the command. */
  apply(state: State, command: Command, position: Position): Result;
}

/** What became of a proposal: the result of its application, and where it stands. */
export interface Applied<Result> {
  readonly result: Result;
  readonly position: Position;
}

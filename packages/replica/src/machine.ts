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
  /** Only a leader may write: `Replica.propose` and `transact` refuse. */
  readonly singleWriter?: boolean;
  /** The state before the first command. */
  initial(): State;
  /** A command as bytes, at most `MAX_COMMAND_BYTES`, as builds of `version` read it: this one's, or `writeVersion`. */
  encode(command: Command, version: number): Uint8Array;
  /** The inverse; `version` is that of the build that encoded it, never later than this one's. */
  decode(bytes: Uint8Array, version: number): Command;
  /** Changes the state. Throws `CommandRejected`, with the state unchanged, to refuse the command. */
  apply(state: State, command: Command, position: Position): Result;
  /** How states become bytes. Without it there are no snapshots: a replica that starts reads the whole log. */
  readonly snapshots?: SnapshotFormat<State>;
  /**
   * Bytes that differ when states differ, the same in every replica with the same state: cheap to make, such as a sum that
   * `apply` keeps up to date. Without it divergence is not looked for.
   */
  digest?(state: State): Uint8Array;
}

export interface SnapshotFormat<State> {
  /**
   * The state as chunks of any size. They must show the state of the moment of this call, however late they are taken and
   * whatever is applied meanwhile: made at once, from values that never change, or from a `SnapshotMap`. The same state should
   * give the same bytes. `version` is of the builds that must be able to read it: this one's, or `writeVersion`.
   */
  take(state: State, version: number): Iterable<Uint8Array>;
  /** The state that chunks show; `version` is that of the build that took them, never later than this one's. */
  restore(chunks: AsyncIterable<Uint8Array>, version: number): Promise<State>;
}

/** What became of a proposal: the result of its application, and where it stands. */
export interface Applied<Result> {
  readonly result: Result;
  readonly position: Position;
}

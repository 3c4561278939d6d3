// What a command is to everyone who routes, checks, runs or lists commands. Owns the interface alone.
import type { Keyspace } from "../state/keyspace.ts";
import type { Reply } from "./reply.ts";
import type { Steps } from "./steps.ts";

/** As COMMAND tells them, as far as they mean anything here. */
export type Flag =
  /** Changes the state: goes into the log. */
  | "write"
  /** Reads the state: waits for what was acknowledged before it, unless the connection chose otherwise. */
  | "readonly"
  /** May make the state larger: refused beyond the memory bound. */
  | "denyoom"
  /** Takes time that does not grow with what is stored, or nearly so. */
  | "fast"
  /** May wait for another client's write; `run` is the try that does not. */
  | "blocking"
  /** Where its keys stand depends on its arguments: see `keysOf`. */
  | "movablekeys"
  | "pubsub"
  | "admin"
  /** Not within MULTI. */
  | "no_multi";

/** As Redis counts: the command's name is 0; a negative `last` counts from the end (-1: the last argument). All 0: no keys. */
export interface KeyPositions {
  readonly first: number;
  readonly last: number;
  readonly step: number;
}

export const NO_KEYS: KeyPositions = { first: 0, last: 0, step: 0 };
export const FIRST_KEY: KeyPositions = { first: 1, last: 1, step: 1 };
export const FIRST_TWO_KEYS: KeyPositions = { first: 1, last: 2, step: 1 };
export const ALL_KEYS: KeyPositions = { first: 1, last: -1, step: 1 };

/** The world as a running command may know it. Nothing else: no clock, no chance, no order that is not in the state. */
export interface CommandContext {
  readonly keyspace: Keyspace;
  /** Milliseconds since the epoch. Of a write, the log's time: the same in every replica. */
  readonly nowMs: number;
  /** A number in [0, 1): of a write, the same in every replica. */
  fraction(): number;
  /** What the whole transaction may still cost: of a write, the same in every replica. */
  readonly steps: Steps;
  /** A message to the subscribers of a channel; how many there are at this replica. */
  publish(channel: string, message: string): number;
}

/** A command's name and arguments, as binary strings; the name as the client wrote it. */
export type Arguments = readonly string[];

export interface CommandSpec {
  /** In lower case. */
  readonly name: string;
  /** As Redis counts: the name is one; negative means "at least". `run` is only called with as many. */
  readonly arity: number;
  readonly flags: readonly Flag[];
  readonly keys: KeyPositions;
  /** Where the keys stand, for commands with `movablekeys`; those without it read keys that no argument names. Must take any arguments of the right number, and may throw `CommandError`. */
  readonly keysOf?: (args: Arguments) => readonly number[];
  /**
   * What a blocking command waits at most, in milliseconds; 0 is for ever. Throws `CommandError`. Such a command's `run` answers
   * `NULL_ARRAY` or null where it would have to wait, and has changed nothing then.
   */
  readonly waitMs?: (args: Arguments) => number;
  /** Throws `CommandError` to refuse, having changed nothing. Anything else that it throws is a bug that stops every replica. */
  run(context: CommandContext, args: Arguments): Reply;
}

// All commands that work on the keyspace, by name, and the edge at which they are run: arity and key sizes are checked here, and
// refusals become replies here.
import { BIT_COMMANDS } from "./bits.ts";
import { CommandError, wrongArity } from "./errors.ts";
import { HASH_COMMANDS } from "./hashes.ts";
import { KEY_COMMANDS } from "./keys.ts";
import { MAX_KEY_BYTES } from "./limits.ts";
import { LIST_POP_COMMANDS } from "./list-pops.ts";
import { LIST_COMMANDS } from "./lists.ts";
import { PUBSUB_COMMANDS } from "./pubsub.ts";
import { error, type Reply } from "./reply.ts";
import { SET_ALGEBRA_COMMANDS } from "./set-algebra.ts";
import { SET_COMMANDS } from "./sets.ts";
import { SORT_COMMANDS } from "./sort.ts";
import type { Arguments, CommandContext, CommandSpec, Flag } from "./spec.ts";
import { STRING_COMMANDS } from "./strings.ts";
import { TRANSACTION_COMMANDS } from "./transactions.ts";
import { ZSET_ALGEBRA_COMMANDS } from "./zset-algebra.ts";
import { ZSET_POP_COMMANDS } from "./zset-pops.ts";
import { ZSET_RANGE_COMMANDS } from "./zset-ranges.ts";
import { ZSET_COMMANDS } from "./zsets.ts";

const FAMILIES: readonly (readonly CommandSpec[])[] = [
  STRING_COMMANDS,
  BIT_COMMANDS,
  KEY_COMMANDS,
  HASH_COMMANDS,
  LIST_COMMANDS,
  LIST_POP_COMMANDS,
  SET_COMMANDS,
  SET_ALGEBRA_COMMANDS,
  ZSET_COMMANDS,
  ZSET_RANGE_COMMANDS,
  ZSET_POP_COMMANDS,
  ZSET_ALGEBRA_COMMANDS,
  SORT_COMMANDS,
  PUBSUB_COMMANDS,
];

export const COMMANDS: ReadonlyMap<string, CommandSpec> = new Map(FAMILIES.flat().map((spec) => [spec.name, spec]));

const INTERNAL: ReadonlyMap<string, CommandSpec> = new Map(TRANSACTION_COMMANDS.map((spec) => [spec.name, spec]));

/** Also those that are unknown to clients of the Redis port. */
export function anyCommandNamed(name: string): CommandSpec | undefined {
  return INTERNAL.get(name) ?? commandNamed(name);
}

/** By name in any case. */
export function commandNamed(name: string): CommandSpec | undefined {
  return COMMANDS.get(name) ?? COMMANDS.get(name.toLowerCase());
}

export function hasFlag(spec: CommandSpec, flag: Flag): boolean {
  return spec.flags.includes(flag);
}

/** Why such a command is refused whatever the state; undefined if it is not. */
export function refusalOf(spec: CommandSpec, args: Arguments): Reply | undefined {
  if (spec.arity > 0 ? args.length !== spec.arity : args.length < -spec.arity) return error(wrongArity(spec.name).text);
  try {
    for (const at of keyPositions(spec, args)) {
      if (args[at].length > MAX_KEY_BYTES)
        return error(`ERR key is too long: up to ${MAX_KEY_BYTES} bytes are allowed`);
    }
  } catch (refused) {
    if (refused instanceof CommandError) return error(refused.text);
    throw refused;
  }
  return undefined;
}

/** Where the keys stand. Only with a right number of arguments. Throws `CommandError` where the arguments do not tell. */
export function keyPositions(spec: CommandSpec, args: Arguments): readonly number[] {
  if (spec.keysOf !== undefined) return spec.keysOf(args);
  const { first, last, step } = spec.keys;
  if (first === 0) return [];
  const end = last < 0 ? args.length + last : last;
  const positions: number[] = [];
  for (let at = first; at <= end; at += step) positions.push(at);
  return positions;
}

/** Runs a command; a refusal is a reply, and has changed nothing. Throws only where there is a bug. */
export function runCommand(spec: CommandSpec, context: CommandContext, args: Arguments): Reply {
  const refusal = refusalOf(spec, args);
  if (refusal !== undefined) return refusal;
  try {
    return spec.run(context, args);
  } catch (refused) {
    if (refused instanceof CommandError) return error(refused.text);
    throw refused;
  }
}

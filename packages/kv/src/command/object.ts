// OBJECT and MEMORY: what clients and tools ask about how a value is kept. Nothing here is kept as Redis does, so encodings are
// those that Redis would choose for a value of this size.
import type { Value } from "../state/value.ts";
import { CommandError, NOT_AN_INTEGER, syntaxError, wrongArity } from "./errors.ts";
import { integer, parseInt64 } from "./numbers.ts";
import { OK, type Reply, status } from "./reply.ts";
import { type Arguments, type CommandContext, type CommandSpec, FIRST_KEY } from "./spec.ts";

const NO_FREQUENCY =
  "ERR An LFU maxmemory policy is not selected, access frequency not tracked. Please note that when switching between policies at runtime LRU and LFU data will take some time to adjust.";

/** Redis's defaults: up to so many elements of up to so many bytes are kept close together. */
const COMPACT_ELEMENTS = { hash: 128, list: 128, set: 512, zset: 128 };
const COMPACT_BYTES = 64;

function encodingOf(value: Value): string {
  if (typeof value === "string") {
    if (parseInt64(value) !== undefined) return "int";
    return value.length <= 44 ? "embstr" : "raw";
  }
  if (value.type === "list") return "quicklist";
  const few = value.size <= COMPACT_ELEMENTS[value.type];
  const elements = few ? [...value.elements()] : [];
  if (value.type === "set") {
    return few && elements.every(([member]) => parseInt64(member) !== undefined) ? "intset" : "hashtable";
  }
  const compact = few && elements.every((element) => element.every((part) => part.length <= COMPACT_BYTES));
  if (compact) return "listpack";
  return value.type === "hash" ? "hashtable" : "skiplist";
}

const OBJECT_HELP = [
  "OBJECT <subcommand> [<arg> [value] [opt] ...]. Subcommands are:",
  "ENCODING <key>",
  "    Return the kind of internal representation used in order to store the value",
  "    associated with a <key>.",
  "FREQ <key>",
  "    Return the access frequency index of the <key>. The returned integer is",
  "    proportional to the logarithm of the recent access frequency of the key.",
  "IDLETIME <key>",
  "    Return the idle time of the <key>, that is the approximated number of",
  "    seconds elapsed since the last access to the key.",
  "REFCOUNT <key>",
  "    Return the number of references of the value associated with the specified",
  "    <key>.",
  "HELP",
  "    Print this help.",
];

function object({ keyspace }: CommandContext, args: Arguments): Reply {
  const subcommand = args[1].toLowerCase();
  if (subcommand === "help" && args.length === 2) return OBJECT_HELP.map(status);
  if (!["encoding", "refcount", "idletime", "freq", "help"].includes(subcommand)) {
    throw new CommandError(`ERR unknown subcommand '${args[1].slice(0, 128)}'. Try OBJECT HELP.`);
  }
  if (args.length !== 3 || subcommand === "help") throw wrongArity(`object|${subcommand}`);
  const entry = keyspace.get(args[2]);
  if (entry === undefined) return null;
  switch (subcommand) {
    case "encoding":
      return encodingOf(entry.value);
    case "refcount":
      return 1;
    case "idletime":
      return 0;
    default:
      throw new CommandError(NO_FREQUENCY);
  }
}

function memory({ keyspace }: CommandContext, args: Arguments): Reply {
  const subcommand = args[1].toLowerCase();
  switch (subcommand) {
    case "usage":
      return usage({ keyspace }, args);
    case "doctor":
      return "Nothing is known of this server's memory that INFO does not tell.";
    case "purge":
      return OK;
    default:
      throw new CommandError(`ERR unknown subcommand '${args[1].slice(0, 128)}'. Try MEMORY HELP.`);
  }
}

function usage({ keyspace }: Pick<CommandContext, "keyspace">, args: Arguments): Reply {
  if (args.length < 3) throw wrongArity("memory|usage");
  if (args.length > 3) {
    if (args.length !== 5 || args[3].toUpperCase() !== "SAMPLES") throw syntaxError();
    if (integer(args[4]) < 0) throw new CommandError(NOT_AN_INTEGER);
  }
  return keyspace.bytesOf(args[2]) ?? null;
}

const keysOf = (args: Arguments): readonly number[] => (args.length > 2 ? [2] : []);

export const OBJECT_COMMANDS: readonly CommandSpec[] = [
  { name: "object", arity: -2, flags: ["readonly"], keys: FIRST_KEY, keysOf, run: object },
  { name: "memory", arity: -2, flags: ["readonly"], keys: FIRST_KEY, keysOf, run: memory },
];

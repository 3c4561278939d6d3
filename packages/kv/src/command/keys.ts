// Commands on keys, whatever they hold: removing, finding, renaming and copying them.
import { typeOf, type Value } from "../state/value.ts";
import { CommandError, NO_SUCH_KEY, syntaxError } from "./errors.ts";
import { EXPIRE_COMMANDS } from "./expire.ts";
import { glob } from "./glob.ts";
import { integer } from "./numbers.ts";
import { OBJECT_COMMANDS } from "./object.ts";
import { OK, type Reply, status } from "./reply.ts";
import { scanOptions } from "./scan.ts";
import {
  ALL_KEYS,
  type Arguments,
  type CommandContext,
  type CommandSpec,
  FIRST_KEY,
  FIRST_TWO_KEYS,
  NO_KEYS,
} from "./spec.ts";

function remove({ keyspace }: CommandContext, [, ...keys]: Arguments): Reply {
  return keys.filter((key) => keyspace.remove(key)).length;
}

/** A key named twice counts twice. */
function count({ keyspace }: CommandContext, [, ...keys]: Arguments): Reply {
  return keys.filter((key) => keyspace.get(key) !== undefined).length;
}

function rename({ keyspace }: CommandContext, [, from, to]: Arguments): Reply {
  if (keyspace.get(from) === undefined) throw new CommandError(NO_SUCH_KEY);
  keyspace.rename(from, to);
  return OK;
}

function renamenx({ keyspace }: CommandContext, [, from, to]: Arguments): Reply {
  if (keyspace.get(from) === undefined) throw new CommandError(NO_SUCH_KEY);
  if (keyspace.get(to) !== undefined) return 0;
  keyspace.rename(from, to);
  return 1;
}

const BAD_DATABASE = "ERR DB index is out of range";

function copy({ keyspace }: CommandContext, args: Arguments): Reply {
  const [, from, to] = args;
  let replace = false;
  for (let at = 3; at < args.length; at += 1) {
    const option = args[at].toUpperCase();
    if (option === "REPLACE") replace = true;
    else if (option === "DB" && at + 1 < args.length) {
      at += 1;
      if (integer(args[at]) !== 0) throw new CommandError(BAD_DATABASE);
    } else throw syntaxError();
  }
  if (from === to) throw new CommandError("ERR source and destination objects are the same");
  const entry = keyspace.get(from);
  if (entry === undefined || (!replace && keyspace.get(to) !== undefined)) return 0;
  keyspace.set(to, copyOf(entry.value), entry.expiresAtMs, entry.contentType);
  return 1;
}

function copyOf(value: Value): Value {
  return typeof value === "string" ? value : value.clone();
}

function move(_: CommandContext, [, , database]: Arguments): Reply {
  if (integer(database) === 0) throw new CommandError("ERR source and destination objects are the same");
  throw new CommandError(BAD_DATABASE);
}

function scan({ keyspace, steps }: CommandContext, args: Arguments): Reply {
  const { cursor, count: limit, matches, type } = scanOptions(args, 1, steps, true);
  const page = keyspace.scan(cursor, limit);
  const keys = page.items.filter((key) => {
    const entry = keyspace.get(key);
    return entry !== undefined && matches(key) && (type === undefined || typeOf(entry.value) === type);
  });
  return [String(page.cursor), keys];
}

function flush({ keyspace }: CommandContext, args: Arguments): Reply {
  if (args.length > 2 || (args.length === 2 && !["ASYNC", "SYNC"].includes(args[1].toUpperCase()))) throw syntaxError();
  keyspace.clear();
  return OK;
}

export const KEY_COMMANDS: readonly CommandSpec[] = [
  { name: "del", arity: -2, flags: ["write"], keys: ALL_KEYS, run: remove },
  { name: "unlink", arity: -2, flags: ["write", "fast"], keys: ALL_KEYS, run: remove },
  { name: "exists", arity: -2, flags: ["readonly", "fast"], keys: ALL_KEYS, run: count },
  { name: "touch", arity: -2, flags: ["readonly", "fast"], keys: ALL_KEYS, run: count },
  {
    name: "type",
    arity: 2,
    flags: ["readonly", "fast"],
    keys: FIRST_KEY,
    run: ({ keyspace }, [, key]) => {
      const entry = keyspace.get(key);
      return status(entry === undefined ? "none" : typeOf(entry.value));
    },
  },
  { name: "rename", arity: 3, flags: ["write"], keys: FIRST_TWO_KEYS, run: rename },
  { name: "renamenx", arity: 3, flags: ["write", "fast"], keys: FIRST_TWO_KEYS, run: renamenx },
  { name: "copy", arity: -3, flags: ["write", "denyoom"], keys: FIRST_TWO_KEYS, run: copy },
  { name: "move", arity: 3, flags: ["write", "fast"], keys: FIRST_KEY, run: move },
  {
    name: "keys",
    arity: 2,
    flags: ["readonly"],
    keys: NO_KEYS,
    run: ({ keyspace, steps }, [, pattern]) => [...keyspace.keys()].filter(glob(pattern, steps)),
  },
  { name: "scan", arity: -2, flags: ["readonly"], keys: NO_KEYS, run: scan },
  {
    name: "randomkey",
    arity: 1,
    flags: ["readonly"],
    keys: NO_KEYS,
    run: ({ keyspace, fraction }) => keyspace.pick(fraction()) ?? null,
  },
  { name: "dbsize", arity: 1, flags: ["readonly", "fast"], keys: NO_KEYS, run: ({ keyspace }) => keyspace.size },
  { name: "flushall", arity: -1, flags: ["write"], keys: NO_KEYS, run: flush },
  { name: "flushdb", arity: -1, flags: ["write"], keys: NO_KEYS, run: flush },
  ...EXPIRE_COMMANDS,
  ...OBJECT_COMMANDS,
];

// Commands of the hash family.
import { Hash } from "../state/hash.ts";
import { change, pick, randomCount, scan } from "./collections.ts";
import { CommandError, NOT_A_FLOAT, syntaxError, wrongArity } from "./errors.ts";
import { addLongDoubles, isInfinite, isLongDouble } from "./long-double.ts";
import { collectionAt } from "./lookup.ts";
import { int64, MAX_INT64, MIN_INT64 } from "./numbers.ts";
import { map, OK, pairs, type Reply } from "./reply.ts";
import { type Arguments, type CommandContext, type CommandSpec, FIRST_KEY } from "./spec.ts";

function hashAt(context: CommandContext, key: string): Hash | undefined {
  return collectionAt(context, key, Hash);
}

/** How many fields are new. */
function setFields(context: CommandContext, args: Arguments, name: string): number {
  if (args.length % 2 === 1) throw wrongArity(name);
  return change(context, args[1], Hash, (hash) => {
    let added = 0;
    for (let at = 2; at < args.length; at += 2) if (hash.set(args[at], args[at + 1])) added += 1;
    return added;
  });
}

function hsetnx(context: CommandContext, [, key, field, value]: Arguments): Reply {
  if (hashAt(context, key)?.has(field)) return 0;
  return change(context, key, Hash, (hash) => Number(hash.set(field, value)));
}

function hdel(context: CommandContext, [, key, ...fields]: Arguments): Reply {
  if (hashAt(context, key) === undefined) return 0;
  const remove = (hash: Hash) => fields.filter((field) => hash.delete(field)).length;
  return change(context, key, Hash, remove, (removed) => removed > 0);
}

function hincrby(context: CommandContext, [, key, field, text]: Arguments): Reply {
  const by = int64(text);
  const before = hashAt(context, key)?.get(field);
  const sum = (before === undefined ? 0n : int64(before, "ERR hash value is not an integer")) + by;
  if (sum > MAX_INT64 || sum < MIN_INT64) throw new CommandError("ERR increment or decrement would overflow");
  change(context, key, Hash, (hash) => hash.set(field, String(sum)));
  return sum;
}

function hincrbyfloat(context: CommandContext, [, key, field, by]: Arguments): Reply {
  if (!isLongDouble(by)) throw new CommandError(NOT_A_FLOAT);
  if (isInfinite(by)) throw new CommandError("ERR value is NaN or Infinity");
  const before = hashAt(context, key)?.get(field) ?? "0";
  if (!isLongDouble(before)) throw new CommandError("ERR hash value is not a float");
  const sum = addLongDoubles(before, by);
  change(context, key, Hash, (hash) => hash.set(field, sum));
  return sum;
}

function hgetall(context: CommandContext, [, key]: Arguments): Reply {
  const hash = hashAt(context, key);
  return map(hash?.fields.map((field, at) => [field, hash.values[at]]) ?? []);
}

function hrandfield(context: CommandContext, args: Arguments): Reply {
  const [, key] = args;
  if (args.length === 2) {
    const hash = hashAt(context, key);
    return hash === undefined ? null : hash.fields[pick(context, hash.size, 1)[0]];
  }
  const withValues = args.length === 4 && args[3].toUpperCase() === "WITHVALUES";
  const count = randomCount(args[2], withValues);
  if (args.length > 3 && !withValues) throw syntaxError();
  const hash = hashAt(context, key);
  const picked = hash === undefined ? [] : pick(context, hash.size, count);
  if (!withValues) return picked.map((at) => hash?.fields[at] ?? null);
  return pairs(picked.map((at) => [hash?.fields[at] ?? null, hash?.values[at] ?? null]));
}

const WRITE = ["write", "denyoom", "fast"] as const;
const READ = ["readonly", "fast"] as const;

export const HASH_COMMANDS: readonly CommandSpec[] = [
  { name: "hset", arity: -4, flags: WRITE, keys: FIRST_KEY, run: (context, args) => setFields(context, args, "hset") },
  {
    name: "hmset",
    arity: -4,
    flags: WRITE,
    keys: FIRST_KEY,
    run: (context, args) => {
      setFields(context, args, "hmset");
      return OK;
    },
  },
  { name: "hsetnx", arity: 4, flags: WRITE, keys: FIRST_KEY, run: hsetnx },
  {
    name: "hget",
    arity: 3,
    flags: READ,
    keys: FIRST_KEY,
    run: (context, [, key, field]) => hashAt(context, key)?.get(field) ?? null,
  },
  {
    name: "hmget",
    arity: -3,
    flags: READ,
    keys: FIRST_KEY,
    run: (context, [, key, ...fields]) => {
      const hash = hashAt(context, key);
      return fields.map((field) => hash?.get(field) ?? null);
    },
  },
  { name: "hgetall", arity: 2, flags: ["readonly"], keys: FIRST_KEY, run: hgetall },
  {
    name: "hkeys",
    arity: 2,
    flags: ["readonly"],
    keys: FIRST_KEY,
    run: (context, [, key]) => hashAt(context, key)?.fields.slice() ?? [],
  },
  {
    name: "hvals",
    arity: 2,
    flags: ["readonly"],
    keys: FIRST_KEY,
    run: (context, [, key]) => hashAt(context, key)?.values.slice() ?? [],
  },
  { name: "hdel", arity: -3, flags: ["write", "fast"], keys: FIRST_KEY, run: hdel },
  { name: "hlen", arity: 2, flags: READ, keys: FIRST_KEY, run: (context, [, key]) => hashAt(context, key)?.size ?? 0 },
  {
    name: "hstrlen",
    arity: 3,
    flags: READ,
    keys: FIRST_KEY,
    run: (context, [, key, field]) => hashAt(context, key)?.get(field)?.length ?? 0,
  },
  {
    name: "hexists",
    arity: 3,
    flags: READ,
    keys: FIRST_KEY,
    run: (context, [, key, field]) => Number(hashAt(context, key)?.has(field) ?? false),
  },
  { name: "hincrby", arity: 4, flags: WRITE, keys: FIRST_KEY, run: hincrby },
  { name: "hincrbyfloat", arity: 4, flags: WRITE, keys: FIRST_KEY, run: hincrbyfloat },
  { name: "hrandfield", arity: -2, flags: ["readonly"], keys: FIRST_KEY, run: hrandfield },
  {
    name: "hscan",
    arity: -3,
    flags: ["readonly"],
    keys: FIRST_KEY,
    run: (context, args) =>
      scan(
        context,
        args,
        Hash,
        (hash) => hash.fields,
        (hash, at) => [hash.fields[at], hash.values[at]],
      ),
  },
];

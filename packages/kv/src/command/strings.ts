// Commands of the string family: whole values, parts of them, and numbers in them.
import { NEVER } from "../state/entry.ts";
import { CommandError, STRING_TOO_LONG, syntaxError, wrongArity } from "./errors.ts";
import { EXPIRY_FORMS, expiryMoment } from "./expiry-options.ts";
import { lcsCommand } from "./lcs.ts";
import { MAX_STRING_BYTES } from "./limits.ts";
import { addLongDoubles } from "./long-double.ts";
import { stringAt } from "./lookup.ts";
import { int64, integer, MAX_INT64, MIN_INT64 } from "./numbers.ts";
import { OK, type Reply } from "./reply.ts";
import { ALL_KEYS, type Arguments, type CommandContext, type CommandSpec, FIRST_KEY } from "./spec.ts";

interface SetOptions {
  readonly onlyIf: "absent" | "present" | undefined;
  readonly get: boolean;
  readonly keepTtl: boolean;
  readonly persist: boolean;
  /** The option that tells the expiry, and its argument. */
  readonly expiry: readonly [option: string, text: string] | undefined;
}

/** Of SET and GETEX, each of which takes some. Throws a syntax error. */
function parseOptions(args: Arguments, from: number, allowed: "set" | "getex"): SetOptions {
  let onlyIf: SetOptions["onlyIf"];
  let get = false;
  let keepTtl = false;
  let persist = false;
  let expiry: SetOptions["expiry"];
  for (let at = from; at < args.length; at += 1) {
    const option = args[at].toUpperCase();
    // One and the same option may come again: the last one counts.
    const timeless = !keepTtl && !persist && (expiry === undefined || expiry[0] === option);
    if (allowed === "set" && option === "NX" && onlyIf !== "present") onlyIf = "absent";
    else if (allowed === "set" && option === "XX" && onlyIf !== "absent") onlyIf = "present";
    else if (allowed === "set" && option === "GET") get = true;
    else if (allowed === "set" && option === "KEEPTTL" && (timeless || keepTtl)) keepTtl = true;
    else if (allowed === "getex" && option === "PERSIST" && (timeless || persist)) persist = true;
    else if (Object.hasOwn(EXPIRY_FORMS, option) && timeless && at + 1 < args.length) {
      at += 1;
      expiry = [option, args[at]];
    } else throw syntaxError();
  }
  return { onlyIf, get, keepTtl, persist, expiry };
}

function momentOf(expiry: SetOptions["expiry"], nowMs: number, command: string): number | undefined {
  return expiry && expiryMoment(expiry[1], EXPIRY_FORMS[expiry[0]], nowMs, command);
}

function set(context: CommandContext, args: Arguments): Reply {
  const { keyspace, nowMs } = context;
  const [, key, value] = args;
  const { onlyIf, get, keepTtl, expiry } = parseOptions(args, 3, "set");
  const momentMs = momentOf(expiry, nowMs, "set");
  const before = get ? (stringAt(context, key) ?? null) : null;
  const entry = keyspace.get(key);
  if (onlyIf !== undefined && (onlyIf === "absent") === (entry !== undefined)) return before;
  keyspace.set(key, checked(value), momentMs ?? (keepTtl ? entry?.expiresAtMs : undefined));
  return get ? before : OK;
}

function setExpiring(option: "EX" | "PX", name: string) {
  return ({ keyspace, nowMs }: CommandContext, [, key, time, value]: Arguments): Reply => {
    keyspace.set(key, checked(value), expiryMoment(time, EXPIRY_FORMS[option], nowMs, name));
    return OK;
  };
}

function getex(context: CommandContext, args: Arguments): Reply {
  const { keyspace, nowMs } = context;
  const [, key] = args;
  const { persist, expiry } = parseOptions(args, 2, "getex");
  const value = stringAt(context, key);
  if (value === undefined) return null;
  const momentMs = momentOf(expiry, nowMs, "getex");
  if (momentMs !== undefined) keyspace.expire(key, momentMs);
  else if (persist && keyspace.get(key)?.expiresAtMs !== NEVER) keyspace.expire(key, NEVER);
  return value;
}

/** A string that may be kept. */
function checked(value: string): string {
  if (value.length > MAX_STRING_BYTES) throw new CommandError(STRING_TOO_LONG);
  return value;
}

/** Sets a string in place of another: expiry and content type stay. */
function replace({ keyspace }: CommandContext, key: string, value: string): void {
  const entry = keyspace.get(key);
  keyspace.set(key, checked(value), entry?.expiresAtMs, entry?.contentType);
}

function addTo(context: CommandContext, key: string, by: bigint): Reply {
  const before = stringAt(context, key) ?? "0";
  // Most counters are small.
  if (before.length < 15 && by <= 0xffffffffn && by >= -0xffffffffn) {
    const sum = integer(before) + Number(by);
    replace(context, key, String(sum));
    return sum;
  }
  const sum = int64(before) + by;
  if (sum > MAX_INT64 || sum < MIN_INT64) throw new CommandError("ERR increment or decrement would overflow");
  replace(context, key, String(sum));
  return sum;
}

function decrby(context: CommandContext, [, key, text]: Arguments): Reply {
  const by = int64(text);
  if (by === MIN_INT64) throw new CommandError("ERR decrement would overflow");
  return addTo(context, key, -by);
}

function append(context: CommandContext, [, key, more]: Arguments): Reply {
  const value = (stringAt(context, key) ?? "") + more;
  replace(context, key, value);
  return value.length;
}

function setrange(context: CommandContext, [, key, offsetText, part]: Arguments): Reply {
  const offset = integer(offsetText);
  if (offset < 0) throw new CommandError("ERR offset is out of range");
  const before = stringAt(context, key);
  if (part === "") return before?.length ?? 0;
  if (offset + part.length > MAX_STRING_BYTES) throw new CommandError(STRING_TOO_LONG);
  const head = (before ?? "").slice(0, offset).padEnd(offset, "\0");
  const value = head + part + (before ?? "").slice(offset + part.length);
  replace(context, key, value);
  return value.length;
}

function getrange(context: CommandContext, [, key, startText, endText]: Arguments): Reply {
  let start = integer(startText);
  let end = integer(endText);
  const value = stringAt(context, key) ?? "";
  if (start < 0 && end < 0 && start > end) return "";
  if (start < 0) start = Math.max(0, start + value.length);
  if (end < 0) end = Math.max(0, end + value.length);
  return value.slice(start, end + 1);
}

function mget({ keyspace }: CommandContext, [, ...keys]: Arguments): Reply {
  return keys.map((key) => {
    const value = keyspace.get(key)?.value;
    return typeof value === "string" ? value : null;
  });
}

function mset({ keyspace }: CommandContext, args: Arguments): Reply {
  if (args.length % 2 === 0) throw wrongArity(args[0]);
  for (let at = 1; at < args.length; at += 2) checked(args[at + 1]);
  for (let at = 1; at < args.length; at += 2) keyspace.set(args[at], args[at + 1]);
  return OK;
}

function msetnx(context: CommandContext, args: Arguments): Reply {
  if (args.length % 2 === 0) throw wrongArity(args[0]);
  for (let at = 1; at < args.length; at += 2) if (context.keyspace.get(args[at]) !== undefined) return 0;
  mset(context, args);
  return 1;
}

function incrbyfloat(context: CommandContext, [, key, by]: Arguments): Reply {
  const value = addLongDoubles(stringAt(context, key) ?? "0", by);
  replace(context, key, value);
  return value;
}

const EVERY_SECOND = { first: 1, last: -1, step: 2 };
const WRITE = ["write", "denyoom", "fast"] as const;
const READ = ["readonly", "fast"] as const;

export const STRING_COMMANDS: readonly CommandSpec[] = [
  { name: "get", arity: 2, flags: READ, keys: FIRST_KEY, run: (context, [, key]) => stringAt(context, key) ?? null },
  { name: "set", arity: -3, flags: ["write", "denyoom"], keys: FIRST_KEY, run: set },
  {
    name: "setnx",
    arity: 3,
    flags: WRITE,
    keys: FIRST_KEY,
    run: ({ keyspace }, [, key, value]) => {
      if (keyspace.get(key) !== undefined) return 0;
      keyspace.set(key, checked(value));
      return 1;
    },
  },
  { name: "setex", arity: 4, flags: ["write", "denyoom"], keys: FIRST_KEY, run: setExpiring("EX", "setex") },
  { name: "psetex", arity: 4, flags: ["write", "denyoom"], keys: FIRST_KEY, run: setExpiring("PX", "psetex") },
  {
    name: "getset",
    arity: 3,
    flags: WRITE,
    keys: FIRST_KEY,
    run: (context, [, key, value]) => {
      const before = stringAt(context, key) ?? null;
      context.keyspace.set(key, checked(value));
      return before;
    },
  },
  {
    name: "getdel",
    arity: 2,
    flags: ["write", "fast"],
    keys: FIRST_KEY,
    run: (context, [, key]) => {
      const value = stringAt(context, key);
      if (value !== undefined) context.keyspace.remove(key);
      return value ?? null;
    },
  },
  { name: "getex", arity: -2, flags: ["write", "fast"], keys: FIRST_KEY, run: getex },
  { name: "mget", arity: -2, flags: READ, keys: ALL_KEYS, run: mget },
  { name: "mset", arity: -3, flags: ["write", "denyoom"], keys: EVERY_SECOND, run: mset },
  { name: "msetnx", arity: -3, flags: ["write", "denyoom"], keys: EVERY_SECOND, run: msetnx },
  { name: "incr", arity: 2, flags: WRITE, keys: FIRST_KEY, run: (context, [, key]) => addTo(context, key, 1n) },
  { name: "decr", arity: 2, flags: WRITE, keys: FIRST_KEY, run: (context, [, key]) => addTo(context, key, -1n) },
  {
    name: "incrby",
    arity: 3,
    flags: WRITE,
    keys: FIRST_KEY,
    run: (context, [, key, by]) => addTo(context, key, int64(by)),
  },
  { name: "decrby", arity: 3, flags: WRITE, keys: FIRST_KEY, run: decrby },
  { name: "incrbyfloat", arity: 3, flags: WRITE, keys: FIRST_KEY, run: incrbyfloat },
  { name: "append", arity: 3, flags: WRITE, keys: FIRST_KEY, run: append },
  {
    name: "strlen",
    arity: 2,
    flags: READ,
    keys: FIRST_KEY,
    run: (context, [, key]) => (stringAt(context, key) ?? "").length,
  },
  { name: "setrange", arity: 4, flags: ["write", "denyoom"], keys: FIRST_KEY, run: setrange },
  { name: "getrange", arity: 4, flags: ["readonly"], keys: FIRST_KEY, run: getrange },
  { name: "substr", arity: 4, flags: ["readonly"], keys: FIRST_KEY, run: getrange },
  lcsCommand,
];

// Taking items off lists, and moving them to others. The blocking commands' `run` is the try; who waits is not known here.
import { type End, List } from "../state/list.ts";
import { change, countedKeys, keysAfter, popCount, positiveCount, timeoutMs } from "./collections.ts";
import { syntaxError, wrongArity } from "./errors.ts";
import { listAt } from "./lists.ts";
import { NULL_ARRAY, type Reply } from "./reply.ts";
import { type Arguments, type CommandContext, type CommandSpec, FIRST_KEY, FIRST_TWO_KEYS, NO_KEYS } from "./spec.ts";

/** All but the last argument. */
const ALL_BUT_TIMEOUT = { first: 1, last: -2, step: 1 };

function take(context: CommandContext, key: string, end: End, count: number): string[] {
  const popping = Math.min(count, listAt(context, key)?.size ?? 0);
  if (popping === 0) return [];
  return change(context, key, List, (list) => Array.from({ length: popping }, () => list.pop(end) ?? ""));
}

function pop(end: End, name: string) {
  return (context: CommandContext, args: Arguments): Reply => {
    const [, key, countText] = args;
    if (args.length > 3) throw wrongArity(name);
    if (countText === undefined) return take(context, key, end, 1)[0] ?? null;
    const count = positiveCount(countText);
    return listAt(context, key) === undefined ? NULL_ARRAY : take(context, key, end, count);
  };
}

function endOf(text: string): End {
  const end = text.toUpperCase();
  if (end !== "LEFT" && end !== "RIGHT") throw syntaxError();
  return end === "LEFT" ? "head" : "tail";
}

function move(context: CommandContext, from: string, to: string, fromEnd: End, toEnd: End): Reply {
  if (listAt(context, from) === undefined) return null;
  listAt(context, to);
  // Within one list, too: it is never gone in between.
  if (from === to) {
    return change(context, from, List, (list) => {
      const item = list.pop(fromEnd) ?? "";
      list.push(toEnd, item);
      return item;
    });
  }
  const [item] = take(context, from, fromEnd, 1);
  change(context, to, List, (list) => list.push(toEnd, item));
  return item;
}

function lmove(context: CommandContext, [, from, to, fromEnd, toEnd]: Arguments): Reply {
  return move(context, from, to, endOf(fromEnd), endOf(toEnd));
}

/** The number of keys stands at `numberAt`. */
function lmpopOptions(args: Arguments, numberAt: number) {
  const { keys, next } = keysAfter(args, numberAt);
  if (next >= args.length) throw syntaxError();
  return { keys, end: endOf(args[next]), count: popCount(args, next + 1) };
}

/** If it blocks, the timeout stands before the number of keys. */
function lmpop(context: CommandContext, args: Arguments, numberAt: number, blocks: boolean): Reply {
  const { keys, end, count } = lmpopOptions(args, numberAt);
  if (blocks) timeoutMs(args[1]);
  for (const key of keys) {
    if (listAt(context, key) !== undefined) return [key, take(context, key, end, count)];
  }
  return NULL_ARRAY;
}

function blockingPop(end: End) {
  return (context: CommandContext, args: Arguments): Reply => {
    timeoutMs(args[args.length - 1]);
    for (const key of args.slice(1, -1)) {
      if (listAt(context, key) !== undefined) return [key, ...take(context, key, end, 1)];
    }
    return NULL_ARRAY;
  };
}

function blmove(context: CommandContext, [, from, to, fromEnd, toEnd, timeout]: Arguments): Reply {
  const ends = [endOf(fromEnd), endOf(toEnd)];
  timeoutMs(timeout);
  return move(context, from, to, ends[0], ends[1]);
}

const lastIsTimeout = (args: Arguments): number => timeoutMs(args[args.length - 1]);

// What is wrong with the rest is told first.

function blmoveTimeoutMs(args: Arguments): number {
  for (const end of args.slice(3, 5)) endOf(end);
  return lastIsTimeout(args);
}

function blmpopTimeoutMs(args: Arguments): number {
  lmpopOptions(args, 2);
  return timeoutMs(args[1]);
}

export const LIST_POP_COMMANDS: readonly CommandSpec[] = [
  { name: "lpop", arity: -2, flags: ["write", "fast"], keys: FIRST_KEY, run: pop("head", "lpop") },
  { name: "rpop", arity: -2, flags: ["write", "fast"], keys: FIRST_KEY, run: pop("tail", "rpop") },
  {
    name: "rpoplpush",
    arity: 3,
    flags: ["write", "denyoom"],
    keys: FIRST_TWO_KEYS,
    run: (context, [, from, to]) => move(context, from, to, "tail", "head"),
  },
  { name: "lmove", arity: 5, flags: ["write", "denyoom"], keys: FIRST_TWO_KEYS, run: lmove },
  {
    name: "lmpop",
    arity: -4,
    flags: ["write", "movablekeys"],
    keys: NO_KEYS,
    keysOf: countedKeys(1),
    run: (context, args) => lmpop(context, args, 1, false),
  },
  {
    name: "blpop",
    arity: -3,
    flags: ["write", "blocking"],
    keys: ALL_BUT_TIMEOUT,
    waitMs: lastIsTimeout,
    run: blockingPop("head"),
  },
  {
    name: "brpop",
    arity: -3,
    flags: ["write", "blocking"],
    keys: ALL_BUT_TIMEOUT,
    waitMs: lastIsTimeout,
    run: blockingPop("tail"),
  },
  {
    name: "brpoplpush",
    arity: 4,
    flags: ["write", "denyoom", "blocking"],
    keys: FIRST_TWO_KEYS,
    waitMs: lastIsTimeout,
    run: (context, [, from, to, timeout]) => {
      timeoutMs(timeout);
      return move(context, from, to, "tail", "head");
    },
  },
  {
    name: "blmove",
    arity: 6,
    flags: ["write", "denyoom", "blocking"],
    keys: FIRST_TWO_KEYS,
    waitMs: blmoveTimeoutMs,
    run: blmove,
  },
  {
    name: "blmpop",
    arity: -5,
    flags: ["write", "blocking", "movablekeys"],
    keys: NO_KEYS,
    keysOf: countedKeys(2),
    waitMs: blmpopTimeoutMs,
    run: (context, args) => lmpop(context, args, 2, true),
  },
];

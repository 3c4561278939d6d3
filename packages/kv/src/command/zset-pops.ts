// Taking members off sorted sets, lowest or highest first. The blocking commands' `run` is the try; who waits is not known here.
import { SortedSet } from "../state/sorted-set.ts";
import { change, countedKeys, keysAfter, popCount, positiveCount, timeoutMs } from "./collections.ts";
import { syntaxError } from "./errors.ts";
import { double, NULL_ARRAY, pairs, type Reply } from "./reply.ts";
import { type Arguments, type CommandContext, type CommandSpec, FIRST_KEY, NO_KEYS } from "./spec.ts";
import { sortedSetAt } from "./zsets.ts";

type Side = "min" | "max";
type Popped = readonly [member: string, score: Reply];

function take(context: CommandContext, key: string, side: Side, count: number): Popped[] {
  const set = sortedSetAt(context, key);
  const popping = Math.min(count, set?.size ?? 0);
  if (set === undefined || popping === 0) return [];
  const popped: Popped[] = [];
  const from = side === "min" ? 0 : set.size - popping;
  set.each(from, from + popping, side === "max", (member, score) => popped.push([member, double(score)]));
  change(context, key, SortedSet, (set) => popped.filter(([member]) => set.delete(member)).length);
  return popped;
}

function pop(side: Side) {
  return (context: CommandContext, args: Arguments): Reply => {
    if (args.length > 3) throw syntaxError();
    if (args.length === 2) return take(context, args[1], side, 1).flat();
    return pairs(take(context, args[1], side, positiveCount(args[2])));
  };
}

function sideOf(text: string): Side {
  const side = text.toUpperCase();
  if (side !== "MIN" && side !== "MAX") throw syntaxError();
  return side === "MIN" ? "min" : "max";
}

/** The number of keys stands at `numberAt`. */
function zmpopOptions(args: Arguments, numberAt: number) {
  const { keys, next } = keysAfter(args, numberAt);
  if (next >= args.length) throw syntaxError();
  return { keys, side: sideOf(args[next]), count: popCount(args, next + 1) };
}

/** What is wrong with the rest is told first. */
function bzmpopTimeoutMs(args: Arguments): number {
  zmpopOptions(args, 2);
  return timeoutMs(args[1]);
}

/** If it blocks, the timeout stands before the number of keys. */
function zmpop(context: CommandContext, args: Arguments, numberAt: number, blocks: boolean): Reply {
  const { keys, side, count } = zmpopOptions(args, numberAt);
  if (blocks) timeoutMs(args[1]);
  for (const key of keys) {
    if (sortedSetAt(context, key) !== undefined) return [key, take(context, key, side, count)];
  }
  return NULL_ARRAY;
}

function blockingPop(side: Side) {
  return (context: CommandContext, args: Arguments): Reply => {
    timeoutMs(args[args.length - 1]);
    for (const key of args.slice(1, -1)) {
      if (sortedSetAt(context, key) !== undefined) return [key, ...take(context, key, side, 1).flat()];
    }
    return NULL_ARRAY;
  };
}

function blocking(name: string, side: Side): CommandSpec {
  return {
    name,
    arity: -3,
    flags: ["write", "blocking", "fast"],
    keys: { first: 1, last: -2, step: 1 },
    waitMs: (args) => timeoutMs(args[args.length - 1]),
    run: blockingPop(side),
  };
}

export const ZSET_POP_COMMANDS: readonly CommandSpec[] = [
  { name: "zpopmin", arity: -2, flags: ["write", "fast"], keys: FIRST_KEY, run: pop("min") },
  { name: "zpopmax", arity: -2, flags: ["write", "fast"], keys: FIRST_KEY, run: pop("max") },
  {
    name: "zmpop",
    arity: -4,
    flags: ["write", "movablekeys"],
    keys: NO_KEYS,
    keysOf: countedKeys(1),
    run: (context, args) => zmpop(context, args, 1, false),
  },
  blocking("bzpopmin", "min"),
  blocking("bzpopmax", "max"),
  {
    name: "bzmpop",
    arity: -5,
    flags: ["write", "blocking", "movablekeys"],
    keys: NO_KEYS,
    keysOf: countedKeys(2),
    waitMs: bzmpopTimeoutMs,
    run: (context, args) => zmpop(context, args, 2, true),
  },
];

// Commands of the set family on one set, or on two of which one gives to the other.
import { StringSet } from "../state/string-set.ts";
import { change, pick, positiveCount, randomCount, scan } from "./collections.ts";
import { syntaxError } from "./errors.ts";
import { collectionAt } from "./lookup.ts";
import { type Reply, set } from "./reply.ts";
import { type Arguments, type CommandContext, type CommandSpec, FIRST_KEY, FIRST_TWO_KEYS } from "./spec.ts";

export function setAt(context: CommandContext, key: string): StringSet | undefined {
  return collectionAt(context, key, StringSet);
}

const some = (count: number): boolean => count > 0;

function sadd(context: CommandContext, [, key, ...members]: Arguments): Reply {
  return change(context, key, StringSet, (set) => members.filter((member) => set.add(member)).length, some);
}

function srem(context: CommandContext, [, key, ...members]: Arguments): Reply {
  if (setAt(context, key) === undefined) return 0;
  return change(context, key, StringSet, (set) => members.filter((member) => set.delete(member)).length, some);
}

function smove(context: CommandContext, [, from, to, member]: Arguments): Reply {
  const source = setAt(context, from);
  if (source === undefined) return 0;
  const target = setAt(context, to);
  if (!source.has(member)) return 0;
  if (source === target) return 1;
  change(context, from, StringSet, (set) => set.delete(member));
  change(context, to, StringSet, (set) => set.add(member), Boolean);
  return 1;
}

function spop(context: CommandContext, args: Arguments): Reply {
  const [, key, countText] = args;
  if (args.length > 3) throw syntaxError();
  const count = countText === undefined ? 1 : positiveCount(countText);
  const members = setAt(context, key);
  const popped = members === undefined ? [] : pick(context, members.size, count).map((at) => members.members[at]);
  if (popped.length > 0 && popped.length === members?.size) context.keyspace.remove(key);
  else if (popped.length > 0)
    change(context, key, StringSet, (set) => popped.filter((member) => set.delete(member)).length);
  return countText === undefined ? (popped[0] ?? null) : set(popped);
}

function srandmember(context: CommandContext, args: Arguments): Reply {
  const [, key, countText] = args;
  if (args.length > 3) throw syntaxError();
  const count = countText === undefined ? 1 : randomCount(countText, false);
  const members = setAt(context, key);
  const picked = members === undefined ? [] : pick(context, members.size, count).map((at) => members.members[at]);
  return countText === undefined ? (picked[0] ?? null) : picked;
}

const READ = ["readonly", "fast"] as const;

export const SET_COMMANDS: readonly CommandSpec[] = [
  { name: "sadd", arity: -3, flags: ["write", "denyoom", "fast"], keys: FIRST_KEY, run: sadd },
  { name: "srem", arity: -3, flags: ["write", "fast"], keys: FIRST_KEY, run: srem },
  { name: "smove", arity: 4, flags: ["write", "fast"], keys: FIRST_TWO_KEYS, run: smove },
  {
    name: "sismember",
    arity: 3,
    flags: READ,
    keys: FIRST_KEY,
    run: (context, [, key, member]) => Number(setAt(context, key)?.has(member) ?? false),
  },
  {
    name: "smismember",
    arity: -3,
    flags: READ,
    keys: FIRST_KEY,
    run: (context, [, key, ...members]) => {
      const set = setAt(context, key);
      return members.map((member) => Number(set?.has(member) ?? false));
    },
  },
  { name: "scard", arity: 2, flags: READ, keys: FIRST_KEY, run: (context, [, key]) => setAt(context, key)?.size ?? 0 },
  { name: "spop", arity: -2, flags: ["write", "fast"], keys: FIRST_KEY, run: spop },
  { name: "srandmember", arity: -2, flags: ["readonly"], keys: FIRST_KEY, run: srandmember },
  {
    name: "smembers",
    arity: 2,
    flags: ["readonly"],
    keys: FIRST_KEY,
    run: (context, [, key]) => set(setAt(context, key)?.members.slice() ?? []),
  },
  {
    name: "sscan",
    arity: -3,
    flags: ["readonly"],
    keys: FIRST_KEY,
    run: (context, args) =>
      scan(
        context,
        args,
        StringSet,
        (set) => set.members,
        (set, at) => [set.members[at]],
      ),
  },
];

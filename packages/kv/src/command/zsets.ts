// Commands of the sorted set family on members and their scores. Ranges are in `zset-ranges.ts`, what takes members off by their
// rank in `zset-pops.ts`, what is made of several sets in `zset-algebra.ts`.
import { SortedSet } from "../state/sorted-set.ts";
import { change, pick, randomCount, scan } from "./collections.ts";
import { CommandError, syntaxError } from "./errors.ts";
import { collectionAt } from "./lookup.ts";
import { float, formatDouble } from "./numbers.ts";
import { double, pairs, type Reply } from "./reply.ts";
import { type Arguments, type CommandContext, type CommandSpec, FIRST_KEY } from "./spec.ts";

export function sortedSetAt(context: CommandContext, key: string): SortedSet | undefined {
  return collectionAt(context, key, SortedSet);
}

interface AddOptions {
  readonly ifAbsent: boolean;
  readonly ifPresent: boolean;
  readonly ifGreater: boolean;
  readonly ifLess: boolean;
  readonly countChanges: boolean;
  readonly increment: boolean;
}

const ADD_OPTIONS = new Set(["NX", "XX", "GT", "LT", "CH", "INCR"]);

function zadd(context: CommandContext, args: Arguments): Reply {
  const given = new Set<string>();
  let at = 2;
  for (; at < args.length && ADD_OPTIONS.has(args[at].toUpperCase()); at += 1) given.add(args[at].toUpperCase());
  const rest = args.slice(at);
  if (rest.length === 0 || rest.length % 2 === 1) throw syntaxError();
  const options: AddOptions = {
    ifAbsent: given.has("NX"),
    ifPresent: given.has("XX"),
    ifGreater: given.has("GT"),
    ifLess: given.has("LT"),
    countChanges: given.has("CH"),
    increment: given.has("INCR"),
  };
  if (options.ifAbsent && options.ifPresent) {
    throw new CommandError("ERR XX and NX options at the same time are not compatible");
  }
  if (Number(options.ifAbsent) + Number(options.ifGreater) + Number(options.ifLess) > 1) {
    throw new CommandError("ERR GT, LT, and/or NX options at the same time are not compatible");
  }
  if (options.increment && rest.length > 2) {
    throw new CommandError("ERR INCR option supports a single increment-element pair");
  }
  return add(context, args[1], rest, options);
}

/** Scores and members in turns. */
function add(context: CommandContext, key: string, rest: Arguments, options: AddOptions): Reply {
  const scores = rest.filter((_, i) => i % 2 === 0).map((text) => float(text));
  const before = sortedSetAt(context, key);
  if (options.increment) return increment(context, key, rest[1], scores[0], options);
  if (before === undefined && options.ifPresent) return 0;
  const { added, changed } = change(
    context,
    key,
    SortedSet,
    (set) => {
      let added = 0;
      let changed = 0;
      for (const [i, score] of scores.entries()) {
        const member = rest[2 * i + 1];
        const current = set.score(member);
        if (current === score || !mayBecome(current, score, options)) continue;
        set.set(member, score);
        if (current === undefined) added += 1;
        else changed += 1;
      }
      return { added, changed };
    },
    ({ added, changed }) => added + changed > 0,
  );
  return options.countChanges ? added + changed : added;
}

function increment(context: CommandContext, key: string, member: string, by: number, options: AddOptions): Reply {
  const current = sortedSetAt(context, key)?.score(member);
  if (current !== undefined && options.ifAbsent) return null;
  const score = (current ?? 0) + by;
  if (Number.isNaN(score)) throw new CommandError("ERR resulting score is not a number (NaN)");
  if (!mayBecome(current, score, options)) return null;
  if (current !== score) change(context, key, SortedSet, (set) => set.set(member, score));
  return double(score);
}

function mayBecome(current: number | undefined, score: number, options: AddOptions): boolean {
  if (current === undefined) return !options.ifPresent;
  if (options.ifAbsent) return false;
  return !(options.ifGreater && score <= current) && !(options.ifLess && score >= current);
}

const PLAINLY: AddOptions = {
  ifAbsent: false,
  ifPresent: false,
  ifGreater: false,
  ifLess: false,
  countChanges: false,
  increment: true,
};

function zrem(context: CommandContext, [, key, ...members]: Arguments): Reply {
  if (sortedSetAt(context, key) === undefined) return 0;
  const remove = (set: SortedSet) => members.filter((member) => set.delete(member)).length;
  return change(context, key, SortedSet, remove, (removed) => removed > 0);
}

function scoreReply(score: number | undefined): Reply {
  return score === undefined ? null : double(score);
}

function zrank(reverse: boolean) {
  return (context: CommandContext, [, key, member]: Arguments): Reply => {
    const set = sortedSetAt(context, key);
    const score = set?.score(member);
    if (set === undefined || score === undefined) return null;
    const rank = set.rank(member, score);
    return reverse ? set.size - 1 - rank : rank;
  };
}

function zrandmember(context: CommandContext, args: Arguments): Reply {
  const [, key] = args;
  if (args.length === 2) {
    const set = sortedSetAt(context, key);
    return set === undefined ? null : set.members[pick(context, set.size, 1)[0]];
  }
  const withScores = args.length === 4 && args[3].toUpperCase() === "WITHSCORES";
  const count = randomCount(args[2], withScores);
  if (args.length > 3 && !withScores) throw syntaxError();
  const set = sortedSetAt(context, key);
  if (set === undefined) return [];
  const picked = pick(context, set.size, count);
  if (!withScores) return picked.map((at) => set.members[at]);
  return pairs(picked.map((at) => [set.members[at], double(set.scores[at])]));
}

const READ = ["readonly", "fast"] as const;
const WRITE = ["write", "denyoom", "fast"] as const;

export const ZSET_COMMANDS: readonly CommandSpec[] = [
  { name: "zadd", arity: -4, flags: WRITE, keys: FIRST_KEY, run: zadd },
  {
    name: "zincrby",
    arity: 4,
    flags: WRITE,
    keys: FIRST_KEY,
    run: (context, [, key, by, member]) => add(context, key, [by, member], PLAINLY),
  },
  { name: "zrem", arity: -3, flags: ["write", "fast"], keys: FIRST_KEY, run: zrem },
  {
    name: "zcard",
    arity: 2,
    flags: READ,
    keys: FIRST_KEY,
    run: (context, [, key]) => sortedSetAt(context, key)?.size ?? 0,
  },
  {
    name: "zscore",
    arity: 3,
    flags: READ,
    keys: FIRST_KEY,
    run: (context, [, key, member]) => scoreReply(sortedSetAt(context, key)?.score(member)),
  },
  {
    name: "zmscore",
    arity: -3,
    flags: READ,
    keys: FIRST_KEY,
    run: (context, [, key, ...members]) => {
      const set = sortedSetAt(context, key);
      return members.map((member) => scoreReply(set?.score(member)));
    },
  },
  { name: "zrank", arity: 3, flags: READ, keys: FIRST_KEY, run: zrank(false) },
  { name: "zrevrank", arity: 3, flags: READ, keys: FIRST_KEY, run: zrank(true) },
  { name: "zrandmember", arity: -2, flags: ["readonly"], keys: FIRST_KEY, run: zrandmember },
  {
    name: "zscan",
    arity: -3,
    flags: ["readonly"],
    keys: FIRST_KEY,
    run: (context, args) =>
      scan(
        context,
        args,
        SortedSet,
        (set) => set.members,
        (set, at) => [set.members[at], formatDouble(set.scores[at])],
      ),
  },
];

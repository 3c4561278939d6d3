// Ranges of sorted sets: shown, stored, counted and removed.
import { SortedSet } from "../state/sorted-set.ts";
import { change, store } from "./collections.ts";
import { CommandError, syntaxError } from "./errors.ts";
import { integer } from "./numbers.ts";
import { double, pairs, type Reply } from "./reply.ts";
import { type Arguments, type CommandContext, type CommandSpec, FIRST_KEY, FIRST_TWO_KEYS } from "./spec.ts";
import { lexRange, type Range, rankRange, scoreRange } from "./zset-bounds.ts";
import { sortedSetAt } from "./zsets.ts";

type Kind = "rank" | "score" | "lex";

const RANGES: Record<Kind, (min: string, max: string) => Range> = { rank: rankRange, score: scoreRange, lex: lexRange };

/** What a command of the family is about, as far as its name tells. Undefined: options do. */
interface Form {
  readonly kind: Kind | undefined;
  readonly reverse: boolean | undefined;
  /** The key stands there, min and max behind it. */
  readonly keyAt: number;
  readonly withScores: boolean;
}

interface Query {
  readonly range: Range;
  readonly reverse: boolean;
  readonly withScores: boolean;
  readonly offset: number;
  /** Negative: all. */
  readonly limit: number;
}

function parse(args: Arguments, form: Form): Query {
  let { kind, reverse } = form;
  let withScores = false;
  let offset = 0;
  let limit = -1;
  for (let at = form.keyAt + 3; at < args.length; at += 1) {
    const option = args[at].toUpperCase();
    if (option === "WITHSCORES" && form.withScores) withScores = true;
    else if (option === "LIMIT" && at + 2 < args.length) {
      offset = integer(args[at + 1]);
      limit = integer(args[at + 2]);
      at += 2;
    } else if (option === "REV" && reverse === undefined) reverse = true;
    else if (option === "BYLEX" && kind === undefined) kind = "lex";
    else if (option === "BYSCORE" && kind === undefined) kind = "score";
    else throw syntaxError();
  }
  kind ??= "rank";
  reverse ??= false;
  if (limit !== -1 && kind === "rank") {
    throw new CommandError("ERR syntax error, LIMIT is only supported in combination with either BYSCORE or BYLEX");
  }
  if (withScores && kind === "lex") {
    throw new CommandError("ERR syntax error, WITHSCORES not supported in combination with BYLEX");
  }
  const [first, second] = [args[form.keyAt + 1], args[form.keyAt + 2]];
  const swapped = reverse && kind !== "rank";
  const range = swapped ? RANGES[kind](second, first) : RANGES[kind](first, second);
  return { range, reverse, withScores, offset: kind === "rank" ? 0 : offset, limit };
}

function visit(set: SortedSet, query: Query, visitor: (member: string, score: number) => void): void {
  const { range, reverse, offset, limit } = query;
  const { from, to } = range(set, reverse);
  if (offset < 0) return;
  const length = Math.min(limit < 0 ? Number.POSITIVE_INFINITY : limit, to - from - offset);
  if (length <= 0) return;
  if (reverse) set.each(to - offset - length, to - offset, true, visitor);
  else set.each(from + offset, from + offset + length, false, visitor);
}

function show(form: Form) {
  return (context: CommandContext, args: Arguments): Reply => {
    const query = parse(args, form);
    const set = sortedSetAt(context, args[1]);
    if (set === undefined) return [];
    if (query.withScores) {
      const found: [Reply, Reply][] = [];
      visit(set, query, (member, score) => found.push([member, double(score)]));
      return pairs(found);
    }
    const found: string[] = [];
    visit(set, query, (member) => found.push(member));
    return found;
  };
}

function zrangestore(context: CommandContext, args: Arguments): Reply {
  const query = parse(args, { kind: undefined, reverse: undefined, keyAt: 2, withScores: false });
  const set = sortedSetAt(context, args[2]);
  const result = new SortedSet();
  if (set !== undefined) visit(set, query, (member, score) => result.set(member, score));
  return store(context, args[1], result);
}

function count(kind: Kind) {
  return (context: CommandContext, [, key, min, max]: Arguments): Reply => {
    const range = RANGES[kind](min, max);
    const set = sortedSetAt(context, key);
    if (set === undefined) return 0;
    const { from, to } = range(set, false);
    return to - from;
  };
}

function removeRange(kind: Kind) {
  return (context: CommandContext, [, key, min, max]: Arguments): Reply => {
    const range = RANGES[kind](min, max);
    const set = sortedSetAt(context, key);
    if (set === undefined) return 0;
    const { from, to } = range(set, false);
    if (from === to) return 0;
    const members: string[] = [];
    set.each(from, to, false, (member) => members.push(member));
    return change(context, key, SortedSet, (set) => members.filter((member) => set.delete(member)).length);
  };
}

function shown(name: string, kind: Kind | undefined, reverse: boolean | undefined): CommandSpec {
  const form = { kind, reverse, keyAt: 1, withScores: true };
  return { name, arity: -4, flags: ["readonly"], keys: FIRST_KEY, run: show(form) };
}

export const ZSET_RANGE_COMMANDS: readonly CommandSpec[] = [
  shown("zrange", undefined, undefined),
  shown("zrevrange", "rank", true),
  shown("zrangebyscore", "score", false),
  shown("zrevrangebyscore", "score", true),
  shown("zrangebylex", "lex", false),
  shown("zrevrangebylex", "lex", true),
  { name: "zrangestore", arity: -5, flags: ["write", "denyoom"], keys: FIRST_TWO_KEYS, run: zrangestore },
  { name: "zcount", arity: 4, flags: ["readonly", "fast"], keys: FIRST_KEY, run: count("score") },
  { name: "zlexcount", arity: 4, flags: ["readonly", "fast"], keys: FIRST_KEY, run: count("lex") },
  { name: "zremrangebyrank", arity: 4, flags: ["write"], keys: FIRST_KEY, run: removeRange("rank") },
  { name: "zremrangebyscore", arity: 4, flags: ["write"], keys: FIRST_KEY, run: removeRange("score") },
  { name: "zremrangebylex", arity: 4, flags: ["write"], keys: FIRST_KEY, run: removeRange("lex") },
];

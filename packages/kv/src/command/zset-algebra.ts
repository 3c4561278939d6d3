// Unions, intersections and differences of sorted sets, of sets, too, whose members then have the score 1.
import { SortedSet } from "../state/sorted-set.ts";
import { StringSet } from "../state/string-set.ts";
import { countedKeys, positiveCount, store } from "./collections.ts";
import { CommandError, syntaxError, wrongType } from "./errors.ts";
import { float, integer } from "./numbers.ts";
import { double, pairs, type Reply } from "./reply.ts";
import { checkIntersection, checkUnion, exclusion } from "./set-steps.ts";
import { type Arguments, type CommandContext, type CommandSpec, FIRST_KEY, NO_KEYS } from "./spec.ts";
import type { Steps } from "./steps.ts";

/** A key that is given; one that is not there is empty. */
interface Source {
  readonly set: SortedSet | StringSet | undefined;
  readonly weight: number;
}

type Operation = "union" | "inter" | "diff";
type Aggregate = (a: number, b: number) => number;

const AGGREGATES: Record<string, Aggregate> = {
  // Of opposite infinities.
  SUM: (a, b) => orZero(a + b),
  MIN: Math.min,
  MAX: Math.max,
};

interface Request {
  readonly steps: Steps;
  readonly sources: readonly Source[];
  readonly aggregate: Aggregate;
  readonly withScores: boolean;
  /** 0: none. */
  readonly limit: number;
}

/** What a command of the family takes beside its keys. */
interface Form {
  readonly name: string;
  readonly operation: Operation;
  /** The number of keys stands there. */
  readonly numberAt: number;
  readonly takes: ReadonlySet<"WEIGHTS" | "AGGREGATE" | "WITHSCORES" | "LIMIT">;
}

function parse(context: CommandContext, args: Arguments, { name, numberAt, takes }: Form): Request {
  const count = integer(args[numberAt]);
  if (count < 1) throw new CommandError(`ERR at least 1 input key is needed for '${name}' command`);
  if (count > args.length - numberAt - 1) throw syntaxError();
  const first = numberAt + 1;
  const sets = args.slice(first, first + count).map((key) => anySetAt(context, key));
  let weights: readonly number[] = sets.map(() => 1);
  let aggregate = AGGREGATES.SUM;
  let withScores = false;
  let limit = 0;
  for (let at = first + count; at < args.length; at += 1) {
    const option = args[at].toUpperCase();
    const left = args.length - at - 1;
    if (option === "WEIGHTS" && takes.has(option) && left >= count) {
      weights = args.slice(at + 1, at + 1 + count).map((text) => float(text, "ERR weight value is not a float"));
      at += count;
    } else if (option === "AGGREGATE" && takes.has(option) && left >= 1) {
      const name = args[at + 1].toUpperCase();
      if (!Object.hasOwn(AGGREGATES, name)) throw syntaxError();
      aggregate = AGGREGATES[name];
      at += 1;
    } else if (option === "LIMIT" && takes.has(option) && left >= 1) {
      limit = positiveCount(args[at + 1], "ERR LIMIT can't be negative");
      at += 1;
    } else if (option === "WITHSCORES" && takes.has(option)) withScores = true;
    else throw syntaxError();
  }
  return {
    steps: context.steps,
    sources: sets.map((set, i) => ({ set, weight: weights[i] })),
    aggregate,
    withScores,
    limit,
  };
}

function anySetAt({ keyspace }: CommandContext, key: string): SortedSet | StringSet | undefined {
  const value = keyspace.get(key)?.value;
  if (value === undefined || value instanceof SortedSet || value instanceof StringSet) return value;
  throw wrongType();
}

function orZero(score: number): number {
  // -0 is 0, too.
  return Number.isNaN(score) ? 0 : score + 0;
}

function scoreIn(set: SortedSet | StringSet | undefined, member: string): number | undefined {
  if (set instanceof SortedSet) return set.score(member);
  return set?.has(member) ? 1 : undefined;
}

function weighed({ set, weight }: Source, member: string): number | undefined {
  const score = scoreIn(set, member);
  return score === undefined ? undefined : orZero(score * weight);
}

/** Smallest first, as Redis adds them up: the order matters for sums of doubles. */
function bySize(sources: readonly Source[]): Source[] {
  return sources.toSorted((a, b) => (a.set?.size ?? 0) - (b.set?.size ?? 0));
}

function union({ steps, sources, aggregate }: Request): SortedSet {
  checkUnion(
    steps,
    sources.map(({ set }) => set),
  );
  const scores = new Map<string, number>();
  for (const source of bySize(sources)) {
    for (const member of source.set?.members ?? []) {
      const score = weighed(source, member) ?? 0;
      const before = scores.get(member);
      scores.set(member, before === undefined ? score : aggregate(before, score));
    }
  }
  return sorted(scores);
}

function* intersection({ steps, sources, aggregate }: Request): Generator<[string, number]> {
  checkIntersection(
    steps,
    sources.map(({ set }) => set),
  );
  const [smallest, ...others] = bySize(sources);
  for (const member of smallest.set?.members ?? []) {
    let score = weighed(smallest, member) ?? 0;
    const inAll = others.every((other) => {
      const more = weighed(other, member);
      if (more !== undefined) score = aggregate(score, more);
      return more !== undefined;
    });
    if (inAll) yield [member, score];
  }
}

function* difference({ steps, sources }: Request): Generator<[string, number]> {
  const [first, ...others] = sources;
  const isExcluded = exclusion(
    steps,
    first.set,
    others.map(({ set }) => set),
  );
  for (const member of first.set?.members ?? []) {
    if (isExcluded(member)) continue;
    yield [member, scoreIn(first.set, member) ?? 0];
  }
}

function sorted(entries: Iterable<readonly [string, number]>): SortedSet {
  const set = new SortedSet();
  for (const [member, score] of entries) set.set(member, score);
  return set;
}

function compute(operation: Operation, request: Request): SortedSet {
  if (operation === "union") return union(request);
  return sorted(operation === "inter" ? intersection(request) : difference(request));
}

function show(form: Form) {
  return (context: CommandContext, args: Arguments): Reply => {
    const request = parse(context, args, form);
    const result = compute(form.operation, request);
    const found: [Reply, Reply][] = [];
    result.each(0, result.size, false, (member, score) => found.push([member, double(score)]));
    return request.withScores ? pairs(found) : found.map(([member]) => member);
  };
}

function intercard(form: Form) {
  return (context: CommandContext, args: Arguments): Reply => {
    const request = parse(context, args, form);
    let count = 0;
    for (const _ of intersection(request)) {
      count += 1;
      if (count === request.limit) break;
    }
    return count;
  };
}

function family(operation: Operation): CommandSpec[] {
  const options = operation === "diff" ? [] : (["WEIGHTS", "AGGREGATE"] as const);
  const shown: Form = {
    name: `z${operation}`,
    operation,
    numberAt: 1,
    takes: new Set([...options, "WITHSCORES"] as const),
  };
  const stored: Form = { name: `z${operation}store`, operation, numberAt: 2, takes: new Set(options) };
  return [
    {
      name: shown.name,
      arity: -3,
      flags: ["readonly", "movablekeys"],
      keys: NO_KEYS,
      keysOf: countedKeys(1),
      run: show(shown),
    },
    {
      name: stored.name,
      arity: -4,
      flags: ["write", "denyoom", "movablekeys"],
      keys: FIRST_KEY,
      keysOf: countedKeys(2, [1]),
      run: (context, args) => store(context, args[1], compute(operation, parse(context, args, stored))),
    },
  ];
}

export const ZSET_ALGEBRA_COMMANDS: readonly CommandSpec[] = [
  ...family("union"),
  ...family("inter"),
  ...family("diff"),
  {
    name: "zintercard",
    arity: -3,
    flags: ["readonly", "movablekeys"],
    keys: NO_KEYS,
    keysOf: countedKeys(1),
    run: intercard({ name: "zintercard", operation: "inter", numberAt: 1, takes: new Set(["LIMIT"] as const) }),
  },
];

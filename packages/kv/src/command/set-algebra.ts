// What several sets have in common, have together, or one has alone.
import { StringSet } from "../state/string-set.ts";
import { countedKeys, keysAfter, positiveCount, store } from "./collections.ts";
import { CommandError, syntaxError } from "./errors.ts";
import { type Reply, set } from "./reply.ts";
import { checkIntersection, checkUnion, exclusion } from "./set-steps.ts";
import { setAt } from "./sets.ts";
import { ALL_KEYS, type Arguments, type CommandContext, type CommandSpec, NO_KEYS } from "./spec.ts";
import type { Steps } from "./steps.ts";

/** Members of a result, each once. A key that is not there is an empty set. */
type Operation = (steps: Steps, sets: readonly (StringSet | undefined)[]) => Iterable<string>;

function* intersection(steps: Steps, sets: readonly (StringSet | undefined)[]): Generator<string> {
  checkIntersection(steps, sets);
  const [smallest, ...others] = sets.toSorted((a, b) => (a?.size ?? 0) - (b?.size ?? 0));
  for (const member of smallest?.members ?? []) {
    if (others.every((other) => other?.has(member))) yield member;
  }
}

const union: Operation = (steps, sets) => {
  checkUnion(steps, sets);
  const members = new Set<string>();
  for (const set of sets) for (const member of set?.members ?? []) members.add(member);
  return members;
};

function* difference(steps: Steps, [first, ...others]: readonly (StringSet | undefined)[]): Generator<string> {
  const isExcluded = exclusion(steps, first, others);
  for (const member of first?.members ?? []) if (!isExcluded(member)) yield member;
}

/** All of them first: whatever is of another type refuses the command. */
function setsAt(context: CommandContext, keys: readonly string[]): (StringSet | undefined)[] {
  return keys.map((key) => setAt(context, key));
}

function sintercard(context: CommandContext, args: Arguments): Reply {
  const { keys, next } = keysAfter(args, 1);
  if (next > args.length) throw new CommandError("ERR Number of keys can't be greater than number of args");
  let limit = 0;
  for (let at = next; at < args.length; at += 2) {
    if (args[at].toUpperCase() !== "LIMIT" || at + 1 === args.length) throw syntaxError();
    limit = positiveCount(args[at + 1], "ERR LIMIT can't be negative");
  }
  let count = 0;
  for (const _ of intersection(context.steps, setsAt(context, keys))) {
    count += 1;
    if (count === limit) break;
  }
  return count;
}

function family(name: string, operation: Operation): CommandSpec[] {
  return [
    {
      name,
      arity: -2,
      flags: ["readonly"],
      keys: ALL_KEYS,
      run: (context, [, ...keys]) => set([...operation(context.steps, setsAt(context, keys))]),
    },
    {
      name: `${name}store`,
      arity: -3,
      flags: ["write", "denyoom"],
      keys: ALL_KEYS,
      run: (context, [, target, ...keys]) => {
        const result = new StringSet();
        for (const member of operation(context.steps, setsAt(context, keys))) result.add(member);
        return store(context, target, result);
      },
    },
  ];
}

export const SET_ALGEBRA_COMMANDS: readonly CommandSpec[] = [
  ...family("sinter", intersection),
  ...family("sunion", union),
  ...family("sdiff", difference),
  {
    name: "sintercard",
    arity: -3,
    flags: ["readonly", "movablekeys"],
    keys: NO_KEYS,
    keysOf: countedKeys(1),
    run: sintercard,
  },
];

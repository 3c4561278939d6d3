// SORT and SORT_RO: the elements of a list, set or sorted set in order, by themselves or by what other keys hold.
import { Hash } from "../state/hash.ts";
import { List } from "../state/list.ts";
import { SortedSet } from "../state/sorted-set.ts";
import { StringSet } from "../state/string-set.ts";
import { store } from "./collections.ts";
import { CommandError, syntaxError, wrongType } from "./errors.ts";
import { integer, parseDouble } from "./numbers.ts";
import type { Reply } from "./reply.ts";
import { type Arguments, type CommandContext, type CommandSpec, FIRST_KEY } from "./spec.ts";
import type { Steps } from "./steps.ts";

interface Request {
  readonly alpha: boolean;
  readonly descending: boolean;
  readonly offset: number;
  /** Negative: all. */
  readonly limit: number;
  readonly by: string | undefined;
  /** A pattern for BY was given that names nothing. */
  readonly unsorted: boolean;
  readonly get: readonly string[];
  readonly target: string | undefined;
}

function parse(args: Arguments, mayStore: boolean): Request {
  let alpha = false;
  let descending = false;
  let offset = 0;
  let limit = -1;
  let by: string | undefined;
  let unsorted = false;
  let target: string | undefined;
  const get: string[] = [];
  for (let at = 2; at < args.length; at += 1) {
    const option = args[at].toUpperCase();
    const left = args.length - at - 1;
    if (option === "ASC") descending = false;
    else if (option === "DESC") descending = true;
    else if (option === "ALPHA") alpha = true;
    else if (option === "LIMIT" && left >= 2) {
      offset = integer(args[at + 1]);
      limit = integer(args[at + 2]);
      at += 2;
    } else if (option === "STORE" && mayStore && left >= 1) {
      at += 1;
      target = args[at];
    } else if (option === "BY" && left >= 1) {
      at += 1;
      by = args[at];
      unsorted ||= !by.includes("*");
    } else if (option === "GET" && left >= 1) {
      at += 1;
      get.push(args[at]);
    } else throw syntaxError();
  }
  return { alpha, descending, offset, limit, by, unsorted, get, target };
}

type Source = List | StringSet | SortedSet | undefined;

function sourceAt({ keyspace }: CommandContext, key: string): Source {
  const value = keyspace.get(key)?.value;
  if (value === undefined || value instanceof List || value instanceof StringSet || value instanceof SortedSet) {
    return value;
  }
  throw wrongType();
}

/** Sorted sets by rank: what is asked for unsorted comes in that order. */
function elementsOf(source: Source): string[] {
  if (source instanceof List) return source.slice();
  if (source instanceof StringSet) return source.members.slice();
  const members: string[] = [];
  source?.each(0, source.size, false, (member) => members.push(member));
  return members;
}

/** What a pattern names for an element: `#` itself, `key*` a string, `key*->field` a field. Undefined: nothing there. */
function lookUp({ keyspace }: CommandContext, pattern: string, element: string): string | undefined {
  if (pattern === "#") return element;
  const star = pattern.indexOf("*");
  if (star < 0) return undefined;
  const arrow = pattern.indexOf("->", star + 1);
  const hasField = arrow >= 0 && arrow + 2 < pattern.length;
  const tail = pattern.slice(star + 1, hasField ? arrow : undefined);
  const value = keyspace.get(pattern.slice(0, star) + element + tail)?.value;
  if (hasField) return value instanceof Hash ? value.get(pattern.slice(arrow + 2)) : undefined;
  return typeof value === "string" ? value : undefined;
}

/** Each makes a key as long as its pattern. Throws `CommandError`. */
function checkLookUps(steps: Steps, elements: number, patterns: readonly string[]): void {
  steps.take(elements * patterns.reduce((sum, pattern) => sum + pattern.length + 1, 0));
}

const NOT_A_NUMBER = "ERR One or more scores can't be converted into double";

/** Read as strtod does: behind blanks, and up to a zero byte. */
function weightOf(text: string | undefined): number {
  const number = text?.split("\0", 1)[0] ?? "";
  if (number === "") return 0;
  const weight = parseDouble(number.replace(/^[ \t\n\v\f\r]+/, ""));
  if (weight === undefined) throw new CommandError(NOT_A_NUMBER);
  return weight;
}

function compareText(a: string | undefined, b: string | undefined): number {
  if (a === b) return 0;
  if (a === undefined) return -1;
  if (b === undefined) return 1;
  return a < b ? -1 : 1;
}

/** Those that are the same by the pattern come by their own bytes: the order must not depend on where they stood. */
function sorted(context: CommandContext, elements: readonly string[], request: Request): string[] {
  const { alpha, descending, by } = request;
  checkLookUps(context.steps, elements.length, by === undefined ? [] : [by]);
  const keyed = elements.map((element) => {
    const text = by === undefined ? element : lookUp(context, by, element);
    return { element, text: alpha ? text : undefined, weight: alpha ? 0 : weightOf(text) };
  });
  const sign = descending ? -1 : 1;
  keyed.sort((a, b) => {
    const order = alpha ? compareText(a.text, b.text) : Math.sign(a.weight - b.weight) || 0;
    return sign * (order || (alpha && by === undefined ? 0 : compareText(a.element, b.element)));
  });
  return keyed.map(({ element }) => element);
}

function sort(mayStore: boolean) {
  return (context: CommandContext, args: Arguments): Reply => {
    const request = parse(args, mayStore);
    const { unsorted, get, target, descending } = request;
    const source = sourceAt(context, args[1]);
    let elements = elementsOf(source);
    // What is stored must be the same wherever it is made, so a set is sorted all the same.
    if (unsorted && target !== undefined && source instanceof StringSet) {
      elements = sorted(context, elements, { ...request, alpha: true, by: undefined });
    } else if (!unsorted) elements = sorted(context, elements, request);
    else if (source instanceof SortedSet && descending) elements.reverse();
    const from = Math.max(0, request.offset);
    const to = request.limit < 0 ? elements.length : Math.min(elements.length, from + request.limit);
    const shown = elements.slice(from, to);
    checkLookUps(context.steps, shown.length, get);
    const result: (string | null)[] =
      get.length === 0
        ? shown
        : shown.flatMap((element) => get.map((pattern) => lookUp(context, pattern, element) ?? null));
    return target === undefined ? result : store(context, target, new List(result.map((item) => item ?? "")));
  };
}

/** The source, and what STORE names last. Keys that patterns name are known only when it runs. */
function keysOf(args: Arguments): readonly number[] {
  const stored = args.findLastIndex((arg, at) => at > 1 && at < args.length - 1 && arg.toUpperCase() === "STORE");
  return stored < 0 ? [1] : [1, stored + 1];
}

export const SORT_COMMANDS: readonly CommandSpec[] = [
  {
    name: "sort",
    arity: -2,
    flags: ["write", "denyoom", "movablekeys"],
    keys: FIRST_KEY,
    keysOf,
    run: sort(true),
  },
  { name: "sort_ro", arity: -2, flags: ["readonly", "movablekeys"], keys: FIRST_KEY, run: sort(false) },
];

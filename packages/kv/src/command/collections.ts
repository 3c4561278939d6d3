// What the commands on hashes, lists, sets and sorted sets have in common: changing the collection at a key, picking from it by
// chance, and walking it with a cursor.
import { scanStep } from "../state/dense-set.ts";
import type { Collection } from "../state/value.ts";
import { CommandError, syntaxError } from "./errors.ts";
import { MAX_RANDOM_PICKS } from "./limits.ts";
import { isLongDouble } from "./long-double.ts";
import { collectionAt } from "./lookup.ts";
import { integer, integerWithin, parseDouble, parseInt64 } from "./numbers.ts";
import type { Reply } from "./reply.ts";
import { scanCursor, scanOptions } from "./scan.ts";
import type { Arguments, CommandContext } from "./spec.ts";

/** Throws WRONGTYPE. `changed` tells from the result whether anything is another now; without it, all is. */
export function change<C extends Collection, R>(
  context: CommandContext,
  key: string,
  type: new () => C,
  how: (collection: C) => R,
  changed?: (result: R) => boolean,
): R {
  collectionAt(context, key, type);
  return context.keyspace.change(key, () => new type(), how, changed);
}

/** Keeps a result in place of whatever the key held; an empty one removes it. How many elements it has. */
export function store({ keyspace }: CommandContext, key: string, result: Collection): number {
  if (result.size > 0) keyspace.set(key, result);
  else keyspace.remove(key);
  return result.size;
}

const MUST_BE_POSITIVE = "ERR value is out of range, must be positive";

/** A count from 0 on. Throws. */
export function positiveCount(text: string, refusal = MUST_BE_POSITIVE): number {
  return integerWithin(text, 0, Number.POSITIVE_INFINITY, refusal);
}

/**
 * How many to pick at random: negative if one may come again. Replies must end: where Redis would go on for any number, many
 * are refused.
 */
export function randomCount(text: string, paired: boolean): number {
  const value = integer(text);
  if (parseInt64(text) === -(2n ** 63n)) {
    throw new CommandError(
      "ERR value is out of range, value must between -9223372036854775807 and 9223372036854775807",
    );
  }
  if (value < -MAX_RANDOM_PICKS || (paired && value > 2 ** 62)) throw new CommandError("ERR value is out of range");
  return value;
}

/** Positions of those picked: as many different ones, or for a negative count as many as that, each by itself. */
export function pick({ fraction }: CommandContext, size: number, count: number): number[] {
  if (size === 0) return [];
  if (count < 0) return Array.from({ length: -count }, () => Math.floor(fraction() * size));
  if (count >= size) return Array.from({ length: size }, (_, at) => at);
  // Floyd's way: each set of so many is as likely as every other.
  const picked = new Set<number>();
  for (let last = size - count; last < size; last += 1) {
    const at = Math.floor(fraction() * (last + 1));
    picked.add(picked.has(at) ? last : at);
  }
  return [...picked];
}

/** HSCAN, SSCAN and ZSCAN: `show` gives what a reply tells of the one at a position. */
export function scan<C extends Collection>(
  context: CommandContext,
  args: Arguments,
  type: new () => C,
  names: (collection: C) => readonly string[],
  show: (collection: C, at: number) => readonly string[],
): Reply {
  scanCursor(args[2]);
  const collection = collectionAt(context, args[1], type);
  // Of what is not there no options are read.
  if (collection === undefined) return ["0", []];
  const { cursor, count, matches } = scanOptions(args, 2, context.steps);
  const step = scanStep(collection.size, cursor, count);
  const found: string[] = [];
  for (let at = step.to - 1; at >= step.from; at -= 1) {
    if (matches(names(collection)[at])) found.push(...show(collection, at));
  }
  return [String(step.cursor), found];
}

/** Where keys stand that follow their number. `fixed` are those that stand before it. */
export function countedKeys(numberAt: number, fixed: readonly number[] = []): (args: Arguments) => readonly number[] {
  return (args) => {
    const keys = Math.min(integerOr(args[numberAt], 0), args.length - numberAt - 1);
    return [...fixed, ...Array.from({ length: Math.max(0, keys) }, (_, i) => numberAt + 1 + i)];
  };
}

function integerOr(text: string, otherwise: number): number {
  const value = parseInt64(text);
  return value === undefined ? otherwise : Number(value);
}

const NUMBER_OF_KEYS = "ERR numkeys should be greater than 0";

/** The keys that follow their number at `numberAt`, and where the arguments go on. Throws for a number below 1. */
export function keysAfter(
  args: Arguments,
  numberAt: number,
): { readonly keys: readonly string[]; readonly next: number } {
  const count = integerWithin(args[numberAt], 1, Number.POSITIVE_INFINITY, NUMBER_OF_KEYS);
  return { keys: args.slice(numberAt + 1, numberAt + 1 + count), next: numberAt + 1 + count };
}

/** COUNT of LMPOP and ZMPOP, from `from` on: once, and nothing else. Throws. */
export function popCount(args: Arguments, from: number): number {
  if (args.length === from) return 1;
  if (args[from].toUpperCase() !== "COUNT" || args.length === from + 1) throw syntaxError();
  const count = integerWithin(args[from + 1], 1, Number.POSITIVE_INFINITY, "ERR count should be greater than 0");
  if (args.length > from + 2) throw syntaxError();
  return count;
}

const TOO_LONG_MS = 2 ** 63;

/** How long a blocking command waits, in milliseconds; 0 is for ever. Throws. */
export function timeoutMs(text: string): number {
  if (!isLongDouble(text)) throw new CommandError("ERR timeout is not a float or out of range");
  // Redis reads more than doubles can tell: what is nearly nothing is still no 0, which means for ever.
  const seconds = parseDouble(text) ?? (Number(text) === 0 ? Number.MIN_VALUE : TOO_LONG_MS);
  const ms = Math.ceil(seconds * 1000);
  // Redis says so of what is too long as well.
  if (ms < 0 || ms >= TOO_LONG_MS) throw new CommandError("ERR timeout is negative");
  return ms;
}

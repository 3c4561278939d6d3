// Ranges of sorted sets as arguments tell them: by rank, by score, by the bytes of members. Turns each into the ranks [from, to)
// that it means in a set.
import type { SortedSet } from "../state/sorted-set.ts";
import { CommandError } from "./errors.ts";
import { indexRange } from "./lists.ts";
import { integer, parseDouble } from "./numbers.ts";

export interface Ranks {
  readonly from: number;
  readonly to: number;
}

/** Where in a set the range stands. Walked from its end if `reverse`: that matters where members have different scores. */
export type Range = (set: SortedSet, reverse: boolean) => Ranks;

const NOTHING: Ranks = { from: 0, to: 0 };

/** Ranks count from the end if `reverse`. Throws. */
export function rankRange(startText: string, stopText: string): Range {
  const [start, stop] = [integer(startText), integer(stopText)];
  return (set, reverse) => {
    const { from, to } = indexRange(start, stop, set.size);
    return reverse ? { from: set.size - to, to: set.size - from } : { from, to };
  };
}

/** Throws. */
export function scoreRange(minText: string, maxText: string): Range {
  const [min, max] = [scoreBound(minText), scoreBound(maxText)];
  return (set) => {
    const from = set.count((score) => score < min.score || (min.exclusive && score === min.score));
    const to = set.count((score) => score < max.score || (!max.exclusive && score === max.score));
    return from < to ? { from, to } : NOTHING;
  };
}

function scoreBound(text: string): { readonly score: number; readonly exclusive: boolean } {
  const exclusive = text.startsWith("(");
  // As strtod takes it: blanks before it, nothing at all as 0, and what is too large as infinite.
  const number = (exclusive ? text.slice(1) : text).replace(/^[ \t\n\v\f\r]+/, "");
  const score = number === "" && text === (exclusive ? "(" : "") ? 0 : (parseDouble(number) ?? overflowing(number));
  if (score === undefined) throw new CommandError("ERR min or max is not a float");
  return { score, exclusive };
}

function overflowing(text: string): number | undefined {
  return /^[+-]?(\d+\.?\d*|\.\d+)e[+-]?\d+$/i.test(text) ? Number(text) : undefined;
}

interface LexBound {
  /** Whether a member stands before the range, or behind it. */
  readonly below: (member: string) => boolean;
  readonly above: (member: string) => boolean;
}

/** Throws. */
export function lexRange(minText: string, maxText: string): Range {
  const { below } = lexBound(minText);
  const { above } = lexBound(maxText);
  return (set, reverse) => {
    if (set.size === 0) return NOTHING;
    if (scoreAt(set, 0) !== scoreAt(set, set.size - 1)) return lexWalk(set, below, above, reverse);
    const from = set.count((_, member) => below(member));
    const to = set.count((_, member) => !above(member));
    return from < to ? { from, to } : NOTHING;
  };
}

/**
 * Where scores differ members are not in the order of their bytes, and Redis promises nothing. It walks, and so must every
 * replica in the same way: from the first member that is not before the range up to the first behind it.
 */
function lexWalk(set: SortedSet, below: LexBound["below"], above: LexBound["above"], reverse: boolean): Ranks {
  const members: string[] = [];
  set.each(0, set.size, false, (member) => members.push(member));
  if (below(members[members.length - 1]) || above(members[0])) return NOTHING;
  if (!reverse) {
    const from = members.findIndex((member) => !below(member));
    if (from < 0 || above(members[from])) return NOTHING;
    const length = members.slice(from).findIndex(above);
    return { from, to: length < 0 ? members.length : from + length };
  }
  const last = members.findLastIndex((member) => !above(member));
  if (last < 0 || below(members[last])) return NOTHING;
  return { from: members.slice(0, last).findLastIndex(below) + 1, to: last + 1 };
}

function scoreAt(set: SortedSet, rank: number): number {
  let found = Number.NaN;
  set.each(rank, rank + 1, false, (_, score) => {
    found = score;
  });
  return found;
}

function lexBound(text: string): LexBound {
  if (text === "-") return { below: () => false, above: () => true };
  if (text === "+") return { below: () => true, above: () => false };
  const bound = text.slice(1);
  if (text.startsWith("[")) return { below: (member) => member < bound, above: (member) => member > bound };
  if (text.startsWith("(")) return { below: (member) => member <= bound, above: (member) => member >= bound };
  throw new CommandError("ERR min or max not valid string range item");
}

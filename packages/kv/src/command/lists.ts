// Commands of the list family on one list. What takes items off and moves them elsewhere is in `list-pops.ts`.
import { type End, List } from "../state/list.ts";
import { change, positiveCount } from "./collections.ts";
import { CommandError, NO_SUCH_KEY, OUT_OF_RANGE, syntaxError } from "./errors.ts";
import { collectionAt } from "./lookup.ts";
import { integer } from "./numbers.ts";
import { OK, type Reply } from "./reply.ts";
import { type Arguments, type CommandContext, type CommandSpec, FIRST_KEY } from "./spec.ts";

export function listAt(context: CommandContext, key: string): List | undefined {
  return collectionAt(context, key, List);
}

function push(end: End, mustExist: boolean) {
  return (context: CommandContext, [, key, ...items]: Arguments): Reply => {
    if (mustExist && listAt(context, key) === undefined) return 0;
    return change(context, key, List, (list) => {
      for (const item of items) list.push(end, item);
      return list.size;
    });
  };
}

/** What Redis's pair of indices means, negative ones counting from the end: [from, to) within the list. */
export function indexRange(start: number, stop: number, size: number): { readonly from: number; readonly to: number } {
  const from = Math.max(0, start < 0 ? start + size : start);
  const to = Math.min(size, (stop < 0 ? stop + size : stop) + 1);
  return from < to ? { from, to } : { from: 0, to: 0 };
}

function lrange(context: CommandContext, [, key, startText, stopText]: Arguments): Reply {
  const [start, stop] = [integer(startText), integer(stopText)];
  const list = listAt(context, key);
  if (list === undefined) return [];
  const { from, to } = indexRange(start, stop, list.size);
  return list.slice(from, to);
}

function ltrim(context: CommandContext, [, key, startText, stopText]: Arguments): Reply {
  const [start, stop] = [integer(startText), integer(stopText)];
  const list = listAt(context, key);
  if (list === undefined) return OK;
  const { from, to } = indexRange(start, stop, list.size);
  change(context, key, List, (list) => list.trim(from, to));
  return OK;
}

/** The place that an index means; undefined if there is none. */
function placeOf(list: List, index: number): number | undefined {
  const place = index < 0 ? index + list.size : index;
  return place < 0 || place >= list.size ? undefined : place;
}

function lindex(context: CommandContext, [, key, index]: Arguments): Reply {
  const list = listAt(context, key);
  if (list === undefined) return null;
  const place = placeOf(list, integer(index));
  return place === undefined ? null : list.at(place);
}

function lset(context: CommandContext, [, key, index, item]: Arguments): Reply {
  const list = listAt(context, key);
  if (list === undefined) throw new CommandError(NO_SUCH_KEY);
  const place = placeOf(list, integer(index));
  if (place === undefined) throw new CommandError(OUT_OF_RANGE);
  change(context, key, List, (list) => list.set(place, item));
  return OK;
}

function linsert(context: CommandContext, [, key, where, pivot, item]: Arguments): Reply {
  const side = where.toUpperCase();
  if (side !== "BEFORE" && side !== "AFTER") throw syntaxError();
  const list = listAt(context, key);
  if (list === undefined) return 0;
  let at = 0;
  while (at < list.size && list.at(at) !== pivot) at += 1;
  if (at === list.size) return -1;
  return change(context, key, List, (list) => {
    list.insert(side === "BEFORE" ? at : at + 1, item);
    return list.size;
  });
}

function lrem(context: CommandContext, [, key, countText, item]: Arguments): Reply {
  const count = integer(countText);
  if (listAt(context, key) === undefined) return 0;
  const atMost = count === 0 ? Number.POSITIVE_INFINITY : Math.abs(count);
  const remove = (list: List) => list.removeEqual(item, atMost, count < 0 ? "tail" : "head");
  return change(context, key, List, remove, (removed) => removed > 0);
}

interface Search {
  /** Which match is the first that counts, negative ones from the end. */
  readonly rank: number;
  /** Matches wanted; undefined: the first one, by itself. */
  readonly count: number | undefined;
  /** Items looked at. */
  readonly maxLength: number;
}

const ZERO_RANK =
  "ERR RANK can't be zero: use 1 to start from the first match, 2 from the second ... or use negative to start from the end of the list";

function parseSearch(args: Arguments): Search {
  let rank = 1;
  let count: number | undefined;
  let maxLength = 0;
  for (let at = 3; at < args.length; at += 2) {
    const option = args[at].toUpperCase();
    if (at + 1 === args.length) throw syntaxError();
    if (option === "RANK") {
      rank = integer(args[at + 1]);
      if (rank === 0) throw new CommandError(ZERO_RANK);
    } else if (option === "COUNT") count = positiveCount(args[at + 1], "ERR COUNT can't be negative");
    else if (option === "MAXLEN") maxLength = positiveCount(args[at + 1], "ERR MAXLEN can't be negative");
    else throw syntaxError();
  }
  return { rank, count: count === 0 ? Number.POSITIVE_INFINITY : count, maxLength };
}

function lpos(context: CommandContext, args: Arguments): Reply {
  const { rank, count, maxLength } = parseSearch(args);
  const list = listAt(context, args[1]);
  const found: number[] = [];
  const size = list?.size ?? 0;
  const looks = maxLength === 0 ? size : Math.min(size, maxLength);
  let before = Math.abs(rank) - 1;
  for (let look = 0; look < looks && found.length < (count ?? 1); look += 1) {
    const at = rank > 0 ? look : size - 1 - look;
    if (list?.at(at) !== args[2]) continue;
    if (before > 0) before -= 1;
    else found.push(at);
  }
  return count === undefined ? (found[0] ?? null) : found;
}

const PUSH = ["write", "denyoom", "fast"] as const;

export const LIST_COMMANDS: readonly CommandSpec[] = [
  { name: "lpush", arity: -3, flags: PUSH, keys: FIRST_KEY, run: push("head", false) },
  { name: "rpush", arity: -3, flags: PUSH, keys: FIRST_KEY, run: push("tail", false) },
  { name: "lpushx", arity: -3, flags: PUSH, keys: FIRST_KEY, run: push("head", true) },
  { name: "rpushx", arity: -3, flags: PUSH, keys: FIRST_KEY, run: push("tail", true) },
  {
    name: "llen",
    arity: 2,
    flags: ["readonly", "fast"],
    keys: FIRST_KEY,
    run: (context, [, key]) => listAt(context, key)?.size ?? 0,
  },
  { name: "lrange", arity: 4, flags: ["readonly"], keys: FIRST_KEY, run: lrange },
  { name: "ltrim", arity: 4, flags: ["write"], keys: FIRST_KEY, run: ltrim },
  { name: "lindex", arity: 3, flags: ["readonly"], keys: FIRST_KEY, run: lindex },
  { name: "lset", arity: 4, flags: ["write", "denyoom"], keys: FIRST_KEY, run: lset },
  { name: "linsert", arity: 5, flags: ["write", "denyoom"], keys: FIRST_KEY, run: linsert },
  { name: "lrem", arity: 4, flags: ["write"], keys: FIRST_KEY, run: lrem },
  { name: "lpos", arity: -3, flags: ["readonly"], keys: FIRST_KEY, run: lpos },
];

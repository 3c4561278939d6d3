// Commands on the bits of strings, most significant bit of a byte first. BITFIELD is in a file of its own.

import { bitOffset } from "./bit-offset.ts";
import { BITFIELD_COMMANDS } from "./bitfield.ts";
import { CommandError, syntaxError } from "./errors.ts";
import { MAX_READ_BYTES } from "./limits.ts";
import { stringAt } from "./lookup.ts";
import { integer } from "./numbers.ts";
import type { Reply } from "./reply.ts";
import { type Arguments, type CommandContext, type CommandSpec, FIRST_KEY } from "./spec.ts";

const BAD_BIT = "ERR bit is not an integer or out of range";

function setbit(context: CommandContext, [, key, offsetText, bitText]: Arguments): Reply {
  const offset = bitOffset(offsetText);
  const bit = integer(bitText, BAD_BIT);
  if (bit !== 0 && bit !== 1) throw new CommandError(BAD_BIT);
  const before = stringAt(context, key) ?? "";
  const at = offset >> 3;
  const mask = 0x80 >> (offset & 7);
  const byte = at < before.length ? before.charCodeAt(at) : 0;
  const changed = String.fromCharCode(bit === 1 ? byte | mask : byte & ~mask);
  const value = before.slice(0, at).padEnd(at, "\0") + changed + before.slice(at + 1);
  const entry = context.keyspace.get(key);
  context.keyspace.set(key, value, entry?.expiresAtMs, entry?.contentType);
  return (byte & mask) === 0 ? 0 : 1;
}

function getbit(context: CommandContext, [, key, offsetText]: Arguments): Reply {
  const offset = bitOffset(offsetText);
  const value = stringAt(context, key) ?? "";
  const at = offset >> 3;
  return at < value.length ? (value.charCodeAt(at) >> (7 - (offset & 7))) & 1 : 0;
}

/** In bits, both ends included; empty where `first` is beyond `last`. */
interface BitRange {
  readonly first: number;
  readonly last: number;
}

function unitOf(text: string | undefined): "BYTE" | "BIT" {
  const unit = text?.toUpperCase() ?? "BYTE";
  if (unit === "BYTE" || unit === "BIT") return unit;
  throw syntaxError();
}

/** Of indices that may count from the end. */
function bitRange(length: number, start: number, end: number, unit: "BYTE" | "BIT"): BitRange {
  const total = unit === "BIT" ? length * 8 : length;
  const from = Math.max(0, start < 0 ? start + total : start);
  const to = Math.min(total - 1, Math.max(0, end < 0 ? end + total : end));
  return unit === "BIT" ? { first: from, last: to } : { first: from * 8, last: to * 8 + 7 };
}

function bitcount(context: CommandContext, args: Arguments): Reply {
  const value = stringAt(context, args[1]);
  if (value === undefined) return 0;
  if (args.length === 2) return countBits(value, { first: 0, last: value.length * 8 - 1 });
  if (args.length !== 4 && args.length !== 5) throw syntaxError();
  const start = integer(args[2]);
  const end = integer(args[3]);
  if (start < 0 && end < 0 && start > end) return 0;
  return countBits(value, bitRange(value.length, start, end, unitOf(args[4])));
}

const ONES = Uint8Array.from({ length: 256 }, (_, byte) => byte.toString(2).replaceAll("0", "").length);

function countBits(value: string, { first, last }: BitRange): number {
  if (first > last) return 0;
  let count = 0;
  for (let at = first >> 3; at <= last >> 3; at += 1) count += ONES[maskedByte(value, at, { first, last }, 0)];
  return count;
}

/** The byte at an index, with `outside` in the bits that are not in the range. */
function maskedByte(value: string, at: number, { first, last }: BitRange, outside: 0 | 0xff): number {
  let mask = 0xff;
  if (at === first >> 3) mask &= 0xff >> (first & 7);
  if (at === last >> 3) mask &= 0xff << (7 - (last & 7));
  return (value.charCodeAt(at) & mask) | (outside & ~mask);
}

function bitpos(context: CommandContext, args: Arguments): Reply {
  const bit = integer(args[2]);
  if (bit !== 0 && bit !== 1) throw new CommandError("ERR The bit argument must be 1 or 0.");
  const value = stringAt(context, args[1]);
  if (value === undefined) return bit === 1 ? -1 : 0;
  if (args.length > 6) throw syntaxError();
  const start = args.length > 3 ? integer(args[3]) : 0;
  const unit = unitOf(args[5]);
  const end = args.length > 4 ? integer(args[4]) : -1;
  const range = bitRange(value.length, start, end, unit);
  if (range.first > range.last || value === "") return -1;
  const found = findBit(value, range, bit);
  if (found !== undefined) return found;
  // Behind the string there are zeros, unless an end was given.
  return bit === 0 && args.length <= 4 ? value.length * 8 : -1;
}

function findBit(value: string, range: BitRange, bit: 0 | 1): number | undefined {
  for (let at = range.first >> 3; at <= range.last >> 3; at += 1) {
    const byte = maskedByte(value, at, range, bit === 1 ? 0 : 0xff);
    const sought = bit === 1 ? byte : ~byte & 0xff;
    if (sought !== 0) return at * 8 + Math.clz32(sought) - 24;
  }
  return undefined;
}

const OPERATIONS: Readonly<Record<string, (a: number, b: number) => number>> = {
  AND: (a, b) => a & b,
  OR: (a, b) => a | b,
  XOR: (a, b) => a ^ b,
};

function bitop(context: CommandContext, [, operationText, target, ...keys]: Arguments): Reply {
  const name = operationText.toUpperCase();
  const operation = Object.hasOwn(OPERATIONS, name) ? OPERATIONS[name] : undefined;
  if (operation === undefined && name !== "NOT") throw syntaxError();
  if (operation === undefined && keys.length !== 1) {
    throw new CommandError("ERR BITOP NOT must be called with a single source key.");
  }
  const values = keys.map((key) => stringAt(context, key) ?? "");
  const length = values.reduce((longest, value) => Math.max(longest, value.length), 0);
  if (length === 0) {
    context.keyspace.remove(target);
    return 0;
  }
  if (values.reduce((bytes, value) => bytes + value.length, 0) > MAX_READ_BYTES) {
    throw new CommandError(`ERR too much to read: up to ${MAX_READ_BYTES} bytes are allowed`);
  }
  const result = Buffer.alloc(length);
  result.write(values[0], "latin1");
  if (operation === undefined) for (let at = 0; at < length; at += 1) result[at] ^= 0xff;
  else {
    for (const value of values.slice(1)) {
      for (let at = 0; at < value.length; at += 1) result[at] = operation(result[at], value.charCodeAt(at));
      // Beyond its end, a value is zeros.
      for (let at = value.length; at < length; at += 1) result[at] = operation(result[at], 0);
    }
  }
  context.keyspace.set(target, result.toString("latin1"));
  return length;
}

const FROM_SECOND = { first: 2, last: -1, step: 1 };

export const BIT_COMMANDS: readonly CommandSpec[] = [
  { name: "setbit", arity: 4, flags: ["write", "denyoom"], keys: FIRST_KEY, run: setbit },
  { name: "getbit", arity: 3, flags: ["readonly", "fast"], keys: FIRST_KEY, run: getbit },
  { name: "bitcount", arity: -2, flags: ["readonly"], keys: FIRST_KEY, run: bitcount },
  { name: "bitpos", arity: -3, flags: ["readonly"], keys: FIRST_KEY, run: bitpos },
  { name: "bitop", arity: -4, flags: ["write", "denyoom"], keys: FROM_SECOND, run: bitop },
  ...BITFIELD_COMMANDS,
];

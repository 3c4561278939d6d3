// BITFIELD: integers of any width at any bit of a string, read, set and counted up, with a choice of what an overflow does.
import { bitOffset } from "./bit-offset.ts";
import { CommandError, STRING_TOO_LONG, syntaxError } from "./errors.ts";
import { MAX_STRING_BYTES } from "./limits.ts";
import { stringAt } from "./lookup.ts";
import { int64 } from "./numbers.ts";
import type { Reply } from "./reply.ts";
import { type Arguments, type CommandContext, type CommandSpec, FIRST_KEY } from "./spec.ts";

interface FieldType {
  readonly signed: boolean;
  readonly bits: number;
}

type Overflow = "WRAP" | "SAT" | "FAIL";

interface Operation {
  readonly kind: "GET" | "SET" | "INCRBY";
  readonly type: FieldType;
  readonly offset: number;
  readonly operand: bigint;
  readonly overflow: Overflow;
}

function fieldType(text: string): FieldType {
  const match = /^([iu])([1-9][0-9]?)$/.exec(text);
  const bits = Number(match?.[2]);
  if (match === null || bits > (match[1] === "i" ? 64 : 63)) {
    throw new CommandError(
      "ERR Invalid bitfield type. Use something like i16 u8. Note that u64 is not supported but i64 is.",
    );
  }
  return { signed: match[1] === "i", bits };
}

function parse(args: Arguments): Operation[] {
  const operations: Operation[] = [];
  let overflow: Overflow = "WRAP";
  let at = 2;
  while (at < args.length) {
    const kind = args[at].toUpperCase();
    const left = args.length - at - 1;
    if (kind === "OVERFLOW" && left >= 1) {
      const name = args[at + 1].toUpperCase();
      if (name !== "WRAP" && name !== "SAT" && name !== "FAIL") {
        throw new CommandError("ERR Invalid OVERFLOW type specified");
      }
      overflow = name;
      at += 2;
      continue;
    }
    const isGet = kind === "GET" && left >= 2;
    if (!isGet && !((kind === "SET" || kind === "INCRBY") && left >= 3)) throw syntaxError();
    const type = fieldType(args[at + 1]);
    const offset = bitOffset(args[at + 2], type.bits);
    const operand = isGet ? 0n : int64(args[at + 3]);
    // Narrowed by the two conditions above.
    operations.push({ kind: kind as Operation["kind"], type, offset, operand, overflow });
    at += isGet ? 3 : 4;
  }
  return operations;
}

function bitfield(context: CommandContext, args: Arguments): Reply {
  const operations = parse(args);
  const writes = operations.filter(({ kind }) => kind !== "GET");
  const before = stringAt(context, args[1]) ?? "";
  const written = Math.max(0, ...writes.map(({ type, offset }) => Math.ceil((offset + type.bits) / 8)));
  if (written > MAX_STRING_BYTES) throw new CommandError(STRING_TOO_LONG);
  const bytes = Buffer.alloc(Math.max(before.length, written));
  bytes.write(before, "latin1");
  const replies = operations.map((operation) => perform(bytes, operation));
  if (writes.length > 0) {
    const entry = context.keyspace.get(args[1]);
    context.keyspace.set(args[1], bytes.toString("latin1"), entry?.expiresAtMs, entry?.contentType);
  }
  return replies;
}

function perform(bytes: Buffer, { kind, type, offset, operand, overflow }: Operation): Reply {
  const before = readField(bytes, offset, type);
  if (kind === "GET") return reply(before);
  const sum = kind === "INCRBY" ? before + operand : type.signed ? operand : BigInt.asUintN(64, operand);
  const fitted = fit(sum, type, overflow);
  if (fitted === undefined) return null;
  writeField(bytes, offset, type, fitted);
  return reply(kind === "INCRBY" ? fitted : before);
}

function reply(value: bigint): Reply {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value;
}

function fit(value: bigint, { signed, bits }: FieldType, overflow: Overflow): bigint | undefined {
  const max = 2n ** BigInt(signed ? bits - 1 : bits) - 1n;
  const min = signed ? -max - 1n : 0n;
  if (value >= min && value <= max) return value;
  if (overflow === "FAIL") return undefined;
  if (overflow === "SAT") return value > max ? max : min;
  return signed ? BigInt.asIntN(bits, value) : BigInt.asUintN(bits, value);
}

function readField(bytes: Buffer, offset: number, { signed, bits }: FieldType): bigint {
  let value = 0n;
  for (let bit = offset; bit < offset + bits; bit += 1) {
    const byte = bit >> 3 < bytes.length ? bytes[bit >> 3] : 0;
    value = (value << 1n) | BigInt((byte >> (7 - (bit & 7))) & 1);
  }
  return signed ? BigInt.asIntN(bits, value) : value;
}

function writeField(bytes: Buffer, offset: number, { bits }: FieldType, value: bigint): void {
  const unsigned = BigInt.asUintN(bits, value);
  for (let i = 0; i < bits; i += 1) {
    const bit = offset + i;
    const mask = 0x80 >> (bit & 7);
    if (((unsigned >> BigInt(bits - 1 - i)) & 1n) === 1n) bytes[bit >> 3] |= mask;
    else bytes[bit >> 3] &= ~mask;
  }
}

function bitfieldReadOnly(context: CommandContext, args: Arguments): Reply {
  if (parse(args).some(({ kind }) => kind !== "GET")) {
    throw new CommandError("ERR BITFIELD_RO only supports the GET subcommand");
  }
  return bitfield(context, args);
}

export const BITFIELD_COMMANDS: readonly CommandSpec[] = [
  { name: "bitfield", arity: -2, flags: ["write", "denyoom"], keys: FIRST_KEY, run: bitfield },
  { name: "bitfield_ro", arity: -2, flags: ["readonly", "fast"], keys: FIRST_KEY, run: bitfieldReadOnly },
];

// What one record of the log holds: transactions that came together, each of one or more commands, as bytes and back.
// Part of the format (docs/kv.md).

import { ByteReader, ByteWriter, MalformedError } from "@tailrace/replica";
import type { Arguments } from "../command/spec.ts";
import { MAX_UNITS } from "../state/revision.ts";

/** Commands that are applied together, with nothing in between, if no watched key has changed. */
export interface Unit {
  /** Keys with the revisions that they must have. */
  readonly watches: readonly (readonly [key: string, revision: number])[];
  readonly commands: readonly Arguments[];
}

export interface Batch {
  /** What chance there is in these commands follows from it; an unsigned 32-bit integer. */
  readonly seed: number;
  /** The proposer's memory bound: beyond it, commands that take memory are refused. 0: none. */
  readonly maxBytes: number;
  /** Up to `MAX_UNITS`. None: the record only tells the time. */
  readonly units: readonly Unit[];
}

const FORMAT = 1;

/** Of a unit's share in a record, at most. */
export function encodedBytes({ watches, commands }: Unit): number {
  let bytes = 10;
  for (const [key] of watches) bytes += key.length + 13;
  for (const args of commands) {
    bytes += 5;
    for (const arg of args) bytes += arg.length + 5;
  }
  return bytes;
}

export function encodeBatch({ seed, maxBytes, units }: Batch): Uint8Array {
  const writer = new ByteWriter(units.reduce((bytes, unit) => bytes + encodedBytes(unit), 32));
  writer.byte(FORMAT).varint(seed).varint(maxBytes).varint(units.length);
  for (const { watches, commands } of units) {
    writer.varint(watches.length);
    for (const [key, revision] of watches) writer.text(key).varint(revision);
    writer.varint(commands.length);
    for (const args of commands) {
      writer.varint(args.length);
      for (const arg of args) writer.text(arg);
    }
  }
  return writer.finish();
}

/** Throws `MalformedError`. */
export function decodeBatch(bytes: Uint8Array): Batch {
  const reader = new ByteReader(bytes);
  const format = reader.byte();
  if (format !== FORMAT) throw new MalformedError(`a record of format ${format}`);
  const seed = reader.varint();
  const maxBytes = reader.varint();
  const count = reader.count(2);
  if (seed > 0xffffffff || count > MAX_UNITS) throw new MalformedError("a number beyond its bound");
  const units: Unit[] = [];
  for (let i = 0; i < count; i += 1) units.push(readUnit(reader));
  reader.end();
  return { seed, maxBytes, units };
}

function readUnit(reader: ByteReader): Unit {
  const watches: [string, number][] = [];
  for (let left = reader.count(2); left > 0; left -= 1) watches.push([reader.text(), reader.varint()]);
  const commands: Arguments[] = [];
  for (let left = reader.count(1); left > 0; left -= 1) {
    const args: string[] = [];
    for (let more = reader.count(1); more > 0; more -= 1) args.push(reader.text());
    commands.push(args);
  }
  return { watches, commands };
}

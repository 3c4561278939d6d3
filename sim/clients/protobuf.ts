// The client's half of the protobuf messages: appends out, acknowledgements and batches in. Written from the API's message table
// and not from the server's codec, so that the two check each other.
import type { Position } from "../check/history.ts";
import type { ClientRecord, WireRecord } from "./records.ts";

const VARINT = 0;
const BYTES = 2;

function varint(value: bigint): number[] {
  const bytes: number[] = [];
  let left = value;
  for (; left >= 0x80n; left >>= 7n) bytes.push(Number(left & 0x7fn) | 0x80);
  bytes.push(Number(left));
  return bytes;
}

function varintField(field: number, value: bigint): Buffer {
  return Buffer.from([(field << 3) | VARINT, ...varint(value)]);
}

function bytesField(field: number, bytes: Uint8Array): Buffer {
  return Buffer.concat([Buffer.from([(field << 3) | BYTES, ...varint(BigInt(bytes.length))]), bytes]);
}

export function encodeAppendInput(
  records: readonly ClientRecord[],
  matchSeqNum: number | undefined,
  fencingToken: string | undefined,
): Buffer {
  const fields = records.map((record) => {
    const parts: Buffer[] = [];
    if (record.timestamp !== undefined) parts.push(varintField(1, record.timestamp));
    for (const [name, value] of record.headers)
      parts.push(bytesField(2, Buffer.concat([bytesField(1, Buffer.from(name)), bytesField(2, Buffer.from(value))])));
    if (record.body.length > 0) parts.push(bytesField(3, record.body));
    return bytesField(1, Buffer.concat(parts));
  });
  if (matchSeqNum !== undefined) fields.push(varintField(2, BigInt(matchSeqNum)));
  if (fencingToken !== undefined) fields.push(bytesField(3, Buffer.from(fencingToken)));
  return Buffer.concat(fields);
}

interface Field {
  readonly field: number;
  readonly value: bigint;
  readonly bytes: Uint8Array;
}

function* fieldsOf(message: Uint8Array): Generator<Field> {
  let at = 0;
  const next = (): bigint => {
    let value = 0n;
    for (let shift = 0n; ; shift += 7n) {
      if (at >= message.length || shift > 63n) throw new Error("the server sent malformed protobuf");
      const byte = message[at];
      at += 1;
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
  };
  while (at < message.length) {
    const tag = Number(next());
    if ((tag & 7) === VARINT) yield { field: tag >> 3, value: next(), bytes: new Uint8Array(0) };
    else if ((tag & 7) === BYTES) {
      const length = Number(next());
      if (at + length > message.length) throw new Error("the server sent truncated protobuf");
      yield { field: tag >> 3, value: 0n, bytes: message.subarray(at, at + length) };
      at += length;
    } else throw new Error(`the server sent a field of type ${tag & 7}`);
  }
}

function position(message: Uint8Array): Position {
  let seqNum = 0;
  let timestamp = 0n;
  for (const { field, value } of fieldsOf(message)) {
    if (field === 1) seqNum = Number(value);
    else if (field === 2) timestamp = value;
  }
  return { seqNum, timestamp };
}

export interface Ack {
  readonly start: Position;
  readonly end: Position;
  readonly tail: Position;
}

export function decodeAck(message: Uint8Array): Ack {
  const positions = new Map<number, Position>();
  for (const { field, bytes } of fieldsOf(message)) positions.set(field, position(bytes));
  const [start, end, tail] = [1, 2, 3].map((field) => positions.get(field));
  if (start === undefined || end === undefined || tail === undefined)
    throw new Error("an acknowledgement lacks a field");
  return { start, end, tail };
}

export interface Batch {
  readonly records: readonly WireRecord[];
  readonly tail: Position | undefined;
}

export function decodeBatch(message: Uint8Array): Batch {
  const records: WireRecord[] = [];
  let tail: Position | undefined;
  for (const { field, bytes } of fieldsOf(message)) {
    if (field === 1) records.push(record(bytes));
    else if (field === 2) tail = position(bytes);
  }
  return { records, tail };
}

function record(message: Uint8Array): WireRecord {
  let seqNum = 0;
  let timestamp = 0n;
  let body: Uint8Array = new Uint8Array(0);
  const headers: [string, string][] = [];
  for (const { field, value, bytes } of fieldsOf(message)) {
    if (field === 1) seqNum = Number(value);
    else if (field === 2) timestamp = value;
    else if (field === 3) {
      const pair = ["", ""];
      for (const part of fieldsOf(bytes)) pair[part.field - 1] = Buffer.from(part.bytes).toString();
      headers.push([pair[0], pair[1]]);
    } else if (field === 4) body = bytes;
  }
  return { seqNum, timestamp, headers, body };
}

// A replica's batch as the engine takes it: written once, as an AppendInput message, which the engine's own decoder checks and
// lays out in place.
import { type AppendInput, parseAppendInput, varintBytes, writeVarint } from "@tailrace/engine/wire";
import type { AppendBatch, Header, LogEntry } from "@tailrace/replica";

/** Tags of AppendInput, AppendRecord and Header, each of one byte: the field's number, and "length-delimited". */
const RECORD = 0x0a;
const RECORD_HEADER = 0x12;
const RECORD_BODY = 0x1a;
const NAME = 0x0a;
const VALUE = 0x12;

/** Errors: WireError. */
export function appendInputOf({ entries, matchSeqNum, fencingToken }: AppendBatch): AppendInput {
  const sizes = entries.map(entryBytes);
  const bytes = Buffer.allocUnsafeSlow(sizes.reduce((sum, size) => sum + fieldBytes(size), 0));
  let at = 0;
  entries.forEach((entry, i) => {
    at = writeEntry(bytes, lead(bytes, at, RECORD, sizes[i]), entry);
  });
  return { batch: parseAppendInput(bytes).batch, matchSeqNum, fencingToken };
}

/** Of a field with its tag and its length. */
function fieldBytes(length: number): number {
  return 1 + varintBytes(length, 0) + length;
}

function headerBytes([name, value]: Header): number {
  return fieldBytes(name.length) + fieldBytes(value.length);
}

function entryBytes({ headers, body }: LogEntry): number {
  let bytes = body.length === 0 ? 0 : fieldBytes(body.length);
  for (const header of headers) bytes += fieldBytes(headerBytes(header));
  return bytes;
}

function writeEntry(target: Uint8Array, from: number, { headers, body }: LogEntry): number {
  let at = from;
  for (const header of headers) {
    at = lead(target, at, RECORD_HEADER, headerBytes(header));
    at = writeField(target, at, NAME, header[0]);
    at = writeField(target, at, VALUE, header[1]);
  }
  return body.length === 0 ? at : writeField(target, at, RECORD_BODY, body);
}

function writeField(target: Uint8Array, from: number, tag: number, bytes: Uint8Array): number {
  const at = lead(target, from, tag, bytes.length);
  target.set(bytes, at);
  return at + bytes.length;
}

/** A field's tag and length; gives where its bytes go. */
function lead(target: Uint8Array, at: number, tag: number, length: number): number {
  target[at] = tag;
  return writeVarint(target, at + 1, length, 0);
}

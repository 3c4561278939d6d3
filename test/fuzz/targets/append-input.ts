// Append input in protobuf and in JSON: refused with a WireError or taken as what it is; and what one decoder takes,
// the other takes the same way.
import assert from "node:assert/strict";
import {
  type AppendInput,
  parseAppendInput,
  parseAppendInputJson,
  RecordCursor,
  type RecordFormat,
  readBatchJson,
  storedBatchBytes,
  WireError,
  writeStoredBatch,
} from "@tailrace/engine/wire";
import { refusable, type Target } from "../target.ts";

const TIMESTAMP = Uint32Array.of(7, 0);

const isRefusal =
  (...codes: string[]) =>
  (error: unknown) =>
    error instanceof WireError && codes.includes(error.code);

function stored({ batch }: AppendInput): Buffer {
  const bytes = Buffer.alloc(storedBatchBytes(batch, 0, TIMESTAMP));
  assert.equal(writeStoredBatch(bytes, 0, batch, 0, TIMESTAMP), bytes.length);
  return bytes;
}

interface Parts {
  readonly timestamp: bigint | undefined;
  readonly headers: readonly (readonly [Buffer, Buffer])[];
  readonly body: Buffer;
}

/** A batch taken apart, and its own claims checked. */
function partsOf(input: AppendInput): Parts[] {
  const { batch } = input;
  assert.ok(batch.count >= 1 && batch.count <= 1000 && batch.meteredBytes <= 1024 * 1024);
  const bytes = stored(input);
  const cursor = new RecordCursor();
  cursor.reset(bytes, 0, bytes.length);
  const parts: Parts[] = [];
  let metered = 0;
  while (cursor.next()) {
    const headers: [Buffer, Buffer][] = [];
    for (let at = cursor.headersStart; at < cursor.headersEnd; ) {
      at = cursor.header(at);
      headers.push([
        bytes.subarray(cursor.nameStart, cursor.nameEnd),
        bytes.subarray(cursor.valueStart, cursor.valueEnd),
      ]);
    }
    const i = parts.length;
    const { timestamps, hasTimestamp } = batch;
    const timestamp =
      timestamps !== null && hasTimestamp !== null && hasTimestamp[i] === 1
        ? (BigInt(timestamps[2 * i + 1]) << 32n) | BigInt(timestamps[2 * i])
        : undefined;
    parts.push({ timestamp, headers, body: bytes.subarray(cursor.bodyStart, cursor.bodyEnd) });
    metered += cursor.meteredBytes;
  }
  assert.equal(parts.length, batch.count);
  assert.equal(metered, batch.meteredBytes);
  return parts;
}

function varint(value: bigint): number[] {
  const out: number[] = [];
  let left = value;
  for (; left >= 0x80n; left >>= 7n) out.push(Number(left & 0x7fn) | 0x80);
  out.push(Number(left));
  return out;
}

function field(number: number, value: Uint8Array): Buffer {
  return Buffer.concat([Buffer.from([(number << 3) | 2, ...varint(BigInt(value.length))]), value]);
}

function toProto(input: AppendInput, parts: readonly Parts[]): Buffer {
  const records = parts.map(({ timestamp, headers, body }) =>
    field(
      1,
      Buffer.concat([
        ...(timestamp === undefined ? [] : [Buffer.from([0x08, ...varint(timestamp)])]),
        ...headers.map(([name, value]) => field(2, Buffer.concat([field(1, name), field(2, value)]))),
        field(3, body),
      ]),
    ),
  );
  return Buffer.concat([
    ...records,
    ...(input.matchSeqNum === undefined ? [] : [Buffer.from([0x10, ...varint(BigInt(input.matchSeqNum))])]),
    ...(input.fencingToken === undefined ? [] : [field(3, Buffer.from(input.fencingToken))]),
  ]);
}

function toJson(input: AppendInput, parts: readonly Parts[]): Buffer {
  const records = parts.map(({ timestamp, headers, body }) => {
    const names = headers.map(([name, value]) => `["${name.toString("base64")}","${value.toString("base64")}"]`);
    return `{${timestamp === undefined ? "" : `"timestamp":${timestamp},`}"headers":[${names}],"body":"${body.toString("base64")}"}`;
  });
  const match = input.matchSeqNum === undefined ? "" : `"match_seq_num":${input.matchSeqNum},`;
  const token = input.fencingToken === undefined ? "" : `"fencing_token":${JSON.stringify(input.fencingToken)},`;
  return Buffer.from(`{${match}${token}"records":[${records}]}`);
}

function assertSame(a: AppendInput, b: AppendInput): void {
  assert.deepEqual(partsOf(a), partsOf(b));
  assert.deepEqual(a.batch.commands, b.batch.commands);
  assert.deepEqual([a.matchSeqNum, a.fencingToken], [b.matchSeqNum, b.fencingToken]);
}

/** Both decoders, given the same batch, agree. */
function crossCheck(input: AppendInput): void {
  const parts = partsOf(input);
  assertSame(input, parseAppendInput(toProto(input, parts)));
  const json = toJson(input, parts);
  // Base64 may make a batch too long for a body; the decoder itself has no such bound.
  assertSame(input, parseAppendInputJson(json, "base64"));
}

/** Whether JavaScript, too, finds in the text what was taken from it. */
function agreesWithJson(text: Buffer, format: RecordFormat, input: AppendInput): void {
  const value = JSON.parse(text.toString());
  const decode = (string: string | undefined) => Buffer.from(string ?? "", format === "raw" ? "utf8" : "base64");
  assert.deepEqual(
    partsOf(input).map(({ headers, body }) => ({ headers, body })),
    value.records.map((record: { headers?: [string, string][]; body?: string }) => ({
      headers: (record.headers ?? []).map(([name, content]) => [decode(name), decode(content)]),
      body: decode(record.body),
    })),
  );
  const back = JSON.parse(readBatchJson([stored(input)], null, format));
  assert.deepEqual(
    back.records.map((record: { body?: string }) => record.body ?? ""),
    value.records.map((record: { body?: string }) => record.body ?? ""),
  );
}

function json(format: RecordFormat): Target {
  return {
    name: `append-json-${format}`,
    run(input) {
      // The decoder unescapes in place.
      const text = Buffer.from(input);
      const parsed = refusable(() => parseAppendInputJson(input, format), isRefusal("bad_json", "invalid"));
      if (parsed === undefined) return;
      crossCheck(parsed);
      agreesWithJson(text, format, parsed);
    },
  };
}

export const appendInputTargets: readonly Target[] = [
  {
    name: "append-proto",
    run(input) {
      const parsed = refusable(() => parseAppendInput(input), isRefusal("bad_proto", "invalid"));
      if (parsed !== undefined) crossCheck(parsed);
    },
  },
  json("raw"),
  json("base64"),
];

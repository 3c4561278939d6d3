// Properties of the codecs: what goes in comes out, whatever the values; what is malformed is a WireError and nothing else.
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
  type AppendInput,
  encodeAppendAck,
  parseAppendInput,
  parseAppendInputJson,
  RecordCursor,
  readBatchJson,
  storedBatchBytes,
  WireError,
  writeStoredBatch,
} from "./index.ts";

interface TestRecord {
  readonly timestamp: bigint | undefined;
  readonly headers: readonly (readonly [Uint8Array, Uint8Array])[];
  readonly body: Uint8Array;
}

const bytes = (maxLength: number, minLength = 0) => fc.uint8Array({ minLength, maxLength });
const u64 = fc.oneof(
  fc.bigInt({ min: 0n, max: 0xffff_ffff_ffff_ffffn }),
  fc.constantFrom(0n, 2n ** 53n, 2n ** 53n + 1n, 2n ** 64n - 1n),
);
const record: fc.Arbitrary<TestRecord> = fc.record({
  timestamp: fc.option(u64, { nil: undefined }),
  headers: fc.array(fc.tuple(bytes(200, 1), bytes(200)), { maxLength: 4 }),
  body: bytes(400),
});
const records = fc.array(record, { minLength: 1, maxLength: 20 });

function varint(value: bigint): number[] {
  const out: number[] = [];
  let left = value;
  for (; left >= 0x80n; left >>= 7n) out.push(Number(left & 0x7fn) | 0x80);
  out.push(Number(left));
  return out;
}

function field(number: number, value: Uint8Array | number[]): number[] {
  return [(number << 3) | 2, ...varint(BigInt(value.length)), ...value];
}

/** The fields of an AppendRecord, each in bytes of its own, so that their order can be changed. */
function recordFields(each: TestRecord): number[][] {
  return [
    ...(each.timestamp === undefined ? [] : [[0x08, ...varint(each.timestamp)]]),
    ...each.headers.map(([name, value]) => field(2, [...field(1, name), ...field(2, value)])),
    ...(each.body.length === 0 ? [] : [field(3, each.body)]),
  ];
}

function proto(
  all: readonly TestRecord[],
  shuffle: (fields: number[][]) => number[][] = (fields) => fields,
): Uint8Array {
  return Uint8Array.from(all.flatMap((each) => field(1, shuffle(recordFields(each)).flat())));
}

/** Stores what was parsed under the given timestamps, and reads it back. */
function readBack(input: AppendInput, firstSeqNum: number, timestamps: Uint32Array) {
  const size = storedBatchBytes(input.batch, firstSeqNum, timestamps);
  const stored = new Uint8Array(size + 8);
  assert.equal(writeStoredBatch(stored, 4, input.batch, firstSeqNum, timestamps), size + 4);
  const cursor = new RecordCursor();
  cursor.reset(stored, 4, size + 4);
  const found: {
    seqNum: number;
    timestamp: bigint;
    headers: [Uint8Array, Uint8Array][];
    body: Uint8Array;
    metered: number;
  }[] = [];
  while (cursor.next()) {
    const headers: [Uint8Array, Uint8Array][] = [];
    for (let at = cursor.headersStart; at < cursor.headersEnd; ) {
      at = cursor.header(at);
      headers.push([stored.slice(cursor.nameStart, cursor.nameEnd), stored.slice(cursor.valueStart, cursor.valueEnd)]);
    }
    const { seqNum, timestamp, meteredBytes: metered } = cursor;
    found.push({ seqNum, timestamp, headers, body: stored.slice(cursor.bodyStart, cursor.bodyEnd), metered });
  }
  return { found, run: stored.subarray(4, size + 4) };
}

function check(input: AppendInput, all: readonly TestRecord[]): void {
  const { batch } = input;
  assert.equal(batch.count, all.length);
  const firstSeqNum = 2 ** 52;
  const words = new Uint32Array(2 * all.length);
  all.forEach((each, i) => {
    const has = batch.hasTimestamp?.[i] === 1;
    assert.equal(has, each.timestamp !== undefined);
    if (batch.timestamps !== null && has) words.set(batch.timestamps.subarray(2 * i, 2 * i + 2), 2 * i);
  });
  const { found } = readBack(input, firstSeqNum, words);
  let metered = 0;
  all.forEach((each, i) => {
    assert.equal(found[i].seqNum, firstSeqNum + i);
    assert.equal(found[i].timestamp, each.timestamp ?? 0n);
    assert.deepEqual(found[i].body, each.body);
    assert.deepEqual(
      found[i].headers,
      each.headers.map(([name, value]) => [name, value]),
    );
    const size = each.headers.reduce(
      (sum, [name, value]) => sum + 2 + name.length + value.length,
      8 + each.body.length,
    );
    assert.equal(found[i].metered, size);
    metered += size;
  });
  assert.equal(batch.meteredBytes, metered);
}

test("protobuf: what goes in is what is stored, with every u64", () => {
  fc.assert(fc.property(records, (all) => check(parseAppendInput(proto(all)), all)));
});

test("protobuf: the order of fields, unknown fields and repeated bodies change nothing that they should not", () => {
  fc.assert(
    fc.property(records, (all) => {
      // Body before headers before timestamp, an unknown field, and an overridden body.
      const shuffled = proto(all, (fields) => [field(3, [1, 2, 3]), field(15, [9]), ...fields.toReversed()]);
      const withBodies = all.map((each) => (each.body.length === 0 ? { ...each, body: Uint8Array.of(1, 2, 3) } : each));
      const expected = withBodies.map((each) => ({ ...each, headers: each.headers.toReversed() }));
      check(parseAppendInput(shuffled), expected);
    }),
  );
});

test("JSON in base64: what goes in is what is stored, with every u64", () => {
  fc.assert(
    fc.property(records, (all) => {
      const base64 = (value: Uint8Array) => `"${Buffer.from(value).toString("base64")}"`;
      const json = all.map((each) => {
        const headers = each.headers.map(([name, value]) => `[${base64(name)}, ${base64(value)}]`).join(",");
        const timestamp = each.timestamp === undefined ? "" : `"timestamp": ${each.timestamp},`;
        return `{${timestamp}"headers":[${headers}],"body":${base64(each.body)}}`;
      });
      check(parseAppendInputJson(Buffer.from(`{"records":[${json.join(",")}]}`), "base64"), all);
    }),
  );
});

test("JSON in raw form: every string survives, through escapes too, and comes out as it went in", () => {
  fc.assert(
    fc.property(
      fc.array(fc.string({ unit: "grapheme", maxLength: 60 }), { minLength: 1, maxLength: 9 }),
      fc.boolean(),
      (bodies, escaping) => {
        const text = JSON.stringify({
          records: bodies.map((body) => ({ body })),
          other: [{ deep: [null, true, -1.5e3, "x"] }],
        });
        const escaped = escaping
          ? text.replace(/[^\p{ASCII}]/gu, (c) =>
              [...c]
                .flatMap((p) => p.split(""))
                .map((u) => `\\u${u.charCodeAt(0).toString(16).padStart(4, "0")}`)
                .join(""),
            )
          : text;
        const input = parseAppendInputJson(Buffer.from(escaped), "raw");
        const { run } = readBack(input, 0, Uint32Array.of(7, 0));
        const back = JSON.parse(readBatchJson([run], null, "raw"));
        assert.deepEqual(
          back.records.map((each: { body?: string }) => each.body ?? ""),
          bodies,
        );
      },
    ),
  );
});

test("truncated, flipped and hostile input is a WireError and nothing else", () => {
  const parse = (parser: () => unknown) => {
    try {
      parser();
    } catch (error) {
      assert.ok(error instanceof WireError, String(error));
    }
  };
  fc.assert(
    fc.property(records, fc.nat(), fc.nat(), (all, position, bit) => {
      const message = proto(all);
      parse(() => parseAppendInput(message.slice(0, position % message.length)));
      const flipped = message.slice();
      flipped[position % flipped.length] ^= 1 << (bit % 8);
      parse(() => parseAppendInput(flipped));
      const json = Buffer.from(
        JSON.stringify({ records: all.map((each) => ({ body: Buffer.from(each.body).toString("base64") })) }),
      );
      parse(() => parseAppendInputJson(Buffer.from(json.subarray(0, position % json.length)), "base64"));
      json[position % json.length] ^= 1 << (bit % 8);
      parse(() => parseAppendInputJson(json, "base64"));
    }),
    { numRuns: 500 },
  );
  fc.assert(
    fc.property(bytes(100), (noise) => {
      parse(() => parseAppendInput(noise.slice()));
      parse(() => parseAppendInputJson(noise.slice(), "raw"));
    }),
    { numRuns: 1000 },
  );
});

function refused(parser: () => unknown, code: WireError["code"]): void {
  assert.throws(parser, (error) => error instanceof WireError && error.code === code);
}

test("JSON: what is not AppendInput is bad_json, what breaks a rule is invalid", () => {
  const json =
    (text: string, format: "raw" | "base64" = "raw") =>
    () =>
      parseAppendInputJson(Buffer.from(text), format);
  for (const text of [
    "",
    "{}",
    "[]",
    '{"records":{}}',
    '{"records":[{}]} x',
    '{"records":[{}],"records":[{}]}',
    '{"records":[{"body":1}]}',
    '{"records":[{"body":"\\ud800"}]}',
    '{"records":[{"body":"\\x"}]}',
    '{"records":[{"body":"a\nb"}]}',
    '{"records":[{"timestamp":1.0}]}',
    '{"records":[{"timestamp":-1}]}',
    '{"records":[{"timestamp":18446744073709551616}]}',
    '{"records":[{"timestamp":01}]}',
    '{"records":[{"headers":[["a"]]}]}',
    '{"records":[{"headers":[["a","b","c"]]}]}',
    `{"records":[{}],"fencing_token":"${"x".repeat(37)}"}`,
    `{"records":[{}],"x":${"[".repeat(50_000)}`,
    `{"x":${"[".repeat(50_000)}${"]".repeat(50_000)},"records":[{}]}`,
  ]) {
    refused(json(text), "bad_json");
  }
  refused(() => parseAppendInputJson(Uint8Array.of(0x7b, 0x22, 0xff, 0x22, 0x7d), "raw"), "bad_json");
  for (const text of [
    '{"records":[]}',
    `{"records":[${Array(1001).fill("{}").join(",")}]}`,
    '{"records":[{"headers":[["","fence"],["a","b"]]}]}',
    '{"records":[{"headers":[["","nothing"]]}]}',
    '{"records":[{"headers":[["","trim"]],"body":"1234567"}]}',
    `{"records":[{"headers":[["","fence"]],"body":"${"x".repeat(37)}"}]}`,
    `{"records":[{"body":"${"x".repeat(1024 * 1024 - 7)}"}]}`,
  ]) {
    refused(json(text), "invalid");
  }
  for (const body of ["a", "ab=", "abc", "====", "ab==cd==", "a-b_", "YR==", "YWJ="])
    refused(json(`{"records":[{"body":"${body}"}]}`, "base64"), "invalid");
  assert.equal(json(`{"records":[{"body":"${"x".repeat(1024 * 1024 - 8)}"}]}`)().batch.meteredBytes, 1024 * 1024);
  const nulls = json('{"records":[{"timestamp":null}],"match_seq_num":null,"fencing_token":null}')();
  assert.deepEqual([nulls.matchSeqNum, nulls.fencingToken, nulls.batch.timestamps], [undefined, undefined, null]);
  assert.equal(json('{"records":[{}],"match_seq_num":18446744073709551615}')().matchSeqNum, Number.MAX_SAFE_INTEGER);
});

test("commands are found, and their arguments are read", () => {
  const body = Buffer.from([0, 0, 0, 0, 0, 0, 1, 2]).toString("base64");
  const name = (text: string) => Buffer.from(text).toString("base64");
  const text = `{"records":[{},{"headers":[["","${name("fence")}"]],"body":"${name("token")}"},{"headers":[["","${name("trim")}"]],"body":"${body}"}]}`;
  assert.deepEqual(parseAppendInputJson(Buffer.from(text), "base64").batch.commands, [
    { kind: "fence", index: 1, token: "token" },
    { kind: "trim", index: 2, seqNum: 258 },
  ]);
  const fence = field(1, [...field(2, [...field(2, Buffer.from("fence"))]), ...field(3, Buffer.from("me"))]);
  assert.deepEqual(parseAppendInput(Uint8Array.from(fence)).batch.commands, [{ kind: "fence", index: 0, token: "me" }]);
  // A token is what it is, its beginning included.
  const marked = field(1, [...field(2, [...field(2, Buffer.from("fence"))]), ...field(3, Buffer.from("\ufeffme"))]);
  assert.deepEqual(parseAppendInput(Uint8Array.from(marked)).batch.commands, [
    { kind: "fence", index: 0, token: "\ufeffme" },
  ]);
});

test("an acknowledgement in protobuf", () => {
  const ack = encodeAppendAck({
    start: { seqNum: 1, timestamp: 2n ** 64n - 1n },
    end: { seqNum: 2 ** 53 - 1, timestamp: 2n ** 53n + 1n },
    tail: { seqNum: 300, timestamp: 0n },
  });
  const position = (seqNum: bigint, timestamp: bigint) => [0x08, ...varint(seqNum), 0x10, ...varint(timestamp)];
  assert.deepEqual(
    [...ack],
    [
      ...field(1, position(1n, 2n ** 64n - 1n)),
      ...field(2, position(2n ** 53n - 1n, 2n ** 53n + 1n)),
      ...field(3, position(300n, 0n)),
    ],
  );
});

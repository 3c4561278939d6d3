import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { VersionError } from "../errors.ts";
import { MAX_ENVELOPE_BYTES } from "../limits.ts";
import { fenceEntry, type LogEntry, meteredBytes, trimEntry } from "../log/log.ts";
import { decodeRecord, encodeRecord, NONCE_BYTES, type ReplicaRecord } from "./envelope.ts";

const natural = fc.maxSafeNat();
const nonce = fc.uint8Array({ minLength: NONCE_BYTES, maxLength: NONCE_BYTES });
const bytes = fc.uint8Array({ maxLength: 40 });

const record: fc.Arbitrary<ReplicaRecord> = fc.oneof(
  fc.record({
    kind: fc.constant("open" as const),
    nonce,
    machine: fc.string({ unit: "grapheme" }),
    version: natural,
    maxSessions: natural,
  }),
  fc.record({
    kind: fc.constant("command" as const),
    session: natural,
    counter: natural,
    version: natural,
    command: bytes,
  }),
  fc.record({ kind: fc.constant("checkpoint" as const), nonce, snapshot: fc.boolean() }),
  fc.record({
    kind: fc.constant("digest" as const),
    nonce,
    next: natural,
    digest: fc.uint8Array({ minLength: 32, maxLength: 32 }),
  }),
  fc.record({ kind: fc.constant("snapshot" as const), nonce, next: natural, first: natural }),
  fc.record({ kind: fc.constant("transaction" as const), nonce, number: natural, version: natural, command: bytes }),
  fc.record({ kind: fc.constant("term" as const), leaseMs: natural, holder: fc.string({ unit: "grapheme" }) }),
  fc.record({ kind: fc.constant("renewal" as const) }),
  fc.record({ kind: fc.constant("piece" as const), nonce, index: natural, bytes }),
  fc.record({
    kind: fc.constant("whole" as const),
    nonce,
    machine: fc.string({ unit: "grapheme" }),
    version: natural,
    next: natural,
    first: natural,
    pieces: natural,
    sha256: fc.uint8Array({ minLength: 32, maxLength: 32 }),
  }),
);

test("a record is read as it was written", () => {
  fc.assert(fc.property(record, (written) => assert.deepEqual(decodeRecord(encodeRecord(written)), { ...written })));
});

test("the envelope of a command is within its bound", () => {
  const most = Number.MAX_SAFE_INTEGER;
  const entry = encodeRecord({
    kind: "command",
    session: most,
    counter: most,
    version: most,
    command: new Uint8Array(9),
  });
  assert.ok(meteredBytes(entry) - 9 <= MAX_ENVELOPE_BYTES);
});

test("what is not ours is left alone", () => {
  const foreign: LogEntry[] = [
    fenceEntry("token"),
    trimEntry(7),
    { headers: [], body: new Uint8Array(3) },
    { headers: [[Buffer.from("other"), Buffer.from("value")]], body: new Uint8Array(0) },
  ];
  for (const entry of foreign) assert.equal(decodeRecord(entry), undefined);
});

test("what is ours and cannot be read stops the reader, whatever the bytes", () => {
  const header = Buffer.from("r");
  const unreadable = (value: Uint8Array) =>
    assert.throws(() => decodeRecord({ headers: [[header, value]], body: new Uint8Array(0) }), VersionError);
  unreadable(Uint8Array.of());
  unreadable(Uint8Array.of(2, 0));
  unreadable(Uint8Array.of(1, 99));
  unreadable(Uint8Array.of(1, 1, 0x80));
  unreadable(Uint8Array.of(1, 1, 0, 0, 0, 0));
  unreadable(Uint8Array.of(1, 1, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0));
  fc.assert(
    fc.property(bytes, bytes, (value, body) => {
      try {
        decodeRecord({ headers: [[header, value]], body });
      } catch (error) {
        assert.ok(error instanceof VersionError, String(error));
      }
    }),
  );
});

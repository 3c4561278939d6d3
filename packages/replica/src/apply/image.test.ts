import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { MalformedError } from "../record/bytes.ts";
import { decodeBookkeeping, encodeBookkeeping } from "./image.ts";
import { KnownSnapshots } from "./known-snapshots.ts";
import { SessionTable } from "./session-table.ts";

const pair = fc.tuple(fc.maxSafeNat(), fc.maxSafeNat());
const bookkeeping = fc
  .record({
    capacity: fc.integer({ min: 1, max: 2000 }),
    sessions: fc.uniqueArray(pair, { selector: ([session]) => session, maxLength: 20 }),
    known: fc.array(pair, { maxLength: 2 }),
    cut: fc.maxSafeNat(),
    token: fc.string({ unit: "grapheme" }),
    leader: fc.option(
      fc.record({ holder: fc.string({ unit: "grapheme" }), leaseMs: fc.maxSafeNat() }, { noNullPrototype: true }),
      {
        nil: undefined,
      },
    ),
  })
  .map(({ capacity, sessions, known, cut, token, leader }) => ({
    token,
    leader,
    sessions: SessionTable.from(capacity, sessions),
    snapshots: new KnownSnapshots(
      known.map(([next, first]) => ({ next, first })),
      cut,
    ),
  }));

test("the bookkeeping is read as it was written, in its order", () => {
  fc.assert(
    fc.property(bookkeeping, (written) => {
      const read = decodeBookkeeping(encodeBookkeeping(written));
      assert.equal(read.sessions.capacity, written.sessions.capacity);
      assert.deepEqual([...read.sessions], [...written.sessions]);
      assert.deepEqual(read.snapshots.known, written.snapshots.known);
      assert.equal(read.snapshots.cut, written.snapshots.cut);
      assert.equal(read.token, written.token);
      assert.deepEqual(read.leader, written.leader);
    }),
  );
});

test("other bytes are refused", () => {
  fc.assert(
    fc.property(bookkeeping, fc.nat(), (written, at) => {
      const bytes = encodeBookkeeping(written);
      assert.throws(() => decodeBookkeeping(bytes.subarray(0, at % bytes.length)), MalformedError);
    }),
  );
  assert.throws(() => decodeBookkeeping(Uint8Array.of(9)), MalformedError);
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { MalformedError } from "@tailrace/replica";
import fc from "fast-check";
import { type Batch, decodeBatch, encodeBatch, encodedBytes } from "./batch.ts";

const text = fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes).toString("latin1"));
const batch: fc.Arbitrary<Batch> = fc.record(
  {
    seed: fc.integer({ min: 0, max: 0xffffffff }),
    maxBytes: fc.maxSafeNat(),
    units: fc.array(
      fc.record(
        { watches: fc.array(fc.tuple(text, fc.maxSafeNat()), { maxLength: 3 }), commands: fc.array(fc.array(text)) },
        { noNullPrototype: true },
      ),
      { maxLength: 5 },
    ),
  },
  { noNullPrototype: true },
);

test("a record is read as it was written, and is no larger than was reckoned", () => {
  fc.assert(
    fc.property(batch, (written) => {
      const bytes = encodeBatch(written);
      assert.deepEqual(decodeBatch(bytes), written);
      assert.ok(bytes.length <= 32 + written.units.reduce((sum, unit) => sum + encodedBytes(unit), 0));
    }),
  );
});

test("damaged records are refused or read as others, and take no more memory than they have bytes", () => {
  fc.assert(
    fc.property(batch, fc.nat(), fc.nat(255), (written, at, byte) => {
      const bytes = Buffer.from(encodeBatch(written));
      assert.throws(() => decodeBatch(bytes.subarray(0, at % bytes.length)), MalformedError);
      bytes[at % bytes.length] = byte;
      try {
        decodeBatch(bytes);
      } catch (error) {
        assert.ok(error instanceof MalformedError, String(error));
      }
    }),
  );
});

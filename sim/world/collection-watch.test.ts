// Each rule of flushing and collecting: broken, it is seen; kept, nothing is.
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { CollectionWatch } from "./collection-watch.ts";
import { Lane } from "./scheduler.ts";

const OWNER = new Lane("owner");
const INCARNATION = "a".repeat(32);
const padded = (number: number) => String(number).padStart(16, "0");
const place = (number: number) => `shards/0/wal/${padded(number)}`;
const version = (number: number) => `shards/0/manifest/${padded(number)}`;
const segment = (number: number) => `shards/0/segments/${padded(1)}-${INCARNATION}-${padded(number)}`;
const OBJECT = Buffer.from("of the log");

function manifest(fields: { epoch?: number; logStart?: number; markers?: number[]; segments?: number[] }): Uint8Array {
  const { epoch = 1, logStart = 0, markers = [0], segments = [] } = fields;
  const named = segments.map((number) => ({ number, epoch: 1, incarnation: INCARNATION }));
  return Buffer.from(`${JSON.stringify({ epoch, logStart, fences: [0], markers, segments: named })}\nchecksum\n`);
}

/** A segment without records and catalog: one stream, with runs that begin at these. */
function segmentFrom(firstSeqNums: number[]): Uint8Array {
  const index = Buffer.alloc(20 + 40 * firstSeqNums.length);
  index.writeUInt32LE(firstSeqNums.length, 16);
  for (const [i, first] of firstSeqNums.entries()) index.writeBigUInt64LE(BigInt(first), 20 + 40 * i);
  const footer = Buffer.alloc(64);
  footer.writeUInt32LE(1, 36);
  return Buffer.concat([index, footer]);
}

/** A fence, a marker, four chunks, and a flush of the first two. */
function flushed() {
  const violations: string[] = [];
  const watch = new CollectionWatch((what) => violations.push(what));
  watch.landed(OWNER, place(0), OBJECT);
  watch.landed(OWNER, version(0), manifest({}));
  for (let i = 1; i <= 4; i += 1) watch.landed(OWNER, place(i), OBJECT);
  watch.landed(OWNER, segment(0), segmentFrom([0, 1]));
  watch.landed(OWNER, version(1), manifest({ logStart: 3, segments: [0] }));
  return { watch, violations };
}

test("what a manifest has made unreachable may go, late and twice", () => {
  const { watch, violations } = flushed();
  watch.landed(OWNER, version(2), manifest({ logStart: 5, segments: [0] }));
  for (const key of [place(1), place(1), place(4), version(1), segment(7)]) watch.deletes(OWNER, key);
  assert.deepEqual(violations, []);
});

describe("must not be deleted:", () => {
  const cases = {
    "a chunk that the log still begins before": place(3),
    "a fence": place(0),
    "a marker": version(0),
    "the manifest in force": version(1),
    "a segment that it names": segment(0),
    "what belongs to nobody": "deployment.json",
  };
  for (const [what, key] of Object.entries(cases))
    test(what, () => {
      const { watch, violations } = flushed();
      watch.deletes(OWNER, key);
      assert.equal(violations.length, 1, violations.join());
    });
});

test("a fence that was put into a collected place is none of the log's, and may go", () => {
  const { watch, violations } = flushed();
  watch.deletes(OWNER, place(1));
  watch.landed(OWNER, place(1), OBJECT);
  watch.deletes(OWNER, place(1));
  assert.deepEqual(violations, []);
});

test("a marker that was put into a collected version is none of the chain's, and may go", () => {
  const { watch, violations } = flushed();
  watch.landed(OWNER, version(2), manifest({ logStart: 5, segments: [0] }));
  watch.deletes(OWNER, version(1));
  watch.landed(OWNER, version(1), manifest({ epoch: 2, markers: [0, 1] }));
  watch.deletes(OWNER, version(1));
  assert.deepEqual(violations, []);
});

test("epochs do not go back", () => {
  const { watch, violations } = flushed();
  watch.landed(OWNER, version(2), manifest({ epoch: 2, logStart: 3, markers: [0, 2], segments: [0] }));
  assert.deepEqual(violations, []);
  watch.landed(OWNER, version(3), manifest({ epoch: 1, logStart: 3, markers: [0, 2], segments: [0] }));
  assert.equal(violations.length, 1);
});

test("no record is in two segments, unless one has taken the other's place", () => {
  const { watch, violations } = flushed();
  watch.landed(OWNER, segment(1), segmentFrom([2, 3]));
  watch.landed(OWNER, version(2), manifest({ logStart: 5, segments: [0, 1] }));
  watch.landed(OWNER, segment(2), segmentFrom([0, 2]));
  watch.landed(OWNER, version(3), manifest({ logStart: 5, segments: [2] }));
  assert.deepEqual(violations, []);
  watch.landed(OWNER, version(4), manifest({ logStart: 5, segments: [1, 2] }));
  assert.equal(violations.length, 1, violations.join());
});

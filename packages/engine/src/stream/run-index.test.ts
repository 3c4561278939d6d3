// What is trimmed is hidden at once and forgotten one trim later; what is kept stays findable, and only that counts as stored.
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { RunIndex } from "./run-index.ts";

/** Ten records of ten bytes each a run, every run in a chunk of its own. */
function tenRuns(): RunIndex {
  const index = new RunIndex();
  for (let run = 0; run < 10; run += 1) index.add(10 * run, run, 0, 100, run, 0, 100);
  return index;
}

test("a trim hides runs that lie wholly before it, and forgets what the trim before had hidden", () => {
  const index = tenRuns();
  index.trim(35, 0, 100);
  assert.deepEqual([index.count, index.firstKept, index.meteredBytes], [10, 3, 700]);
  index.trim(60, 35, 100);
  assert.deepEqual([index.count, index.firstKept, index.meteredBytes], [7, 3, 400]);
  assert.equal(index.firstSeqNum(0), 30);
  index.trim(100, 60, 100);
  assert.deepEqual([index.count, index.firstKept, index.meteredBytes], [4, 4, 0]);
});

test("what is written behind a trim of everything, in the same chunk, is a run of its own", () => {
  const index = new RunIndex();
  index.add(0, 7, 0, 100, 1, 0, 10);
  index.trim(1, 0, 1);
  index.add(1, 7, 100, 200, 1, 0, 20);
  assert.deepEqual([index.count, index.firstKept, index.meteredBytes], [2, 1, 20]);
  assert.equal(index.firstSeqNum(index.runOf(1)), 1);
});

test("whatever is written and trimmed, every record that is kept is found, and what is hidden is not counted", () => {
  const step = fc.oneof(
    fc.record({ kind: fc.constant("write" as const), records: fc.integer({ min: 1, max: 5 }), newChunk: fc.boolean() }),
    fc.record({ kind: fc.constant("trim" as const), part: fc.double({ min: 0, max: 1, noNaN: true }) }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const index = new RunIndex();
      const chunkOf: number[] = [];
      let [next, chunk, offset, trimPoint, before] = [0, 0, 0, 0, 0];
      for (const each of steps) {
        if (each.kind === "write") {
          if (each.newChunk) [chunk, offset] = [chunk + 1, 0];
          index.add(next, chunk, offset, offset + each.records, 0, 0, each.records);
          for (let i = 0; i < each.records; i += 1) chunkOf.push(chunk);
          next += each.records;
          offset += each.records;
        } else {
          const to = Math.floor(each.part * next);
          if (to <= trimPoint) continue;
          [before, trimPoint] = [trimPoint, to];
          index.trim(trimPoint, before, next);
        }
      }
      for (let seqNum = before; seqNum < next; seqNum += 1) {
        const run = index.runOf(seqNum);
        assert.ok(index.firstSeqNum(run) <= seqNum);
        assert.equal(index.object(run), chunkOf[seqNum]);
        const end = run + 1 < index.count ? index.firstSeqNum(run + 1) : next;
        assert.equal(run >= index.firstKept, end > trimPoint);
      }
      assert.ok(index.meteredBytes >= next - trimPoint);
      if (trimPoint === next) assert.equal(index.meteredBytes, 0);
    }),
  );
});

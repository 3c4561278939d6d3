// Two caches, one bound: never more than it, never less than what each is promised.
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { type BoundedCache, CacheBudget } from "./cache-budget.ts";

class Pieces implements BoundedCache {
  readonly pieces: number[] = [];

  get bytes(): number {
    return this.pieces.reduce((sum, piece) => sum + piece, 0);
  }

  dropOldest(): void {
    assert.ok(this.pieces.length > 0, "there is nothing to drop");
    this.pieces.shift();
  }
}

test("the bound holds, and neither cache is emptied for the other", () => {
  const steps = fc.array(fc.tuple(fc.boolean(), fc.integer({ min: 1, max: 100 })), { maxLength: 200 });
  fc.assert(
    fc.property(steps, (all) => {
      const budget = new CacheBudget(400);
      const written = new Pieces();
      const fetched = new Pieces();
      budget.bind(written, fetched);
      for (const [isFetched, piece] of all) {
        const before = { written: written.bytes, fetched: fetched.bytes };
        (isFetched ? fetched : written).pieces.push(piece);
        budget.enforce();
        assert.ok(written.bytes + fetched.bytes <= 400);
        // What lies within its share is not dropped for written chunks, and neither are these for what is beyond it.
        if (!isFetched && before.fetched <= 100) assert.equal(fetched.bytes, before.fetched);
        if (isFetched && written.bytes < before.written) assert.ok(fetched.bytes <= 100);
        // Nothing is dropped while there is room.
        if (before.written + before.fetched + piece <= 400)
          assert.equal(written.bytes + fetched.bytes, before.written + before.fetched + piece);
      }
    }),
  );
});

test("something larger than the whole is not kept", () => {
  const budget = new CacheBudget(400);
  const written = new Pieces();
  const fetched = new Pieces();
  budget.bind(written, fetched);
  written.pieces.push(500);
  budget.enforce();
  assert.equal(written.bytes + fetched.bytes, 0);
  fetched.pieces.push(500);
  budget.enforce();
  assert.equal(written.bytes + fetched.bytes, 0);
});

// The heap against a list that is searched: whatever is put in, moved and taken out, the first is the earliest.
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { type Due, DueHeap } from "./due-heap.ts";

interface Member extends Due {
  readonly name: number;
}

test("the first is always the earliest of those that are in", () => {
  const step = fc.record({ name: fc.nat(30), dueMs: fc.nat(50), isOut: fc.boolean() });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
      const heap = new DueHeap<Member>();
      const members = Array.from({ length: 31 }, (_, name): Member => ({ name, dueMs: 0, heapIndex: -1 }));
      const expected = new Map<number, number>();
      for (const { name, dueMs, isOut } of steps) {
        if (isOut) {
          heap.delete(members[name]);
          expected.delete(name);
        } else {
          heap.set(members[name], dueMs);
          expected.set(name, dueMs);
        }
        assert.equal(heap.size, expected.size);
        assert.equal(heap.first?.dueMs, expected.size === 0 ? undefined : Math.min(...expected.values()));
      }
      const drained: number[] = [];
      for (let first = heap.first; first !== undefined; first = heap.first) {
        drained.push(first.dueMs);
        heap.delete(first);
        assert.equal(first.heapIndex, -1);
      }
      assert.deepEqual(
        drained,
        [...expected.values()].sort((a, b) => a - b),
      );
    }),
  );
});

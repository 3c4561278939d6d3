import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { RankTree } from "./rank-tree.ts";

type Entry = readonly [score: number, member: string];

const order = (a: Entry, b: Entry) => a[0] - b[0] || (a[1] < b[1] ? -1 : a[1] > b[1] ? 1 : 0);

const list = (tree: RankTree, from: number, to: number, reverse = false): Entry[] => {
  const entries: Entry[] = [];
  tree.each(from, to, reverse, (member, score) => entries.push([score, member]));
  return entries;
};

test("ranks, counts and ranges are those of a sorted array, while it grows to three levels and shrinks to nothing", () => {
  fc.assert(
    fc.property(fc.integer(), fc.constantFrom(3, 500, 1e9), (seed, spread) => {
      let state = seed >>> 0;
      const random = (below: number) => {
        state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
        return Math.floor((state / 2 ** 32) * below);
      };
      const tree = new RankTree();
      const model = new Map<string, number>();
      const check = () => {
        const sorted = [...model].map(([member, score]): Entry => [score, member]).sort(order);
        assert.equal(tree.size, sorted.length);
        assert.deepEqual(list(tree, 0, sorted.length), sorted);
        for (let i = 0; i < 20; i += 1) {
          const from = random(sorted.length + 1);
          const to = random(sorted.length + 1);
          assert.deepEqual(list(tree, from, to), sorted.slice(from, to));
          assert.deepEqual(list(tree, from, to, true), sorted.slice(from, to).reverse());
          const boundary: Entry = [random(spread), `m${random(6000)}`];
          assert.equal(tree.rank(...boundary), sorted.filter((entry) => order(entry, boundary) < 0).length);
          assert.equal(
            tree.count((score) => score <= boundary[0]),
            sorted.filter(([score]) => score <= boundary[0]).length,
          );
        }
        const entry = sorted[random(sorted.length)];
        if (entry !== undefined) assert.equal(tree.rank(...entry), sorted.indexOf(entry));
      };
      for (const [steps, growing] of [
        [6000, 0.9],
        [3000, 0.5],
        [6000, 0.1],
      ]) {
        for (let i = 0; i < steps; i += 1) {
          const member = `m${random(6000)}`;
          const score = model.get(member);
          if (score !== undefined) tree.remove(score, member);
          model.delete(member);
          if (random(1000) >= growing * 1000) continue;
          const next = random(spread);
          tree.insert(next, member);
          model.set(member, next);
        }
        check();
      }
      for (const [member, score] of model) {
        tree.remove(score, member);
        model.delete(member);
      }
      check();
    }),
    { numRuns: 8 },
  );
});

test("what is not in it cannot be taken out", () => {
  const tree = new RankTree();
  tree.insert(1, "a");
  assert.throws(() => tree.remove(2, "a"), /not in the tree/);
});

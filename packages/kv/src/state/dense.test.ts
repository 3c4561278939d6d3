import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { DenseMap } from "./dense-map.ts";
import { DenseSet, scanStep } from "./dense-set.ts";

const member = fc.integer({ min: 0, max: 60 }).map(String);
const changes = fc.array(fc.record({ add: fc.boolean(), member }), { maxLength: 300 });

test("a dense set is a set, each member at one position", () => {
  fc.assert(
    fc.property(changes, (changes) => {
      const dense = new DenseSet();
      const model = new Set<string>();
      for (const { add, member } of changes) {
        assert.equal(add ? dense.add(member) : dense.delete(member), add ? !model.has(member) : model.has(member));
        if (add) model.add(member);
        else model.delete(member);
      }
      assert.deepEqual([...dense.members].sort(), [...model].sort());
      for (let at = 0; at < dense.size; at += 1) assert.equal(dense.indexOf(dense.at(at)), at);
      assert.equal(dense.indexOf("none"), -1);
    }),
  );
});

test("a small one keeps the order in which members came", () => {
  const dense = new DenseSet();
  for (const member of "abcdefg") dense.add(member);
  dense.delete("b");
  dense.add("b");
  assert.equal(dense.members.join(""), "acdefgb");
});

test("restored from its members it goes on in the same order as the one that was never restored", () => {
  fc.assert(
    fc.property(changes, changes, (before, after) => {
      const play = (set: DenseSet, changes: typeof before) => {
        for (const { add, member } of changes) add ? set.add(member) : set.delete(member);
      };
      const lived = new DenseSet();
      play(lived, before);
      const restored = new DenseSet();
      for (const member of lived.members) restored.add(member);
      play(lived, after);
      play(restored, after);
      assert.deepEqual(restored.members, lived.members);
    }),
  );
});

test("a scan visits everyone who is there all the time, whatever else comes and goes", () => {
  fc.assert(
    fc.property(
      changes,
      fc.array(changes, { maxLength: 80 }),
      fc.integer({ min: 1, max: 12 }),
      (first, between, count) => {
        const set = new DenseSet();
        for (const { add, member } of first) add ? set.add(member) : set.delete(member);
        const always = new Set(set.members);
        const visited = new Set<string>();
        let cursor = 0;
        let steps = 0;
        do {
          const step = scanStep(set.size, cursor, count);
          for (let at = step.from; at < step.to; at += 1) visited.add(set.at(at));
          cursor = step.cursor;
          for (const { add, member } of between[steps] ?? []) {
            if (add) set.add(member);
            else if (set.delete(member)) always.delete(member);
          }
          steps += 1;
          assert.ok(steps < 200, "scans end");
        } while (cursor !== 0);
        for (const member of always) assert.ok(visited.has(member), member);
      },
    ),
  );
});

test("a dense map is a map", () => {
  fc.assert(
    fc.property(fc.array(fc.record({ set: fc.boolean(), member, value: fc.nat() }), { maxLength: 300 }), (changes) => {
      const dense = new DenseMap<number>();
      const model = new Map<string, number>();
      for (const { set, member, value } of changes) {
        const before = model.get(member);
        assert.equal(set ? dense.set(member, value) : dense.delete(member), before);
        if (set) model.set(member, value);
        else model.delete(member);
        assert.equal(dense.get(member), model.get(member));
      }
      const entries = dense.keys.map((key, at): [string, number] => [key, dense.values[at]]);
      assert.deepEqual(new Map(entries), model);
      assert.equal(dense.size, model.size);
    }),
  );
});

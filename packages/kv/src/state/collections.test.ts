// What every collection promises its keyspace: counts that depend on the contents alone, copies that stand apart, and elements
// that make it anew.
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { Hash } from "./hash.ts";
import { List } from "./list.ts";
import { SortedSet } from "./sorted-set.ts";
import { StringSet } from "./string-set.ts";
import type { Collection } from "./value.ts";

const place = fc.nat({ max: 40 });
const item = fc.string({ maxLength: 3, unit: "binary-ascii" });

/** Changes a collection by a number and a string. */
type Change<C> = (collection: C, a: number, text: string) => void;

interface Kind {
  make(): Collection;
  readonly changes: readonly Change<Collection>[];
}

const kind = <C extends Collection>(make: () => C, changes: readonly Change<C>[]): Kind => ({
  make,
  // They are given what `make` makes, and nothing else.
  changes: changes as readonly Change<Collection>[],
});

const kinds: readonly Kind[] = [
  kind(() => new Hash(), [(hash, a, text) => hash.set(`f${a}`, text), (hash, a) => hash.delete(`f${a}`)]),
  kind(() => new StringSet(), [(set, a) => set.add(`m${a}`), (set, a) => set.delete(`m${a}`)]),
  kind(
    () => new SortedSet(),
    [
      (set, a, text) => set.set(`m${a}`, text.length - 1.5),
      (set, a) => set.set(`m${a}`, Number.NEGATIVE_INFINITY),
      (set, a) => set.delete(`m${a}`),
    ],
  ),
  kind(
    () => new List(),
    [
      (list, _, text) => list.push("head", text),
      (list, _, text) => list.push("tail", text),
      (list) => list.pop("head"),
      (list) => list.pop("tail"),
      (list, a, text) => list.insert(Math.min(a, list.size), text),
      (list, a, text) => a < list.size && list.set(a, text),
      (list, a, text) => list.removeEqual(text, (a % 3) + 1, a % 2 === 0 ? "head" : "tail"),
      (list, a) => list.trim(Math.min(a % 3, list.size), Math.max(list.size - (a % 4), Math.min(a % 3, list.size))),
    ],
  ),
];

for (const { make, changes } of kinds) {
  const play = (collection: Collection, steps: readonly (readonly [number, number, string])[]) => {
    for (const [which, a, text] of steps) changes[which % changes.length](collection, a, text);
  };
  const steps = fc.array(fc.tuple(fc.nat({ max: 7 }), place, item), { maxLength: 150 });

  test(`${make().type}: made anew from its elements it is the same, counts included, and stays so`, () => {
    fc.assert(
      fc.property(steps, steps, (before, after) => {
        const lived = make();
        play(lived, before);
        const copies = [make(), lived.clone()];
        for (const element of lived.elements()) copies[0].load(element);
        for (const copy of copies) {
          assert.deepEqual([copy.size, copy.bytes, copy.sum], [lived.size, lived.bytes, lived.sum]);
          assert.deepEqual([...copy.elements()], [...lived.elements()]);
        }
        play(lived, after);
        for (const copy of copies) {
          play(copy, after);
          assert.deepEqual([copy.size, copy.bytes, copy.sum], [lived.size, lived.bytes, lived.sum]);
          assert.deepEqual([...copy.elements()], [...lived.elements()]);
        }
      }),
    );
  });

  test(`${make().type}: changes of a copy do not show in it, and other contents have another sum`, () => {
    fc.assert(
      fc.property(steps, steps, (before, after) => {
        const original = make();
        play(original, before);
        const image = JSON.stringify([...original.elements()]);
        const { sum, bytes } = original;
        const copy = original.clone();
        play(copy, after);
        assert.equal(JSON.stringify([...original.elements()]), image);
        assert.deepEqual([original.sum, original.bytes], [sum, bytes]);
        const contents = (collection: Collection) => {
          const elements = [...collection.elements()].map((element) => JSON.stringify(element));
          return JSON.stringify(collection.type === "list" ? elements : elements.sort());
        };
        assert.equal(copy.sum === original.sum, contents(copy) === contents(original));
      }),
    );
  });

  test(`${make().type}: emptied, it is as new`, () => {
    const collection = make();
    assert.deepEqual([collection.size, collection.bytes, collection.sum], [0, 0, 0]);
    assert.throws(() => collection.load(["a", "b", "c"]));
  });
}

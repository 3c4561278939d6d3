import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { keyHash } from "./key-hash.ts";
import { KeyTable } from "./key-table.ts";

test("the hash is HalfSipHash-1-3", () => {
  const key = [0x03020100, 0x07060504] as const;
  const text = (length: number): string => String.fromCharCode(...Array.from({ length }, (_, i) => i));
  // By another program, from the definition of the function.
  const expected = [
    [0, 0x5814c896],
    [1, 0xe7e864ca],
    [3, 0x1539939],
    [4, 0x7e059ea6],
    [7, 0x9d38d9d6],
    [8, 0x577999b1],
    [63, 0x87178304],
    [256, 0x2415d44],
  ] as const;
  for (const [length, hash] of expected) assert.equal(keyHash(text(length), ...key) >>> 0, hash);
});

test("a table does as a map does, in the order of a map", () => {
  const key = fc.integer({ min: 0, max: 40 }).map((n) => `k${n}`);
  const step = fc.tuple(fc.constantFrom("set", "set", "delete"), key);
  fc.assert(
    fc.property(fc.array(step, { maxLength: 400 }), (steps) => {
      const [table, map] = [new KeyTable<number>(), new Map<string, number>()];
      steps.forEach(([what, key], i) => {
        if (what === "set") {
          table.set(key, i);
          map.set(key, i);
        } else assert.equal(table.delete(key), map.delete(key));
        assert.equal(table.size, map.size);
      });
      assert.deepEqual([...table.entries()], [...map]);
      assert.deepEqual([...table.keys()], [...map.keys()]);
      for (let n = 0; n <= 40; n += 1) {
        assert.equal(table.get(`k${n}`), map.get(`k${n}`));
        assert.equal(table.has(`k${n}`), map.has(`k${n}`));
      }
    }),
  );
});

test("what has grown and been emptied goes on", () => {
  const table = new KeyTable<number>();
  for (let round = 0; round < 3; round += 1) {
    for (let n = 0; n < 20_000; n += 1) table.set(`key:${n}`, n);
    assert.equal(table.size, 20_000);
    for (let n = 0; n < 20_000; n += 1) assert.equal(table.get(`key:${n}`), n);
    for (let n = 0; n < 20_000; n += 1) if (n % 1000 !== 0) assert.equal(table.delete(`key:${n}`), true);
    assert.deepEqual(
      [...table.keys()],
      Array.from({ length: 20 }, (_, i) => `key:${i * 1000}`),
    );
    for (const key of [...table.keys()]) table.delete(key);
    assert.equal(table.size, 0);
  }
});

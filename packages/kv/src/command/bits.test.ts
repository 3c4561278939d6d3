import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { Shell } from "./testing/shell.ts";

/** The naive model: a string as its bits. */
const bitsOf = (text: string): string =>
  [...text].map((character) => character.charCodeAt(0).toString(2).padStart(8, "0")).join("");

const bytes = fc.uint8Array({ minLength: 1, maxLength: 12 }).map((array) => Buffer.from(array).toString("latin1"));

test("bits are counted and found in any range as in a string of digits", () => {
  fc.assert(
    fc.property(bytes, fc.nat(11), fc.nat(11), fc.constantFrom("0", "1"), (value, from, to, bit) => {
      const shell = new Shell();
      shell.run("SET", "k", value);
      const bits = bitsOf(value);
      const range = bits.slice(from, to + 1);
      assert.equal(shell.run("BITCOUNT", "k"), [...bits].filter((digit) => digit === "1").length);
      assert.equal(
        shell.run("BITCOUNT", "k", String(from), String(to), "BIT"),
        [...range].filter((digit) => digit === "1").length,
      );
      const found = range.indexOf(bit);
      assert.equal(shell.run("BITPOS", "k", bit, String(from), String(to), "BIT"), found < 0 ? -1 : from + found);
      assert.equal(shell.run("GETBIT", "k", String(from)), from < bits.length ? Number(bits[from]) : 0);
    }),
  );
});

test("a field reads back as it was written, whatever its width and place", () => {
  fc.assert(
    fc.property(bytes, fc.integer({ min: 1, max: 63 }), fc.nat(100), fc.bigInt(), (value, width, offset, number) => {
      const shell = new Shell();
      shell.run("SET", "k", value);
      const written = BigInt.asIntN(width, number);
      const at = String(offset);
      shell.run("BITFIELD", "k", "SET", `i${width}`, at, String(written));
      assert.deepEqual(
        shell.run("BITFIELD_RO", "k", "GET", `i${width}`, at),
        [Number(written)].map((n) => (Number.isSafeInteger(n) ? n : written)),
      );
      const before = bitsOf(value).padEnd(200, "0");
      const after = bitsOf(String(shell.run("GET", "k"))).padEnd(200, "0");
      assert.equal(after.slice(0, offset), before.slice(0, offset));
      assert.equal(after.slice(offset + width, 200), before.slice(offset + width, 200));
    }),
  );
});

test("a field that overflows wraps, stops or refuses, as it was told", () => {
  const shell = new Shell();
  assert.deepEqual(shell.line("BITFIELD k SET u8 0 250 INCRBY u8 0 10"), [0, 4]);
  assert.deepEqual(shell.line("BITFIELD k OVERFLOW SAT INCRBY u8 0 300 OVERFLOW FAIL INCRBY u8 0 1"), [255, null]);
  assert.deepEqual(shell.line("BITFIELD k OVERFLOW SAT SET i8 #1 -200"), [0]);
  assert.deepEqual(shell.line("BITFIELD k GET i8 8"), [-128]);
});

test("operations take missing bytes for zeros", () => {
  const shell = new Shell();
  shell.run("SET", "a", "\xf0\x0f");
  shell.run("SET", "b", "\xff");
  assert.equal(shell.line("BITOP AND r a b"), 2);
  assert.equal(shell.run("GET", "r"), "\xf0\x00");
  assert.equal(shell.line("BITOP NOT r a"), 2);
  assert.equal(shell.run("GET", "r"), "\x0f\xf0");
  assert.equal(shell.line("BITOP XOR r nothing"), 0);
  assert.equal(shell.line("EXISTS r"), 0);
});

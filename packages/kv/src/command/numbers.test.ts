import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { CommandError } from "./errors.ts";
import { addLongDoubles as add, isInfinite, isLongDouble } from "./long-double.ts";
import { formatDouble, parseDouble } from "./numbers.ts";

test("sums are those of the x87 format, written with up to 17 decimals", () => {
  // As redis-server 7.0 answers.
  assert.equal(add("0.1", "0.2"), "0.3");
  assert.equal(add("0.3", "-0.3"), "0");
  assert.equal(add("3", "1.1"), "4.1");
  assert.equal(add("-0", "-0"), "0");
  assert.equal(add("0", "-1e-18"), "0");
  assert.equal(add("0x1p3", "0"), "8");
  assert.equal(add("1e22", "1"), "10000000000000000000000");
  assert.match(
    add("1e4000", "0"),
    /^99999999999999999999654638730996237849324925835069576313015083330432619433063423554818/,
  );
  for (const beyond of ["1e4932", "inf", "-inf"])
    assert.throws(() => add("1e4932", beyond), { text: "ERR increment would produce NaN or Infinity" });
});

test("what is no long double is told from what is", () => {
  for (const text of [
    "",
    " 1",
    "1 ",
    "nan",
    "1e5000",
    "1e-4960",
    "e1",
    ".",
    "0x",
    "1.2.3",
    "--1",
    "1e",
    `1${"0".repeat(5200)}`,
  ]) {
    assert.equal(isLongDouble(text), false, text.slice(0, 20));
    assert.throws(() => add(text, "0"), CommandError);
  }
  for (const text of ["inf", "-INF", "+infinity"]) assert.ok(isLongDouble(text) && isInfinite(text));
  assert.equal(isLongDouble(`1e${"9".repeat(100)}`), false);
});

test("integers of 64 bits are exact", () => {
  fc.assert(
    fc.property(
      fc.bigInt({ min: -(2n ** 62n), max: 2n ** 62n }),
      fc.bigInt({ min: -(2n ** 62n), max: 2n ** 62n }),
      (a, b) => {
        assert.equal(add(String(a), String(b)), String(a + b));
      },
    ),
  );
});

test("doubles come back as the number that they were, with at most 17 digits", () => {
  fc.assert(
    fc.property(fc.double({ noNaN: true }), (value) => {
      const text = formatDouble(value);
      assert.equal(parseDouble(text), value === 0 ? 0 : value);
      assert.ok(text.replace(/e.*/, "").replace(/\D/g, "").replace(/^0+/, "").length <= 17, text);
    }),
    { numRuns: 2000 },
  );
  // As "%.17g" writes them.
  for (const [value, text] of [
    [1.1, "1.1000000000000001"],
    [1e-5, "1.0000000000000001e-05"],
    [0.0001, "0.0001"],
    [1e30, "1e+30"],
    [12345678901234567e3, "1.2345678901234567e+19"],
    [1e17, "1e+17"],
    [1e16, "10000000000000000"],
    [-2.5, "-2.5"],
    [1e14 + 0.125, "100000000000000.12"],
    [-1e14 - 0.375, "-100000000000000.38"],
    [5e-324, "4.9406564584124654e-324"],
    [1.7976931348623157e308, "1.7976931348623157e+308"],
    [2 ** 53 + 2, "9007199254740994"],
  ] as const)
    assert.equal(formatDouble(value), text);
});

test("scores are read as strtod does", () => {
  for (const text of ["", " 1", "1 ", "nan", "1e400", "1e-400", "e1", ".", "0x", "+", "1e", "0x1p5000"])
    assert.equal(parseDouble(text), undefined, text);
  for (const [text, value] of [
    ["0x10", 16],
    ["-0x.8", -0.5],
    ["1.", 1],
    [".5", 0.5],
    ["+1e3", 1000],
    ["inf", Number.POSITIVE_INFINITY],
    ["-Infinity", Number.NEGATIVE_INFINITY],
    ["-0", 0],
    ["0e-400", 0],
  ] as const)
    assert.equal(parseDouble(text), value);
});

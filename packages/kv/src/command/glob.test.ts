import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { glob } from "./glob.ts";

test("patterns match as Redis's do", () => {
  const matching = [
    ["*", ""],
    ["h?llo", "hello"],
    ["h*llo", "heeeello"],
    ["h[ae]llo", "hallo"],
    ["h[^e]llo", "hallo"],
    ["h[a-c]llo", "hbllo"],
    ["h[c-a]llo", "hbllo"],
    ["h\\*llo", "h*llo"],
    ["[\\]]", "]"],
    ["a*b*c", "a-b-b-c"],
    ["[a", "a"],
  ];
  for (const [pattern, text] of matching) assert.ok(glob(pattern)(text), `${pattern} ~ ${text}`);
  const other = [
    ["", "a"],
    ["h?llo", "hllo"],
    ["h[^e]llo", "hello"],
    ["h\\*llo", "hello"],
    ["a*b", "a-b-"],
  ];
  for (const [pattern, text] of other) assert.ok(!glob(pattern)(text), `${pattern} !~ ${text}`);
});

test("any pattern can be asked of any text, and literal ones match themselves alone", () => {
  fc.assert(
    fc.property(fc.string({ maxLength: 20 }), fc.string({ maxLength: 40 }), (pattern, text) => {
      glob(pattern)(text);
      const literal = pattern.replaceAll(/[\\*?[]/g, "\\$&");
      assert.equal(glob(literal)(text), pattern === text);
      assert.ok(glob(literal)(pattern));
    }),
  );
});

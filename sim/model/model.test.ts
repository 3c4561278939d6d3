// The protocol as it is holds in every state of the small worlds, and each deliberate mistake is found in one of them.
import assert from "node:assert/strict";
import { test } from "node:test";
import { describeViolation } from "./describe.ts";
import { explore } from "./explore.ts";
import { chunksOf, doubles, EMPTY_HISTORY, extended, isPrefix, lengthOf } from "./history.ts";
import { layout } from "./layout.ts";
import { MUTANT_CASES, MUTANTS } from "./mutants.ts";
import { SMALL_WORLDS } from "./worlds.ts";

for (const [name, bounds] of Object.entries(SMALL_WORLDS)) {
  test(`the protocol holds in the world of ${name}`, () => {
    const { violation, complete } = explore({ bounds, mutants: {} });
    assert.equal(violation === undefined ? "" : describeViolation(violation), "");
    assert.ok(complete);
  });
}

for (const { mutant, world, breaks, behindIt } of MUTANT_CASES) {
  test(`found: ${behindIt === undefined ? mutant : `${mutant}, and ${behindIt}`}`, () => {
    const mutants = { [mutant]: true, ...(behindIt === undefined ? {} : { [behindIt]: true }) };
    const { violation } = explore({ bounds: SMALL_WORLDS[world], mutants, harmOnly: behindIt !== undefined });
    assert.equal(violation?.invariant, breaks);
  });
}

test("every mutant is in the table", () => {
  assert.deepEqual(new Set(MUTANT_CASES.map(({ mutant }) => mutant)), new Set(MUTANTS));
});

test("a history is a list of chunks", () => {
  const one = extended(EMPTY_HISTORY, 3);
  const two = extended(one, 7);
  assert.deepEqual(chunksOf(two), [3, 7]);
  assert.deepEqual([EMPTY_HISTORY, one, two].map(lengthOf), [0, 1, 2]);
  assert.ok(isPrefix(EMPTY_HISTORY, two) && isPrefix(one, two) && isPrefix(two, two));
  assert.ok(!doubles(two) && doubles(extended(two, 3)));
  assert.ok(!isPrefix(two, one) && !isPrefix(extended(EMPTY_HISTORY, 7), two));
});

test("fields lie side by side, and do not touch each other", () => {
  const record = layout({ first: 1, wide: 2, last: 1 });
  assert.equal(record.bytes, 4);
  const view = record.view(new Uint8Array(8), 4);
  view.first = 255;
  view.wide = 0xabcd;
  view.last = 1;
  assert.deepEqual([view.first, view.wide, view.last], [255, 0xabcd, 1]);
});

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { SessionTable } from "./session-table.ts";

test("a session's commands count once each, in order", () => {
  const table = new SessionTable(4);
  table.open(7);
  assert.equal(table.admit(7, 1), "gap");
  assert.equal(table.admit(7, 0), "next");
  assert.equal(table.admit(7, 0), "repeated");
  assert.equal(table.admit(7, 2), "gap");
  assert.equal(table.admit(7, 1), "next");
  assert.equal(table.admit(7, 0), "repeated");
  assert.equal(table.nextOf(7), 2);
  assert.equal(table.admit(8, 0), "unknown");
});

test("the least recently heard of leaves, and stays out", () => {
  const table = new SessionTable(2);
  assert.equal(table.open(1), undefined);
  assert.equal(table.open(2), undefined);
  // A repetition is a sign of life, too.
  table.admit(1, 0);
  table.admit(2, 0);
  table.admit(1, 0);
  assert.equal(table.open(3), 2);
  assert.equal(table.admit(2, 1), "unknown");
  assert.equal(table.admit(2, 0), "unknown");
  assert.equal(table.admit(1, 1), "next");
  assert.equal(table.open(4), 3);
});

test("a table made from what another one says goes on alike", () => {
  const step = fc.record({ open: fc.boolean(), session: fc.nat(8), counter: fc.nat(3) });
  fc.assert(
    fc.property(fc.array(step), fc.array(step), (before, after) => {
      const table = new SessionTable(3);
      let position = 10;
      const play = (played: SessionTable, steps: typeof before) =>
        steps.map(({ open, session, counter }) =>
          open ? played.open(position++) : played.admit([...played].at(session)?.[0] ?? session, counter),
        );
      play(table, before);
      const copy = SessionTable.from(3, table);
      const resumed = position;
      const expected = play(table, after);
      position = resumed;
      assert.deepEqual(play(copy, after), expected);
      assert.deepEqual([...copy], [...table]);
    }),
  );
});

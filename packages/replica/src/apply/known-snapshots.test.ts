import assert from "node:assert/strict";
import { test } from "node:test";
import { KnownSnapshots } from "./known-snapshots.ts";

test("nothing is trimmed before there are two, and then below the second newest", () => {
  const snapshots = new KnownSnapshots();
  assert.equal(snapshots.announce({ next: 100, first: 0 }), undefined);
  // Said twice is one.
  assert.equal(snapshots.announce({ next: 100, first: 0 }), undefined);
  assert.deepEqual(snapshots.announce({ next: 200, first: 10 }), { log: 100, snapshots: 0 });
  assert.deepEqual(snapshots.announce({ next: 300, first: 20 }), { log: 200, snapshots: 10 });
});

test("newest is whose state is newest, not who was announced last", () => {
  const snapshots = new KnownSnapshots([
    { next: 300, first: 20 },
    { next: 200, first: 10 },
  ]);
  assert.deepEqual(snapshots.announce({ next: 250, first: 15 }), { log: 250, snapshots: 15 });
  assert.deepEqual(
    snapshots.known.map(({ next }) => next),
    [300, 250],
  );
});

test("one whose first pieces may be gone already does not count", () => {
  const snapshots = new KnownSnapshots([], 30);
  assert.equal(snapshots.announce({ next: 900, first: 29 }), undefined);
  assert.deepEqual(snapshots.known, []);
});

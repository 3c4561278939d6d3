import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { Shell } from "../command/testing/shell.ts";
import { command } from "../machine/testing/hostile.ts";
import { Keyspace } from "../state/keyspace.ts";
import { type Change, History } from "./history.ts";

class Remembering extends Shell {
  readonly history: History;

  constructor(maxBytes: number) {
    super(new Keyspace());
    this.history = new History(maxBytes);
    this.history.began(this.keyspace);
    this.keyspace.listen(this.history);
  }

  /** All changes after a revision, in order. */
  after(revision: number): Change[] {
    const changes: Change[] = [];
    const first = this.history.after(revision);
    if (first === undefined) return [];
    for (let place = first; ; place += 1) {
      const change = this.history.at(place);
      if (change === undefined) return changes;
      changes.push(change);
    }
  }
}

/** What is in the keyspace, as far as changes tell. */
function contents({ keyspace }: Shell): Map<string, unknown> {
  return new Map(
    [...keyspace.keys()].map((key) => {
      const entry = keyspace.get(key);
      assert.ok(entry !== undefined);
      return [
        key,
        [typeof entry.value === "string" ? entry.value : entry.value.type, entry.expiresAtMs, entry.revision],
      ];
    }),
  );
}

function replay(into: Map<string, unknown>, changes: readonly Change[]): void {
  for (const { key, revision, type, value, expiresAtMs } of changes) {
    if (key === undefined) into.clear();
    else if (type === undefined) into.delete(key);
    else into.set(key, [value ?? type, expiresAtMs, revision]);
  }
}

test("from any revision on that is remembered, the changes lead to the state as it is", () => {
  fc.assert(
    fc.property(fc.array(command, { maxLength: 60 }), fc.constantFrom(300, 2000, 1e6), (commands, maxBytes) => {
      const shell = new Remembering(maxBytes);
      const states = [{ revision: 0, contents: contents(shell) }];
      for (const args of commands) {
        shell.pass(1);
        shell.run(...args);
        states.push({ revision: shell.keyspace.revision, contents: contents(shell) });
      }
      assert.ok(shell.history.bytes <= maxBytes);
      for (const { revision, contents: replayed } of states) {
        if (revision < shell.history.floor) {
          assert.equal(shell.history.after(revision), undefined);
          continue;
        }
        replay(replayed, shell.after(revision));
        assert.deepEqual(replayed, contents(shell));
      }
    }),
    { numRuns: 300 },
  );
});

test("a key's history is its own part of all changes, removals of everything included", () => {
  fc.assert(
    fc.property(fc.array(command, { maxLength: 60 }), fc.constantFrom(1000, 1e6), (commands, maxBytes) => {
      const shell = new Remembering(maxBytes);
      for (const args of commands) {
        shell.run(...args);
        if (args.length === 5) shell.run("FLUSHALL");
      }
      for (const key of ["a", "b"]) {
        const own: [number, string | undefined][] = [];
        for (const change of shell.after(shell.history.floor)) {
          const isRemovalOfIt = change.key === undefined && own.at(-1)?.[1] !== undefined;
          if (change.key === key || isRemovalOfIt) own.push([change.revision, change.type]);
        }
        assert.deepEqual(
          [...shell.history.of(key)].map(({ revision, type }) => [revision, type]),
          own.reverse(),
        );
      }
    }),
    { numRuns: 300 },
  );
});

test("listeners are told once behind a record, and not after they have left", async () => {
  const shell = new Remembering(1e6);
  let told = 0;
  const leave = shell.history.on(() => {
    told += 1;
  });
  shell.run("MSET", "a", "1", "b", "2");
  shell.run("SET", "a", "2");
  await Promise.resolve();
  assert.equal(told, 1);
  leave();
  shell.run("SET", "a", "3");
  await Promise.resolve();
  assert.equal(told, 1);
});

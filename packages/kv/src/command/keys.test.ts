import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { Shell } from "./testing/shell.ts";

test("an expiry is set only under its conditions", () => {
  const shell = new Shell();
  shell.line("SET a 1");
  assert.equal(shell.line("EXPIRE a 10 XX"), 0);
  assert.equal(shell.line("EXPIRE a 10 GT"), 0);
  assert.equal(shell.line("EXPIRE a 10 LT"), 1);
  assert.equal(shell.line("EXPIRE a 20 NX"), 0);
  assert.equal(shell.line("EXPIRE a 20 LT"), 0);
  assert.equal(shell.line("EXPIRE a 20 GT"), 1);
  assert.equal(shell.line("TTL a"), 20);
  assert.equal(shell.line("PERSIST a"), 1);
  assert.equal(shell.line("PEXPIRE a -1"), 1);
  assert.equal(shell.line("EXISTS a"), 0);
});

test("a renamed or copied key keeps its expiry", () => {
  const shell = new Shell();
  shell.line("SET a 1 PX 100");
  assert.equal(shell.line("COPY a b"), 1);
  assert.equal(shell.line("COPY a b"), 0);
  assert.equal(shell.line("RENAME a c"), "OK");
  assert.equal(shell.line("RENAME a c"), "ERR no such key");
  assert.deepEqual([shell.line("PTTL b"), shell.line("PTTL c"), shell.line("EXISTS a")], [100, 100, 0]);
});

test("a scan meets what is there all the while exactly once, and ends whatever comes meanwhile", () => {
  const change = fc.record({ add: fc.nat(20), remove: fc.nat(60), count: fc.integer({ min: 1, max: 7 }) });
  fc.assert(
    fc.property(fc.array(change, { minLength: 1, maxLength: 30 }), (changes) => {
      const shell = new Shell();
      for (let i = 0; i < 50; i += 1) shell.run("SET", `old-${i}`, "");
      const removed = new Set<string>();
      const met: string[] = [];
      let cursor = "0";
      let calls = 0;
      do {
        const { add, remove, count } = changes[calls % changes.length];
        const reply = shell.run("SCAN", cursor, "COUNT", String(count)) as [string, string[]];
        cursor = reply[0];
        met.push(...reply[1]);
        for (let i = 0; i < add; i += 1) shell.run("SET", `new-${calls}-${i}`, "");
        shell.run("DEL", `old-${remove}`);
        removed.add(`old-${remove}`);
        calls += 1;
      } while (cursor !== "0" && calls < 200);
      assert.equal(cursor, "0");
      assert.equal(new Set(met).size, met.length);
      for (let i = 0; i < 50; i += 1) assert.ok(removed.has(`old-${i}`) || met.includes(`old-${i}`));
    }),
  );
});

test("a scan shows what it is asked for", () => {
  const shell = new Shell();
  for (const key of ["a1", "a2", "b1"]) shell.run("SET", key, "");
  assert.deepEqual(shell.line("SCAN 0 MATCH a*"), ["0", ["a2", "a1"]]);
  assert.deepEqual(shell.line("SCAN 0 TYPE hash"), ["0", []]);
  assert.deepEqual(shell.line("KEYS [^b]?"), ["a1", "a2"]);
  assert.equal(shell.line("SCAN x"), "ERR invalid cursor");
  assert.equal(shell.line("SCAN 0 COUNT 0"), "ERR syntax error");
});

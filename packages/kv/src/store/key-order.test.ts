import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { Shell } from "../command/testing/shell.ts";
import { command } from "../machine/testing/hostile.ts";
import { behind, behindPrefix, KeyOrder } from "./key-order.ts";

const text = fc.uint8Array({ maxLength: 4 }).map((bytes) => Buffer.from(bytes).toString("latin1"));

test("a prefix ends where the first key stands that does not begin with it", () => {
  fc.assert(
    fc.property(text, text, (prefix, key) => {
      const end = behindPrefix(prefix);
      const isIn = key >= prefix && (end === undefined || key < end);
      assert.equal(isIn, key.startsWith(prefix));
      assert.equal(prefix < behind(prefix) && !(key > prefix && key < behind(prefix)), true);
    }),
    { numRuns: 2000 },
  );
});

test("ranges are those of all keys sorted, whatever came and went while they were put in order", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(command, { maxLength: 60 }), text, text, fc.nat(5), async (commands, from, to, count) => {
      const shell = new Shell();
      for (let i = 0; i < 4500; i += 1) shell.run("SET", `key-${i}`, "1");
      const turns: (() => void)[] = [];
      const order = new KeyOrder((callback) => turns.push(callback));
      order.began(shell.keyspace);
      shell.keyspace.listen(order);
      const whole = order.whole();
      for (const [i, args] of commands.entries()) {
        shell.run(...args);
        shell.run("DEL", `key-${i * 37}`);
        if (i % 20 === 0) turns.shift()?.();
        await Promise.resolve();
      }
      while (!order.isWhole) {
        turns.shift()?.();
        await Promise.resolve();
      }
      await whole;
      const sorted = [...shell.keyspace.keys()].sort((a, b) => (a < b ? -1 : 1));
      assert.deepEqual(order.range({ from: "", to: undefined }, Number.POSITIVE_INFINITY), sorted);
      const within = sorted.filter((key) => key >= from && key < to);
      assert.deepEqual(order.range({ from, to }, count), within.slice(0, count));
    }),
    { numRuns: 20 },
  );
});

test("another keyspace is put in order anew", async () => {
  const [first, second] = [new Shell(), new Shell()];
  first.run("SET", "a", "1");
  second.run("SET", "b", "1");
  const order = new KeyOrder((callback) => callback());
  order.began(first.keyspace);
  await order.whole();
  order.began(second.keyspace);
  assert.equal(order.isWhole, false);
  await order.whole();
  assert.deepEqual(order.range({ from: "", to: undefined }, 10), ["b"]);
});

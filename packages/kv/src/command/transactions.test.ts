import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { transaction } from "../machine/testing/hostile.ts";
import { revisionOf } from "../state/revision.ts";
import { isError } from "./reply.ts";
import { Shell } from "./testing/shell.ts";
import { type CompareAndDo, onlyReads, outcomeOf, transactionArguments } from "./transactions.ts";

class Asked extends Shell {
  do(asked: Partial<CompareAndDo>) {
    const reply = this.run(...transactionArguments({ compare: [], success: [], failure: [], ...asked }));
    return isError(reply) ? reply.text : outcomeOf(reply);
  }

  get(key: string) {
    const done = this.do({ success: [{ op: "get", key }] });
    return typeof done === "string" ? done : done.results[0];
  }
}

const put = (key: string, value: string, contentType = "", ttlMs?: number | "keep") =>
  ({ op: "put", key, value, contentType, ttlMs }) as const;

test("comparisons are those of a plain reading of them, whatever is compared", () => {
  fc.assert(
    fc.property(fc.array(transaction, { maxLength: 30 }), (asked) => {
      const shell = new Asked();
      const model = new Map<string, { value: string; revision: number }>();
      asked.forEach((each, i) => {
        const holds = each.compare.every((one) => {
          const known = model.get(one.key);
          if (one.target === "exists") return (known !== undefined) === one.exists;
          const left = one.target === "value" ? known?.value : (known?.revision ?? 0);
          if (left === undefined) return false;
          const right = one.target === "value" ? [one.value] : one.revisions;
          if (one.is === "=") return right.some((each) => each === left);
          if (one.is === "!=") return right.every((each) => each !== left);
          return one.is === "<" ? left < right[0] : left > right[0];
        });
        const done = shell.do(each);
        // Refused for what a put asks: a content type or time to live that cannot be.
        if (typeof done === "string") return;
        assert.equal(done.succeeded, holds);
        for (const operation of holds ? each.success : each.failure) {
          if (operation.op === "delete") model.delete(operation.key);
          if (operation.op === "put") {
            model.set(operation.key, { value: operation.value, revision: revisionOf(i + 1, 0) });
          }
        }
      });
      const found = [...shell.keyspace.keys()].map((key) => [key, shell.keyspace.get(key)?.value]);
      assert.deepEqual(
        new Map(found as [string, string][]),
        new Map([...model].map(([key, { value }]) => [key, value])),
      );
    }),
    { numRuns: 300 },
  );
});

test("a content type stays with its value: through expiries, renames and copies, and until a value without one comes", () => {
  const shell = new Asked();
  shell.do({ success: [put("a", "1", "text/plain")] });
  shell.line("EXPIRE a 100");
  shell.line("RENAME a b");
  shell.line("COPY b c");
  shell.line("APPEND c 2");
  const types = () => ["a", "b", "c"].map((key) => shell.keyspace.get(key)?.contentType);
  assert.deepEqual(types(), [undefined, "text/plain", "text/plain"]);
  shell.line("SET c 3");
  assert.deepEqual(types(), [undefined, "text/plain", ""]);
});

test("a time to live begins when the log has it, is kept if asked for, and ends otherwise", () => {
  const shell = new Asked();
  shell.pass(1000);
  const expiry = () => shell.keyspace.get("a")?.expiresAtMs;
  shell.do({ success: [put("a", "1", "", 50)] });
  assert.equal(expiry(), 1050);
  shell.do({ success: [put("a", "2", "", "keep")] });
  assert.equal(expiry(), 1050);
  shell.do({ success: [put("a", "3")] });
  assert.equal(expiry(), Number.POSITIVE_INFINITY);
  assert.match(String(shell.do({ success: [put("a", "4", "", 0)] })), /time to live/);
});

test("what meets a key of another type, or cannot be, is refused as a whole", () => {
  const shell = new Asked();
  shell.do({ success: [put("a", "1", "text/plain")] });
  const before = shell.get("a");
  assert.match(
    String(shell.do({ success: [put("a", "2"), put("b", "x".repeat(1024 * 1024 + 1))] })),
    /maximum allowed/,
  );
  assert.match(String(shell.do({ success: [put("a", "2"), put("b", "1", "x".repeat(257))] })), /content type/);
  assert.deepEqual(shell.get("a"), before);
  assert.equal(shell.get("b"), undefined);
});

test("what changes nothing need not go into the log, and everything else must", () => {
  const isRead = (asked: Partial<CompareAndDo>) =>
    onlyReads(transactionArguments({ compare: [], success: [], failure: [], ...asked }));
  assert.equal(isRead({ success: [{ op: "get", key: "a" }] }), true);
  assert.equal(isRead({ success: [{ op: "get", key: "a" }], failure: [{ op: "delete", key: "a" }] }), false);
  assert.equal(isRead({ failure: [put("a", "1")] }), false);
});

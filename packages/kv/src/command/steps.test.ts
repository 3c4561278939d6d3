// No command takes longer than a bounded number of steps, however it names what is there.
import assert from "node:assert/strict";
import { test } from "node:test";
import { SortedSet } from "../state/sorted-set.ts";
import { StringSet } from "../state/string-set.ts";
import { MAX_ARGUMENTS, MAX_PATTERN_BYTES, MAX_STEPS } from "./limits.ts";
import { isError, type Reply } from "./reply.ts";
import { Shell } from "./testing/shell.ts";

const MEMBERS = 1_000;
/** A set of MEMBERS that is named so often is too much. */
const TIMES = Math.ceil(MAX_STEPS / MEMBERS) + 1;

function shell(): Shell {
  const shell = new Shell();
  const [set, zset] = [new StringSet(), new SortedSet()];
  for (let i = 0; i < MEMBERS; i += 1) {
    set.add(`${i}`);
    zset.set(`${i}`, i);
  }
  shell.run("SADD", "one", "0");
  shell.keyspace.set("set", set);
  shell.keyspace.set("zset", zset);
  return shell;
}

function assertTooMuch(reply: Reply, what: string): void {
  assert.ok(isError(reply), what);
  assert.match(JSON.stringify(reply), /too much to do at once/, what);
}

test("what names the same set again and again is refused beyond the bound", () => {
  const kv = shell();
  assert.ok(TIMES < MAX_ARGUMENTS);
  const many = (key: string) => Array.from({ length: TIMES }, () => key);
  for (const [key, prefix] of [
    ["set", "S"],
    ["zset", "Z"],
    ["set", "Z"],
  ] as const) {
    const keys = prefix === "S" ? many(key) : [String(TIMES), ...many(key)];
    for (const operation of ["UNION", "INTER"]) {
      assertTooMuch(kv.run(`${prefix}${operation}`, ...keys), `${prefix}${operation} ${key}`);
      assertTooMuch(kv.run(`${prefix}${operation}STORE`, "target", ...keys), `${prefix}${operation}STORE ${key}`);
    }
    assertTooMuch(kv.run(`${prefix}INTERCARD`, String(TIMES), ...many(key)), `${prefix}INTERCARD ${key}`);
  }
  assert.equal(kv.run("EXISTS", "target"), 0);
});

test("a difference takes the shorter of its two ways, and both give the same", () => {
  const kv = shell();
  const many = Array.from({ length: TIMES }, () => "one");
  // Looked up, it would be MEMBERS × TIMES; put together, the others are TIMES.
  const left = kv.run("SDIFFSTORE", "left", "set", ...many);
  assert.equal(left, MEMBERS - 1);
  assert.equal(kv.run("ZDIFFSTORE", "zleft", String(TIMES + 1), "zset", ...many), MEMBERS - 1);
  assert.deepEqual(kv.run("SMEMBERS", "left"), kv.run("SDIFF", "set", "one"));
  assert.deepEqual(kv.run("ZRANGE", "zleft", "0", "-1"), kv.run("ZDIFF", "2", "zset", "one"));
  assert.deepEqual(kv.run("SDIFF", "set", "set"), kv.run("SDIFF", "none", ...many));
});

test("a SORT that looks up more than it may is refused", () => {
  const kv = shell();
  const gets = Array.from({ length: TIMES }, () => ["GET", ""]).flat();
  assertTooMuch(kv.run("SORT", "set", "BY", "none", ...gets), "GET");
  assertTooMuch(kv.run("SORT", "set", "BY", `*${"x".repeat(TIMES)}`), "BY");
});

test("patterns are matched in a bounded number of steps, over all that they are held against", () => {
  const kv = shell();
  const text = "a".repeat(60_000);
  kv.run("SET", text, "1");
  const hostile = `${"*a".repeat(2)}${"a?".repeat(10_000)}b`;
  assertTooMuch(kv.run("KEYS", hostile), "KEYS");
  assertTooMuch(kv.run("KEYS", `*[${"b".repeat(MAX_PATTERN_BYTES)}]`), "a class");
  assert.deepEqual(kv.run("KEYS", "z*t"), ["zset"]);
  kv.run("HSET", "hash", text, "1");
  assertTooMuch(kv.run("HSCAN", "hash", "0", "MATCH", hostile), "HSCAN");
});

test("a channel is of bounded length", () => {
  assert.match(JSON.stringify(shell().run("PUBLISH", "c".repeat(5_000), "x")), /channel is too long/);
  assert.equal(shell().run("PUBLISH", "c".repeat(4_096), "x"), 0);
});

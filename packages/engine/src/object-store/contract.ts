// What every object store promises, as tests: run against each of them. Uses nothing but the interface.
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import {
  MAX_DELETE_KEYS,
  MAX_LIST_KEYS,
  type ObjectStore,
  ObjectStoreError,
  type ObjectStoreErrorKind,
} from "./object-store.ts";

/** Enough to make every path of a store race with itself. */
const CONCURRENT_PUTS = 100;
/** Keys put at once where a test needs many. */
const PUT_BATCH = 50;

export interface StoreUnderTest {
  readonly store: ObjectStore;
  readonly end: () => Promise<void>;
}

/** `open` gives an empty store. Resolves undefined when there is none here, which `missing` explains. */
export function describeStoreContract(
  name: string,
  open: () => Promise<StoreUnderTest | undefined>,
  missing = "not available",
): void {
  describe(`${name} keeps the contract of object stores`, () => {
    let underTest: StoreUnderTest | undefined;

    before(async () => {
      underTest = await open();
    });
    after(async () => {
      await underTest?.end();
    });

    promise("reads back what was put, whole and in ranges", async (store) => {
      await store.putIfAbsent("read/a", [bytes("hello, "), bytes(""), bytes("world")]);
      assert.equal(text(await store.get("read/a")), "hello, world");
      assert.equal(text(await store.getRange("read/a", 0, 5)), "hello");
      assert.equal(text(await store.getRange("read/a", 7, 5)), "world");
      assert.equal(text(await store.getRange("read/a", 7, 500)), "world");
      assert.equal(text(await store.getRange("read/a", 12, 5)), "");
      assert.equal(text(await store.getRange("read/a", 120, 5)), "");
      assert.equal(text(await store.getRange("read/a", 3, 0)), "");
    });

    promise("keeps its own copy: the caller's buffers are free once a put has resolved", async (store) => {
      const buffer = Buffer.from("first");
      await store.putIfAbsent("copy/a", [buffer]);
      buffer.fill("x");
      assert.equal(text(await store.get("copy/a")), "first");
    });

    promise("keeps empty objects", async (store) => {
      await store.putIfAbsent("empty/none", []);
      await store.putIfAbsent("empty/one", [bytes("")]);
      assert.equal((await store.get("empty/none")).length, 0);
      assert.equal((await store.get("empty/one")).length, 0);
      assert.equal((await store.getRange("empty/one", 0, 1)).length, 0);
      await assert.rejects(store.putIfAbsent("empty/none", [bytes("x")]), kind("exists"));
    });

    promise("keeps a large object of many parts byte for byte", async (store) => {
      // More parts than one writev takes, and more bytes than one write of a socket.
      const parts = Array.from({ length: 3000 }, (_, i) => Buffer.alloc(i % 2000, i));
      const whole = Buffer.concat(parts);
      await store.putIfAbsent("large/a", parts);
      assert.ok(whole.equals(await store.get("large/a")));
      const middle = await store.getRange("large/a", 1_000_000, 100_000);
      assert.ok(whole.subarray(1_000_000, 1_100_000).equals(middle));
    });

    promise("puts only if absent, and says when an object is there", async (store) => {
      await store.putIfAbsent("absent/a", [bytes("first")]);
      await assert.rejects(store.putIfAbsent("absent/a", [bytes("second")]), kind("exists"));
      await assert.rejects(store.putIfAbsent("absent/a", [bytes("first")]), kind("exists"));
      assert.equal(text(await store.get("absent/a")), "first");
    });

    promise("lets exactly one of many concurrent puts of one key win, whole", async (store) => {
      const outcomes = await Promise.allSettled(
        Array.from({ length: CONCURRENT_PUTS }, (_, i) => store.putIfAbsent("race/a", [bytes(`writer ${i}`)])),
      );
      const winners = outcomes.flatMap((outcome, i) => (outcome.status === "fulfilled" ? [i] : []));
      assert.equal(winners.length, 1);
      for (const outcome of outcomes) {
        if (outcome.status === "fulfilled") continue;
        // A store may be unable to tell; it may never say that a loser won.
        assert.ok(["exists", "ambiguous"].includes(outcome.reason.kind), String(outcome.reason));
      }
      assert.equal(text(await store.get("race/a")), `writer ${winners[0]}`);
    });

    promise("takes concurrent puts of many keys in a directory not there yet", async (store) => {
      const keys = Array.from({ length: CONCURRENT_PUTS }, (_, i) => `new/deep/er/${String(i).padStart(5, "0")}`);
      await Promise.all(keys.map((key) => store.putIfAbsent(key, [bytes(key)])));
      const read = await Promise.all(keys.map((key) => store.get(key)));
      assert.deepEqual(read.map(text), keys);
      assert.deepEqual(await store.list("new/"), keys);
    });

    promise("overwrites by put, which ranged reads see at once", async (store) => {
      await store.put("over/a", [bytes("first")]);
      assert.equal(text(await store.getRange("over/a", 0, 5)), "first");
      await store.put("over/a", [bytes("second, longer")]);
      assert.equal(text(await store.getRange("over/a", 0, 100)), "second, longer");
      assert.equal(text(await store.get("over/a")), "second, longer");
      await assert.rejects(store.putIfAbsent("over/a", [bytes("third")]), kind("exists"));
    });

    promise("says that an object is absent, also where nothing near it is there", async (store) => {
      await store.putIfAbsent("near/a", [bytes("x")]);
      for (const key of ["near/b", "nowhere/near/b", "near/a/below"]) {
        await assert.rejects(store.get(key), kind("absent"));
        await assert.rejects(store.getRange(key, 0, 1), kind("absent"));
      }
    });

    promise("deletes, twice if asked, and takes a new object under the key", async (store) => {
      await store.putIfAbsent("gone/a", [bytes("first")]);
      assert.equal(text(await store.getRange("gone/a", 0, 5)), "first");
      await store.delete("gone/a");
      await store.delete("gone/a");
      await store.delete("gone/nowhere/b");
      await assert.rejects(store.get("gone/a"), kind("absent"));
      await assert.rejects(store.getRange("gone/a", 0, 5), kind("absent"));
      assert.deepEqual(await store.list("gone/"), []);
      await store.putIfAbsent("gone/a", [bytes("again")]);
      assert.equal(text(await store.getRange("gone/a", 0, 5)), "again");
    });

    promise("deletes many at once, and whatever of them is there", async (store) => {
      const keys = Array.from({ length: MAX_DELETE_KEYS }, (_, i) => `many/${i % 3}/${String(i).padStart(6, "0")}`);
      const there = keys.filter((_, i) => i % 20 === 0);
      await Promise.all([...there, "many/kept"].map((key) => store.putIfAbsent(key, [bytes(key)])));
      assert.equal(text(await store.getRange(there[0], 0, 4)), "many");
      const { undeleted, requests } = await store.deleteMany(keys);
      assert.deepEqual(undeleted, []);
      assert.ok(requests >= 1 && requests <= keys.length, `${requests} requests`);
      assert.deepEqual(await store.list("many/"), ["many/kept"]);
      await assert.rejects(store.get(there[0]), kind("absent"));
      await assert.rejects(store.getRange(there[0], 0, 4), kind("absent"));
      assert.deepEqual((await store.deleteMany([])).undeleted, []);
      await assert.rejects(async () => store.deleteMany([...keys, "many/one-more"]), RangeError);
      await assert.rejects(async () => store.deleteMany(["many/kept", "../a"]), RangeError);
      assert.deepEqual(await store.list("many/"), ["many/kept"]);
    });

    promise("lists in order of bytes, by prefix and after a key", async (store) => {
      // The characters around "/" are what directories get wrong.
      const keys = [
        "ord/a",
        "ord/a-b",
        "ord/a.b",
        "ord/a0",
        "ord/b/1",
        "ord/b/2",
        "ord/b/c/3",
        "ord/b-1",
        "ord/b.1",
        "ord/b0",
        "ord/Z",
        "ord2/x",
      ];
      await Promise.all(keys.toReversed().map((key) => store.putIfAbsent(key, [bytes(key)])));
      const sorted = keys.toSorted();
      const under = (prefix: string) => sorted.filter((key) => key.startsWith(prefix));
      for (const prefix of [
        "ord",
        "ord/",
        "ord/a",
        "ord/b",
        "ord/b/",
        "ord/b/c/",
        "ord/b/c/3",
        "ord/x",
        "ord2",
        "q/",
      ]) {
        assert.deepEqual(await store.list(prefix), under(prefix), `prefix ${prefix}`);
      }
      for (const after of [...sorted, "ord/a/", "ord/b/", "ord/b/1x", "ord/zzz", "a", "zzz"]) {
        const expected = under("ord/").filter((key) => key > after);
        assert.deepEqual(await store.list("ord/", after), expected, `after ${after}`);
      }
    });

    promise("lists more than a page, each key once", async (store) => {
      const count = MAX_LIST_KEYS + 205;
      const keys = Array.from({ length: count }, (_, i) => `pages/${i % 3}/${String(i).padStart(6, "0")}`);
      for (let i = 0; i < count; i += PUT_BATCH) {
        await Promise.all(keys.slice(i, i + PUT_BATCH).map((key) => store.putIfAbsent(key, [bytes(key)])));
      }
      const listed: string[] = [];
      for (;;) {
        const page = await store.list("pages/", listed.at(-1));
        assert.ok(page.length <= MAX_LIST_KEYS);
        if (page.length === 0) break;
        listed.push(...page);
      }
      assert.deepEqual(listed, keys.toSorted());
    });

    promise("refuses what is no key", async (store) => {
      for (const key of [
        "",
        "/a",
        "a/",
        "a//b",
        "../a",
        "a/../b",
        ".",
        "a b",
        "ä",
        "tmp/a",
        "lock",
        "a\0b",
        "x".repeat(600),
      ]) {
        await assert.rejects(async () => store.putIfAbsent(key, [bytes("x")]), RangeError, key);
        await assert.rejects(async () => store.get(key), RangeError, key);
      }
    });

    function promise(what: string, check: (store: ObjectStore) => Promise<void>): void {
      it(what, async (test) => {
        if (underTest === undefined) return test.skip(missing);
        await check(underTest.store);
      });
    }
  });
}

export function kind(expected: ObjectStoreErrorKind): (error: unknown) => boolean {
  return (error) => {
    assert.ok(error instanceof ObjectStoreError, String(error));
    assert.equal(error.kind, expected, error.message);
    return true;
  };
}

export function bytes(content: string): Uint8Array {
  return Buffer.from(content);
}

export function text(content: Uint8Array): string {
  return Buffer.from(content).toString();
}

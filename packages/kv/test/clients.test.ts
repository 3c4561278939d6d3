// The clients that people use: ioredis, node-redis and redis-cli, against a real `tailrace kv serve`.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { after, before, describe, test } from "node:test";
import { Redis } from "ioredis";
import { createClient } from "redis";
import type { TailraceProcess } from "../../../test/support/tailrace-process.ts";
import { isInstalled, portOf, startKv } from "./support.ts";

let kv: TailraceProcess;
before(async () => {
  kv = await startKv({ store: "memory:" });
});
after(() => kv.kill());

describe("ioredis", () => {
  let redis: Redis;
  before(() => {
    redis = new Redis(portOf(kv), "127.0.0.1");
  });
  after(() => redis.disconnect());

  test("strings, expiries and errors", async () => {
    assert.equal(await redis.set("io:a", "1", "EX", 100), "OK");
    assert.equal(await redis.incrby("io:a", 41), 42);
    assert.equal(await redis.ttl("io:a"), 100);
    assert.equal(await redis.get("io:nothing"), null);
    await assert.rejects(redis.incrby("io:a", "x"), /value is not an integer/);
    assert.deepEqual(await redis.mget("io:a", "io:nothing"), ["42", null]);
  });

  test("bytes as they are", async () => {
    const bytes = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte));
    await redis.set(Buffer.from([0, 255, 13, 10]), bytes);
    assert.deepEqual(await redis.getBuffer(Buffer.from([0, 255, 13, 10])), bytes);
  });

  test("pipelines and transactions", async () => {
    const results = await redis.pipeline().set("io:p", "1").get("io:p").incr("io:p").get("io:p").exec();
    assert.deepEqual(
      results?.map(([, reply]) => reply),
      ["OK", "1", 2, "2"],
    );
    const all = await redis.multi().set("io:m", "1").incr("io:m").get("io:m").exec();
    assert.deepEqual(
      all?.map(([, reply]) => reply),
      ["OK", 2, "2"],
    );
    await redis.watch("io:m");
    const other = redis.duplicate();
    await other.set("io:m", "7");
    assert.equal(await redis.multi().set("io:m", "8").exec(), null);
    assert.equal(await redis.get("io:m"), "7");
    other.disconnect();
  });

  test("scans", async () => {
    const names = Array.from({ length: 250 }, (_, i) => `io:scan:${i}`);
    await redis.mset(Object.fromEntries(names.map((name) => [name, "x"])));
    const found: string[] = [];
    for await (const keys of redis.scanStream({ match: "io:scan:*", count: 30 })) found.push(...(keys as string[]));
    assert.deepEqual(found.sort(), names.sort());
  });

  test("subscriptions", async () => {
    const subscriber = redis.duplicate();
    const got = new Promise((resolve) => subscriber.on("pmessage", (...message) => resolve(message)));
    await subscriber.psubscribe("io:*");
    assert.equal(await redis.publish("io:channel", "hello"), 1);
    assert.deepEqual(await got, ["io:*", "io:channel", "hello"]);
    subscriber.disconnect();
  });
});

describe("node-redis", () => {
  for (const RESP of [2, 3] as const) {
    test(`speaks RESP${RESP}`, async () => {
      const client = createClient({ url: `redis://127.0.0.1:${portOf(kv)}`, RESP });
      client.on("error", () => undefined);
      await client.connect();
      assert.equal(await client.set(`node:${RESP}`, "1", { expiration: { type: "PX", value: 5000 } }), "OK");
      assert.equal(await client.incr(`node:${RESP}`), 2);
      assert.deepEqual(await client.multi().incr(`node:${RESP}`).get(`node:${RESP}`).exec(), [3, "3"]);
      assert.equal(await client.exists(["node:nothing"]), 0);
      await client.clientSetName("tester");
      assert.equal(await client.clientGetName(), "tester");
      assert.equal(await client.ping(), "PONG");
      const subscriber = client.duplicate();
      subscriber.on("error", () => undefined);
      await subscriber.connect();
      const message = Promise.withResolvers<string>();
      await subscriber.subscribe("node:news", (text) => message.resolve(text));
      await client.publish("node:news", "hello");
      assert.equal(await message.promise, "hello");
      subscriber.destroy();
      client.destroy();
    });
  }
});

const CLI = isInstalled("redis-cli") ? false : "redis-cli is not installed";

test("redis-cli, with every kind of reply in both protocols", { skip: CLI }, () => {
  for (const flag of ["-2", "-3"]) {
    const cli = (...args: string[]) => {
      const { stdout } = spawnSync("redis-cli", ["-p", String(portOf(kv)), flag, ...args], { encoding: "utf8" });
      return stdout.trimEnd();
    };
    assert.equal(cli("SET", "cli", "1"), "OK");
    assert.equal(cli("APPEND", "cli", "2"), "2");
    assert.equal(cli("GET", "cli"), "12");
    assert.equal(cli("--no-raw", "GET", "nothing"), "(nil)");
    assert.equal(cli("TYPE", "cli"), "string");
    assert.match(cli("INCR"), /^ERR wrong number of arguments for 'incr' command/);
    assert.match(cli("CONFIG", "GET", "databases"), /^databases[\n ]1$/);
    assert.match(cli("INFO"), /\r?\ntailrace_version:/);
    assert.match(cli("CLIENT", "LIST"), /^id=/);
    assert.match(cli("COMMAND", "COUNT"), /^[0-9]+$/);
    assert.equal(cli("COMMAND", "GETKEYS", "MSET", "a", "1", "b", "2"), "a\nb");
    assert.equal(cli("OBJECT", "ENCODING", "cli"), "int");
  }
});

test("redis-benchmark, with commands of every family", {
  skip: isInstalled("redis-benchmark") ? false : "redis-benchmark is not installed",
}, () => {
  const tests = "ping_inline,set,get,incr,lpush,rpush,lpop,rpop,sadd,hset,spop,zadd,zpopmin,lrange_100,mset";
  const { status, stdout, stderr } = spawnSync(
    "redis-benchmark",
    ["-h", "127.0.0.1", "-p", String(portOf(kv)), "-t", tests, "-n", "200", "-c", "5", "-P", "4", "-r", "50", "--csv"],
    { encoding: "utf8", timeout: 60_000 },
  );
  assert.equal(status, 0, stderr);
  assert.doesNotMatch(stdout + stderr, /error/i);
  for (const name of ["SET", "GET", "LPOP", "HSET", "SPOP", "ZADD", "ZPOPMIN", "MSET"]) {
    assert.match(stdout, new RegExp(`^"${name}[^"]*","[0-9.]+"`, "m"));
  }
});

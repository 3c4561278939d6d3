// What a store promises to those who use it, one by one, over a simulated log in virtual time.
import assert from "node:assert/strict";
import { test } from "node:test";
import { CommandTooLargeError, OutcomeUnknownError, UnavailableError } from "@tailrace/replica";
import { SimulatedStream } from "../../../replica/src/testing/simulated-log.ts";
import { VirtualTime } from "../../../replica/src/testing/virtual-time.ts";
import { Store, type StoreOptions } from "./store.ts";

class World {
  readonly time = new VirtualTime(1);
  readonly stream = new SimulatedStream(this.time, { delayMs: 5, loss: 0, down: false });
  /** By which a replica's clock is ahead of the log's. */
  skewMs = 0;

  open(options: Partial<StoreOptions> = {}): Promise<Store> {
    const wallMs = () => this.time.monotonicMs() + this.skewMs;
    const log = this.stream.connect();
    return this.time.until(Store.open({ log, runtime: this.time, wallMs, ...options }));
  }

  async write(store: Store, ...args: string[]) {
    return (await this.time.until(store.write({ commands: [args] })))?.replies[0];
  }

  async read(store: Store, ...args: string[]) {
    return (await this.time.until(store.run([args])))[0];
  }
}

test("what comes in one turn shares a record, and has revisions of its own", async () => {
  const world = new World();
  const store = await world.open();
  await world.write(store, "SET", "warm", "1");
  const before = world.stream.tail;
  const writes = Array.from({ length: 100 }, (_, i) => store.write({ commands: [["SET", `k${i}`, "x"]] }));
  const results = await world.time.until(Promise.all(writes));
  assert.equal(world.stream.tail, before + 1);
  assert.equal(new Set(results.map((result) => result?.revision)).size, 100);
  await world.time.until(store.close());
});

test("reads of one turn share a look at the tail, and a read sees what another replica was told is written", async () => {
  const world = new World();
  const [one, two] = [await world.open(), await world.open()];
  await world.write(one, "SET", "k", "1");
  const checks = world.stream.checks;
  const reads = Array.from({ length: 100 }, () => two.run([["GET", "k"]]));
  assert.deepEqual(
    await world.time.until(Promise.all(reads)),
    reads.map(() => ["1"]),
  );
  assert.equal(world.stream.checks, checks + 1);
});

test("on a log at rest, a strong read never shows a key whose time is over, and asks the log for the time once", async () => {
  const world = new World();
  const [one, two] = [await world.open(), await world.open()];
  await world.write(one, "SET", "short", "1", "PX", "1000");
  await world.write(one, "SET", "long", "1", "PX", "100000");
  await world.time.passMs(999);
  const tail = world.stream.tail;
  assert.equal(await world.read(two, "GET", "long"), "1");
  assert.equal(world.stream.tail, tail, "a key that lives on costs no append");
  await world.time.passMs(100);
  // Nothing has told the replica that time has passed.
  assert.equal(two.keyspace.get("short")?.value, "1");
  const answers = Promise.all([two.run([["GET", "short"]]), two.run([["DBSIZE"]]), two.run([["GET", "long"]])]);
  assert.deepEqual(await world.time.until(answers), [[null], [1], ["1"]]);
  assert.ok(world.stream.tail <= tail + 2, "one record for the time, and perhaps one for the session");
});

test("nor does a strong read that finds the key by a pattern", async () => {
  const world = new World();
  const store = await world.open();
  await world.write(store, "RPUSH", "list", "a");
  await world.write(store, "SET", "of-a", "1", "PX", "1000");
  assert.deepEqual(await world.read(store, "SORT_RO", "list", "BY", "nosort", "GET", "of-*"), ["1"]);
  await world.time.passMs(2000);
  assert.deepEqual(await world.read(store, "SORT_RO", "list", "BY", "nosort", "GET", "of-*"), [null]);
  await world.time.until(store.close());
});

test("a replica whose clock is ahead asks the log, and shows what the log says is alive", async () => {
  const world = new World();
  const store = await world.open();
  await world.write(store, "SET", "k", "1", "PX", "1000");
  world.skewMs = 5000;
  assert.equal(await world.read(store, "GET", "k"), "1");
  assert.equal(await world.read(store, "PTTL", "k"), 0);
});

test("an eventual read asks nobody", async () => {
  const world = new World();
  const store = await world.open();
  await world.write(store, "SET", "k", "1");
  world.stream.weather.down = true;
  assert.deepEqual(await world.time.until(store.run([["GET", "k"]], "eventual")), ["1"]);
});

test("while the log is away, writes have unknown outcomes and reads none, and both are told so in time", async () => {
  const world = new World();
  const store = await world.open({ proposalTimeoutMs: 3000, readTimeoutMs: 2000 });
  await world.write(store, "SET", "k", "1");
  world.stream.weather.down = true;
  const [write, read] = [store.write({ commands: [["SET", "k", "2"]] }), store.run([["GET", "k"]])];
  await assert.rejects(world.time.until(read, 2500), UnavailableError);
  await assert.rejects(world.time.until(write, 3500), OutcomeUnknownError);
  world.stream.weather.down = false;
  await world.time.passMs(5000);
  // It was sent again by itself, and counts once.
  assert.equal(await world.read(store, "GET", "k"), "2");
});

test("a transaction that cannot fit into a record is refused, and nothing of it is written", async () => {
  const world = new World();
  const store = await world.open();
  const commands = Array.from({ length: 3 }, (_, i) => ["SET", `k${i}`, "x".repeat(500_000)]);
  await assert.rejects(world.time.until(store.write({ commands })), CommandTooLargeError);
  assert.equal(await world.read(store, "DBSIZE"), 0);
});

test("a replica that starts goes on from a snapshot and the log behind it, which is trimmed below", async () => {
  const world = new World();
  const pieces = new SimulatedStream(world.time, { delayMs: 5, loss: 0, down: false });
  const snapshots = () => ({ log: pieces.connect(), everyRecords: 40 });
  const store = await world.open({ snapshots: snapshots() });
  for (let i = 0; i < 200; i += 1) await world.write(store, "SET", `k${i % 60}`, String(i), "PX", "1000000");
  await world.time.passMs(10_000);
  assert.ok(world.stream.first > 50, `trimmed up to ${world.stream.first}`);
  await world.write(store, "SET", "behind", "x");
  const other = await world.open({ snapshots: snapshots() });
  assert.deepEqual(other.keyspace.digest, store.keyspace.digest);
  assert.deepEqual([...other.keyspace.keys()], [...store.keyspace.keys()]);
  // A cursor of one replica means the same at the other, restored one.
  const first = await world.read(store, "SCAN", "0", "COUNT", "20");
  const cursor = (first as [string, string[]])[0];
  assert.deepEqual(await world.read(other, "SCAN", cursor), await world.read(store, "SCAN", cursor));
});

test("messages come to the subscribers of every replica, in the order of the log", async () => {
  const world = new World();
  const stores = [await world.open(), await world.open()];
  const got: string[][] = [[], []];
  stores.forEach((store, i) => {
    store.pubsub.subscribe("c", { message: (_, message) => got[i].push(message) });
  });
  await world.time.until(Promise.all(Array.from({ length: 20 }, (_, i) => publish(stores[i % 2], String(i)))));
  await world.time.passMs(100);
  assert.equal(got[0].length, 20);
  assert.deepEqual(got[0], got[1]);
});

function publish(store: Store, message: string) {
  return store.write({ commands: [["PUBLISH", "c", message]] });
}

test("who watches a key is told once for each record that touched it", async () => {
  const world = new World();
  const store = await world.open();
  let told = 0;
  const off = store.changes.on("k", () => {
    told += 1;
  });
  await world.time.until(
    store.write({
      commands: [
        ["SET", "k", "1"],
        ["INCR", "k"],
        ["SET", "other", "1"],
      ],
    }),
  );
  assert.equal(told, 1);
  await world.write(store, "SET", "k", "1", "PX", "10");
  await world.time.passMs(50);
  assert.equal(told, 2);
  await world.write(store, "SET", "other", "2");
  assert.equal(told, 3, "its expiry");
  await world.write(store, "FLUSHALL");
  assert.equal(told, 4);
  off();
  await world.write(store, "SET", "k", "1");
  assert.equal(told, 4);
});

// A deployment on two stores: the log lies in the one, everything else in the other; only both together are opened; and what ails the one is borne as
// if both were one.
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { DeploymentError, openDeployment } from "./deployment.ts";
import { CACHE_AGE_MS, COLLECT_GRACE_MS } from "./limits.ts";
import { viewWithLog } from "./log-home.ts";
import { FaultyStore, MemoryStore, type ObjectStore } from "./object-store/index.ts";
import { VirtualRuntime } from "./runtime/index.ts";
import { DEPLOYMENT_KEY, logRoute } from "./shard/keys.ts";
import { checkStore } from "./store-tools/check.ts";
import { Harness } from "./testing/harness.ts";

const LIMITS = { bytes: 100_000, chunks: 8, streams: 1_000 };
const ALL_MOVED_MS = CACHE_AGE_MS + COLLECT_GRACE_MS + 1_000;

function stores(exclusive = false) {
  return { main: new MemoryStore({ exclusive }), log: new MemoryStore({ exclusive }) };
}

function start(main: ObjectStore, log: ObjectStore | undefined, seed: number): Harness {
  return Harness.start(main, new VirtualRuntime({ seed }), LIMITS, undefined, log);
}

async function open(main: ObjectStore, log: ObjectStore | undefined, seed: number): Promise<Harness> {
  const harness = start(main, log, seed);
  await harness.until(harness.engine.started);
  return harness;
}

async function refused(main: ObjectStore, log: ObjectStore | undefined): Promise<string> {
  const harness = start(main, log, 9);
  const error = await harness.until(harness.engine.started).then(
    () => assert.fail("it was opened"),
    (why: unknown) => why,
  );
  assert.ok(error instanceof DeploymentError, String(error));
  return error.message;
}

test("the log is in its store and everything else in the other, and both are read again", async () => {
  const { main, log } = stores();
  const first = await (await open(main, log, 1)).withStream();
  for (let i = 0; i < 30; i += 1) await first.until(first.append({ bodies: [`${i}`] }));
  await first.runtime.advance(ALL_MOVED_MS);
  await first.until(first.append({ bodies: ["last"] }));
  assert.deepEqual(
    [...new Set((await main.list("")).map((key) => key.replace(/[^/]+$/, "")))],
    ["", "shards/0/manifest/", "shards/0/segments/"],
  );
  assert.deepEqual(
    [...new Set((await log.list("")).map((key) => key.replace(/^logs\/[0-9a-f]{32}\//, "").replace(/[0-9]{16}$/, "")))],
    ["log.json", "shards/0/wal/"],
  );
  // Crashed: another follows, and one more after a clean end.
  const second = await open(main, log, 2);
  const expected = [...Array.from({ length: 30 }, (_, i) => `${i}`), "last"];
  assert.deepEqual(await second.readAll(), expected);
  await second.until(second.engine.close());
  const third = await open(main, log, 3);
  assert.deepEqual(await third.readAll(), expected);
  const { log: home } = await openDeployment(main, new VirtualRuntime({ seed: 4 }), log);
  const { damage } = await checkStore({ runtime: third.runtime, view: viewWithLog(main, log, home) });
  assert.deepEqual(damage.told, []);
});

describe("a deployment is opened with the store of its log and with no other:", () => {
  test("not without one, and not with a new one", async () => {
    const { main, log } = stores();
    await open(main, log, 1);
    assert.match(await refused(main, undefined), /lies in a store of its own, memory: .*--wal-store/);
    const empty = new MemoryStore();
    assert.match(await refused(main, empty), /is not in memory:/);
    assert.deepEqual(await empty.list(""), [], "nothing is put there");
  });

  test("not with that of another", async () => {
    const { main, log } = stores();
    await open(main, log, 1);
    const other = stores();
    await open(other.main, other.log, 2);
    assert.match(await refused(main, other.log), /is not in memory:/);
    // Both may lie in one store, and then each is opened with it.
    const third = new MemoryStore();
    await (await open(third, log, 3)).withStream();
    await open(main, log, 4);
    assert.equal(
      (await open(third, log, 5)).engine.stats().streams,
      (await open(third, log, 6)).engine.stats().streams,
    );
  });

  test("not one whose log lies beside everything else with one", async () => {
    const main = new MemoryStore();
    await open(main, undefined, 1);
    const log = new MemoryStore();
    assert.match(await refused(main, log), /lies in that store itself/);
    assert.deepEqual(await log.list(""), []);
  });

  test("and by no build that knows nothing of it", async () => {
    const { main, log } = stores();
    await open(main, log, 1);
    const { format } = JSON.parse(Buffer.from(await main.get(DEPLOYMENT_KEY)).toString());
    assert.equal(format, 2);
    const alone = new MemoryStore();
    await open(alone, undefined, 1);
    assert.equal(JSON.parse(Buffer.from(await alone.get(DEPLOYMENT_KEY)).toString()).format, 1);
  });
});

test("two that found it at once agree on one log, and nothing of the other is left", async () => {
  const { main, log } = stores();
  const slow = new FaultyStore(main, new VirtualRuntime({ seed: 8 }));
  const held = Promise.withResolvers<void>();
  slow.hook = ({ kind, key }) =>
    kind === "putIfAbsent" && key === DEPLOYMENT_KEY ? { holdBefore: held.promise } : undefined;
  const late = start(slow, log, 1);
  await late.runtime.settle();
  const first = await (await open(main, log, 2)).withStream();
  await first.until(first.append({ bodies: ["a"] }));
  held.resolve();
  await late.until(late.engine.started);
  assert.deepEqual(await late.readAll(), ["a"]);
  assert.equal((await log.list("logs/")).filter((key) => key.endsWith("log.json")).length, 1);
});

test("while the log's store does not answer history is read, and appends wait for it", async () => {
  const { main, log } = stores(true);
  const runtime = new VirtualRuntime({ seed: 1 });
  const faulty = new FaultyStore(log, runtime);
  const h = await (await Harness.open(main, runtime, LIMITS, undefined, faulty)).withStream();
  for (let i = 0; i < 20; i += 1) await h.until(h.append({ bodies: [`${i}`] }));
  await runtime.advance(ALL_MOVED_MS);
  faulty.hook = () => ({ failBefore: "unavailable" });
  const waiting = h.append({ bodies: ["late"] });
  assert.equal((await h.read({ count: 5 })).records.length, 5);
  faulty.hook = () => undefined;
  await h.until(waiting);
  assert.equal((await h.readAll()).at(-1), "late");
});

test("while the other store does not answer appends go on, and what was not flushed is flushed behind it", async () => {
  const { main, log } = stores(true);
  const runtime = new VirtualRuntime({ seed: 1 });
  const faulty = new FaultyStore(main, runtime);
  const h = await (await Harness.open(faulty, runtime, LIMITS, undefined, log)).withStream();
  faulty.hook = ({ kind }) => (kind === "putIfAbsent" ? { failBefore: "unavailable" } : undefined);
  for (let i = 0; i < 40; i += 1) await h.until(h.append({ bodies: [`${i}`] }));
  await runtime.advance(ALL_MOVED_MS);
  assert.equal(h.engine.stats().segments, 0);
  faulty.hook = () => undefined;
  await runtime.advance(ALL_MOVED_MS);
  await h.until(h.append({ bodies: ["last"] }));
  await runtime.advance(ALL_MOVED_MS);
  assert.ok(h.engine.stats().segments > 0);
  assert.equal((await h.readAll()).length, 41);
  assert.deepEqual(h.halts, []);
});

test("an owner whose shard was taken over in both stores acknowledges nothing more", async () => {
  const { main, log } = stores();
  const old = await (await open(main, log, 1)).withStream();
  await old.until(old.append({ bodies: ["a"] }));
  const taker = await open(main, log, 2);
  await taker.until(taker.append({ bodies: ["b"] }));
  await assert.rejects(old.until(old.append({ bodies: ["never"] })));
  assert.equal(old.halts[0]?.name, "DeposedError");
  assert.deepEqual(await taker.readAll(), ["a", "b"]);
});

test("which prefixes may be those of keys of a log", () => {
  const { has, mayHave } = logRoute("0");
  const key = "shards/0/wal/0000000000000000";
  for (let end = 0; end <= key.length; end += 1) assert.ok(mayHave(key.slice(0, end)), key.slice(0, end));
  assert.ok(has(key) && has("shards/0/wal/"));
  for (const other of ["x", "shards/0/manifest/", "shards/0/m", "shards/x/wal/", "deployment.json", "shards/0/walls/"])
    assert.deepEqual([has(other), mayHave(other)], [false, false], other);
});

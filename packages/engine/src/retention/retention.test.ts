// What time does to streams when nobody does anything: virtual time, and no reader.
import assert from "node:assert/strict";
import { test } from "node:test";
import type { StreamConfigPatch } from "../config.ts";
import { EngineError } from "../errors.ts";
import { CountingStore, FaultyStore, MemoryStore } from "../object-store/index.ts";
import { VirtualRuntime } from "../runtime/index.ts";
import { BASIN, Harness, STREAM, sharedStore } from "../testing/harness.ts";

const code = (expected: string) => (error: unknown) => error instanceof EngineError && error.code === expected;
const SECOND_MS = 1_000;
const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

async function withConfig(patch: StreamConfigPatch, store = sharedStore()): Promise<Harness> {
  const h = await (await Harness.open(store)).withStream();
  await h.until(h.engine.streams.reconfigure(BASIN, STREAM, patch));
  return h;
}

async function fill(h: Harness, count: number, everyMs: number): Promise<void> {
  for (let i = 0; i < count; i += 1) {
    await h.until(h.append({ bodies: [`${i}`] }));
    await h.runtime.advance(everyMs);
  }
}

test("records that have outlived the retention are trimmed, and not before, though nobody reads", async () => {
  const h = await withConfig({ retentionAgeSecs: 3600 });
  await fill(h, 10, 10 * 60_000);
  // 100 minutes have passed: those of the first 30 to 40 are older than an hour.
  const bodies = await h.readAll();
  assert.ok(bodies.length >= 6 && bodies.length <= 7, bodies.join());
  assert.equal(bodies.at(-1), "9");
  await h.runtime.advance(2 * HOUR_MS);
  assert.deepEqual((await h.read({ mode: "unary" })).records, []);
  assert.equal((await h.until(h.engine.checkTail(BASIN, STREAM))).seqNum, 10);
  const ack = await h.until(h.append({ bodies: ["later"] }));
  assert.equal(ack.start.seqNum, 10);
  assert.deepEqual(await h.readAll(), ["later"]);
});

test("what is trimmed stays trimmed for whoever comes next, and what is not goes on ageing", async () => {
  const store = sharedStore();
  const h = await withConfig({ retentionAgeSecs: 60 }, store);
  await h.until(h.append({ bodies: ["old"] }));
  await h.runtime.advance(50 * SECOND_MS);
  await h.until(h.append({ bodies: ["new"] }));
  await h.runtime.advance(20 * SECOND_MS);
  assert.deepEqual(await h.readAll(), ["new"]);
  const wallMs = h.runtime.clock.wallMs();
  const next = await Harness.open(store, new VirtualRuntime({ seed: 2, wallMs }));
  assert.deepEqual(await next.readAll(), ["new"]);
  await next.runtime.advance(30 * SECOND_MS);
  assert.deepEqual(await next.readAll(), ["new"]);
  await next.runtime.advance(20 * SECOND_MS);
  assert.deepEqual((await next.read({ mode: "unary" })).records, []);
  // And with nobody's having trimmed before the crash.
  await next.until(next.append({ bodies: ["crashed upon"] }));
  const last = await Harness.open(store, new VirtualRuntime({ seed: 3, wallMs: next.runtime.clock.wallMs() + DAY_MS }));
  await last.runtime.advance(SECOND_MS);
  assert.deepEqual((await last.read({ mode: "unary" })).records, []);
});

test("a background trim stands in the log: who replays it needs to know no age", async () => {
  const store = sharedStore();
  const h = await withConfig({ retentionAgeSecs: 60 }, store);
  await h.until(h.append({ bodies: ["old"], commands: [{ kind: "fence", index: 0, token: "mine" }] }));
  await h.runtime.advance(70 * SECOND_MS);
  await h.until(h.engine.streams.reconfigure(BASIN, STREAM, { retentionAgeSecs: "infinite" }));
  await h.until(h.append({ bodies: ["new"], fencingToken: "mine" }));
  const next = await Harness.open(store, new VirtualRuntime({ seed: 2, wallMs: h.runtime.clock.wallMs() }));
  assert.deepEqual(await next.readAll(), ["new"]);
  await next.until(next.append({ bodies: ["newer"], fencingToken: "mine" }));
});

test("age is by the server's clock, whatever timestamps clients write", async () => {
  const h = await withConfig({ retentionAgeSecs: 60, timestampingUncapped: true });
  await h.until(h.append({ bodies: ["ancient", "future"], timestamps: [1n, 1n << 60n] }));
  await h.runtime.advance(55 * SECOND_MS);
  assert.deepEqual(await h.readAll(), ["ancient", "future"]);
  await h.runtime.advance(10 * SECOND_MS);
  assert.deepEqual((await h.read({ mode: "unary" })).records, []);
});

test("a retention that is shortened, lengthened or lifted acts on what is there", async () => {
  const h = await withConfig({ retentionAgeSecs: 3600 });
  await h.until(h.append({ bodies: ["a"] }));
  await h.runtime.advance(10 * 60_000);
  await h.until(h.engine.streams.reconfigure(BASIN, STREAM, { retentionAgeSecs: 60 }));
  await h.runtime.advance(SECOND_MS);
  assert.deepEqual((await h.read({ mode: "unary" })).records, []);
  await h.until(h.append({ bodies: ["b"] }));
  await h.until(h.engine.streams.reconfigure(BASIN, STREAM, { retentionAgeSecs: "infinite" }));
  await h.runtime.advance(30 * DAY_MS);
  assert.equal(h.runtime.pendingTimers, 0);
  assert.deepEqual(await h.readAll(), ["b"]);
});

test("ageing costs one timer, no request while nothing is due, and two writes a minute while much is: trims, and what is stored", async () => {
  const counting = new CountingStore(new MemoryStore(), new VirtualRuntime({ seed: 9 }));
  const h = await withConfig({ retentionAgeSecs: 7200 }, counting);
  for (let i = 0; i < 50; i += 1) await h.until(h.engine.streams.ensure(BASIN, `s${i}`, { retentionAgeSecs: 7200 }));
  for (let i = 0; i < 50; i += 1) await h.until(h.append({ bodies: ["x"] }, `s${i}`));
  // 3600 appends, one a second, all in chunks of their own.
  await fill(h, 3_600, SECOND_MS);
  // Then it is flushed, and at rest.
  await h.runtime.advance(300_000);
  assert.equal(h.runtime.pendingTimers, 1);
  const total = () => Object.values(counting.counts).reduce((sum, count) => sum + count, 0);
  const before = total();
  const putsBefore = counting.counts.putIfAbsent;
  await h.runtime.advance(46 * 60_000);
  assert.equal(total(), before, "nothing is due yet");
  await h.runtime.advance(75 * 60_000);
  const puts = counting.counts.putIfAbsent - putsBefore;
  assert.ok(puts >= 30 && puts <= 150, `${puts} writes`);
  assert.equal(h.runtime.pendingTimers, 0);
  assert.deepEqual((await h.read({ mode: "unary" })).records, []);
});

test("thousands of streams that fall due at once are trimmed together", async () => {
  const h = await withConfig({});
  const names = Array.from({ length: 3_000 }, (_, i) => `many/${i}`);
  await h.until(Promise.all(names.map((name) => h.engine.streams.ensure(BASIN, name, { retentionAgeSecs: 60 }))));
  await h.until(Promise.all(names.map((name) => h.append({ bodies: ["x"] }, name))));
  const before = h.engine.stats().chunksPut;
  await h.runtime.advance(70 * SECOND_MS);
  const chunks = h.engine.stats().chunksPut - before;
  assert.ok(chunks <= 10, `${chunks} chunks`);
  for (const name of [names[0], names[1_234], names[2_999]]) {
    assert.deepEqual((await h.read({ mode: "unary" }, name)).records, []);
  }
});

test("while the store takes nothing, retention waits; then it goes on", async () => {
  const runtime = new VirtualRuntime({ seed: 1 });
  const store = new FaultyStore(new MemoryStore(), runtime);
  const h = await (await Harness.open(store, runtime)).withStream();
  await h.until(h.engine.streams.reconfigure(BASIN, STREAM, { retentionAgeSecs: 60 }));
  await h.until(h.append({ bodies: ["a"] }));
  store.hook = ({ kind }) => (kind === "putIfAbsent" ? { failBefore: "full" } : undefined);
  await assert.rejects(h.until(h.append({ bodies: ["b"] })), code("unavailable"));
  await runtime.advance(5 * 60_000);
  assert.equal(h.halts.length, 0);
  store.hook = () => undefined;
  await runtime.advance(70 * SECOND_MS);
  assert.deepEqual((await h.read({ mode: "unary" })).records, []);
});

test("a stream that stays empty is deleted: one never written, and one that time or a command has emptied", async () => {
  const h = await withConfig({ retentionAgeSecs: "infinite", deleteOnEmptyMinAgeSecs: 60 });
  const { engine } = h;
  await h.until(engine.streams.ensure(BASIN, "trimmed", { deleteOnEmptyMinAgeSecs: 60, retentionAgeSecs: "infinite" }));
  await h.until(engine.streams.ensure(BASIN, "aged", { deleteOnEmptyMinAgeSecs: 60, retentionAgeSecs: 120 }));
  await h.until(engine.streams.ensure(BASIN, "kept", { retentionAgeSecs: 60 }));
  for (const name of ["trimmed", "aged", "kept"]) await h.until(h.append({ bodies: ["a"] }, name));
  const exists = (name: string) =>
    h.until(
      engine.streams.get(BASIN, name).then(
        () => true,
        () => false,
      ),
    );
  await h.runtime.advance(59 * SECOND_MS);
  assert.equal(await exists(STREAM), true);
  await h.runtime.advance(3 * SECOND_MS);
  assert.equal(await exists(STREAM), false);
  // Written to meanwhile, and not empty.
  assert.equal(await exists("trimmed"), true);
  const trim = { kind: "trim", index: 0, seqNum: Number.MAX_SAFE_INTEGER } as const;
  await h.until(h.append({ bodies: ["trim"], commands: [trim] }, "trimmed"));
  await h.runtime.advance(55 * SECOND_MS);
  assert.equal(await exists("trimmed"), true, "the command was a write");
  await h.runtime.advance(10 * SECOND_MS);
  assert.equal(await exists("trimmed"), false);
  await h.runtime.advance(10 * SECOND_MS);
  assert.equal(await exists("aged"), false);
  await h.runtime.advance(DAY_MS);
  assert.equal(await exists("kept"), true, "without delete-on-empty an empty stream stays");
  // The name is free, and what had it is not revived.
  await h.until(engine.streams.create(BASIN, "aged", {}, undefined));
  assert.equal((await h.until(engine.checkTail(BASIN, "aged"))).seqNum, 0);
});

test("a write puts the deletion of an empty stream off, and a reader is told of it", async () => {
  const h = await withConfig({ retentionAgeSecs: 5, deleteOnEmptyMinAgeSecs: 60 });
  const reading = h.read({ mode: "session" });
  const outcome = reading.then(
    () => "ended",
    (error: unknown) => error,
  );
  for (let i = 0; i < 10; i += 1) {
    await h.runtime.advance(50 * SECOND_MS);
    await h.until(h.append({ bodies: [`${i}`] }));
  }
  await h.runtime.advance(70 * SECOND_MS);
  assert.ok(code("stream_deletion_pending")(await h.until(outcome)));
  await assert.rejects(h.until(h.append({ bodies: ["late"] })), code("stream_not_found"));
});

test("an empty stream falls due for the next owner too", async () => {
  const store = sharedStore();
  const h = await withConfig({ deleteOnEmptyMinAgeSecs: 600 }, store);
  await h.runtime.advance(300 * SECOND_MS);
  const next = await Harness.open(store, new VirtualRuntime({ seed: 2, wallMs: h.runtime.clock.wallMs() }));
  await next.runtime.advance(250 * SECOND_MS);
  await next.until(next.engine.streams.get(BASIN, STREAM));
  await next.runtime.advance(60 * SECOND_MS);
  await assert.rejects(next.until(next.engine.streams.get(BASIN, STREAM)), code("stream_not_found"));
});

test("what is deleted or stopped leaves no timer behind", async () => {
  const h = await withConfig({ deleteOnEmptyMinAgeSecs: 600 });
  await h.until(h.append({ bodies: ["a"] }));
  await h.until(h.engine.streams.delete(BASIN, STREAM));
  await h.runtime.advance(200 * SECOND_MS);
  assert.equal(h.runtime.pendingTimers, 0);
  await h.until(h.engine.streams.ensure(BASIN, STREAM, {}));
  await h.until(h.append({ bodies: ["a"] }));
  await h.runtime.advance(200 * SECOND_MS);
  assert.equal(h.runtime.pendingTimers, 1);
  await h.until(h.engine.basins.delete(BASIN));
  await h.runtime.advance(200 * SECOND_MS);
  assert.equal(h.runtime.pendingTimers, 0);
});

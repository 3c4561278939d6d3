// What is flushed is read as before, by this owner and by the next; the log shrinks behind it; and nothing goes that somebody may need.
import assert from "node:assert/strict";
import { test } from "node:test";
import { DEFAULT_BASIN_CONFIG } from "../config.ts";
import type { EngineError } from "../errors.ts";
import { DeposedError } from "../index.ts";
import { CACHE_AGE_MS, COLLECT_GRACE_MS, MAX_COLLECT_DELAY_MS } from "../limits.ts";
import { FaultyStore, MemoryStore } from "../object-store/index.ts";
import { VirtualRuntime } from "../runtime/index.ts";
import { CorruptObjectError } from "../shard/corrupt.ts";
import { manifestKey, manifestPrefix, numberOfKey, segmentPrefix, walPrefix } from "../shard/keys.ts";
import { loadManifest } from "../shard/manifest.ts";
import { BASIN, Harness, STREAM, sharedStore } from "../testing/harness.ts";

/** Every few chunks are a flush. */
const LIMITS = { bytes: 100_000, chunks: 8, streams: 1_000 };
const ALL_MOVED_MS = CACHE_AGE_MS + COLLECT_GRACE_MS + 1_000;

async function opened(store = sharedStore(), seed = 1, wallMs?: number): Promise<Harness> {
  return Harness.open(store, new VirtualRuntime(wallMs === undefined ? { seed } : { seed, wallMs }), LIMITS);
}

async function appendAll(h: Harness, from: number, to: number, stream = STREAM): Promise<void> {
  for (let i = from; i < to; i += 1) await h.until(h.append({ bodies: [`${stream} ${i}`] }, stream));
}

function bodies(from: number, to: number, stream = STREAM): string[] {
  return Array.from({ length: to - from }, (_, i) => `${stream} ${from + i}`);
}

/** A store that several engines share, and what tests do to its requests. */
function faulty(runtime: VirtualRuntime) {
  const memory = new MemoryStore({ exclusive: false });
  return { memory, store: new FaultyStore(memory, runtime) };
}

const code = (expected: string) => (error: EngineError) => error.code === expected;

test("a log that is flushed shrinks to what came after, and everything is read from where it has gone", async () => {
  const store = sharedStore();
  const h = await (await opened(store)).withStream();
  await h.until(h.engine.streams.ensure(BASIN, "other", {}));
  for (let i = 0; i < 100; i += 1) {
    await appendAll(h, i, i + 1);
    await appendAll(h, i, i + 1, "other");
  }
  await h.runtime.advance(ALL_MOVED_MS);
  const chunks = await store.list(walPrefix(0));
  assert.ok(chunks.length <= LIMITS.chunks + 2, `${chunks.length} objects are left of the log`);
  assert.ok(h.engine.stats().segmentsPut >= 20);
  assert.ok((await store.list(manifestPrefix(0))).length <= 2, "the marker and the newest");
  assert.deepEqual(await h.readAll(), bodies(0, 100));
  assert.deepEqual(await h.readAll(37, "other"), bodies(37, 100, "other"));
  assert.equal(h.halts.length, 0);
});

test("the next owner finds all of it: records, tails, configurations, tokens, trims, deletions and names that are free again", async () => {
  const store = sharedStore();
  const h = await (await opened(store)).withStream();
  const { engine } = h;
  for (const name of ["configured", "fenced", "trimmed", "deleted", "again"])
    await h.until(engine.streams.ensure(BASIN, name, {}));
  await appendAll(h, 0, 10);
  await appendAll(h, 0, 4, "again");
  await h.until(engine.streams.delete(BASIN, "again"));
  await h.runtime.advance(3_000);
  await h.until(engine.streams.create(BASIN, "again", {}, { requestToken: "t", fingerprint: "f" }));
  await h.until(engine.streams.reconfigure(BASIN, "configured", { retentionAgeSecs: 4_711 }));
  await h.until(h.append({ bodies: ["x"], commands: [{ kind: "fence", index: 0, token: "mine" }] }, "fenced"));
  await appendAll(h, 0, 6, "trimmed");
  await h.until(h.append({ bodies: ["y"], commands: [{ kind: "trim", index: 0, seqNum: 4 }] }, "trimmed"));
  await h.until(engine.basins.ensure("other-basin", DEFAULT_BASIN_CONFIG));
  await h.until(engine.streams.ensure("other-basin", "gone", {}));
  await h.until(engine.basins.delete("other-basin"));
  await h.runtime.advance(3_000);
  await appendAll(h, 10, 60);
  await h.until(engine.streams.delete(BASIN, "deleted"));
  await appendAll(h, 60, 64);
  await h.runtime.advance(ALL_MOVED_MS);

  const next = await opened(store, 2, h.runtime.clock.wallMs());
  assert.deepEqual(await next.readAll(), bodies(0, 64));
  assert.equal((await next.until(next.engine.streams.get(BASIN, "configured"))).config.retentionAgeSecs, 4_711);
  await assert.rejects(next.until(next.append({ bodies: ["z"], fencingToken: "yours" }, "fenced")));
  await next.until(next.append({ bodies: ["z"], fencingToken: "mine" }, "fenced"));
  assert.deepEqual(await next.readAll(0, "trimmed"), ["trimmed 4", "trimmed 5", "y"]);
  assert.equal((await next.until(next.engine.checkTail(BASIN, "trimmed"))).seqNum, 7);
  await assert.rejects(next.until(next.engine.streams.get(BASIN, "deleted")), code("stream_not_found"));
  assert.equal((await next.until(next.engine.checkTail(BASIN, "again"))).seqNum, 0);
  const again = next.engine.streams.create(BASIN, "again", {}, { requestToken: "t", fingerprint: "f" });
  assert.equal((await next.until(again)).result, "noop");
  await assert.rejects(next.until(next.engine.streams.get("other-basin", "gone")));
});

test("a restart reads what is not in segments yet, and of these no records", async () => {
  const store = sharedStore();
  const h = await (await opened(store)).withStream();
  await appendAll(h, 0, 400);
  await h.runtime.advance(ALL_MOVED_MS);
  const runtime = new VirtualRuntime({ seed: 2, wallMs: h.runtime.clock.wallMs() });
  const gets: string[] = [];
  const watched = new FaultyStore(store, runtime, ({ kind, key }) => {
    if (kind === "get" && key.startsWith(walPrefix(0))) gets.push(key);
    return undefined;
  });
  const next = await Harness.open(watched, runtime, LIMITS);
  assert.ok(gets.length <= LIMITS.chunks + 2, `${gets.length} objects of the log were read`);
  assert.deepEqual(await next.readAll(390), bodies(390, 400));
});

test("a reader that lags crosses from chunks to segments and on to the tail, without a gap or a double", async () => {
  const h = await (await opened()).withStream();
  await appendAll(h, 0, 20);
  const start = { kind: "seq_num", seqNum: 0 } as const;
  const options = { start, clamp: false, count: undefined, bytes: undefined, until: undefined, waitMs: undefined };
  const reader = await h.until(h.engine.openReader(BASIN, STREAM, { ...options, mode: "session" }, { config: {} }));
  let next = 0;
  for (let round = 0; round < 30; round += 1) {
    const event = await h.until(reader.next(1));
    if (event.kind === "batch") {
      assert.equal(event.lastSeqNum, next);
      next += 1;
    }
    await appendAll(h, 20 + round, 21 + round);
    await h.runtime.advance(5_000);
  }
  while (next < 50) {
    const event = await h.until(reader.next());
    if (event.kind === "batch") next = event.lastSeqNum + 1;
  }
  assert.equal(next, 50);
  reader.close();
});

test("what outlived its retention is trimmed in segments too, after a restart as before it", async () => {
  const store = sharedStore();
  const h = await (await opened(store)).withStream();
  await h.until(h.engine.streams.reconfigure(BASIN, STREAM, { retentionAgeSecs: 3_600 }));
  for (let i = 0; i < 30; i += 1) {
    await appendAll(h, i, i + 1);
    await h.runtime.advance(100_000);
  }
  const next = await opened(store, 2, h.runtime.clock.wallMs());
  assert.equal((await next.readAll()).length, 30);
  // 3000 s have passed since the first; one is over every 100 s from 3600 s on, but for the steps in which trims come.
  for (let passedS = 3_650; passedS < 6_000; passedS += 100) {
    await next.runtime.advance(passedS === 3_650 ? 650_000 : 100_000);
    const kept = await next.readAll();
    const over = Math.floor((passedS - 3_600) / 100) + 1;
    assert.ok(Math.abs(30 - kept.length - over) <= 1, `${30 - kept.length} are gone after ${passedS} s`);
  }
  await next.runtime.advance(3_600_000);
  assert.deepEqual((await next.read({ mode: "unary" })).records, []);
});

test("lost replies and refusals of its puts and lists end in the same flush, once", async () => {
  const runtime = new VirtualRuntime({ seed: 1 });
  const { memory, store } = faulty(runtime);
  const h = await (await Harness.open(store, runtime, LIMITS)).withStream();
  const seen = new Map<string, number>();
  store.hook = ({ kind, key }) => {
    if (!key.startsWith(segmentPrefix(0)) && !key.startsWith(manifestPrefix(0))) return undefined;
    const times = (seen.get(kind + key) ?? 0) + 1;
    seen.set(kind + key, times);
    if (times === 1) return { failBefore: "unavailable" };
    if (times === 2) return { failAfter: kind === "putIfAbsent" ? "ambiguous" : "unavailable" };
    return undefined;
  };
  await appendAll(h, 0, 40);
  await h.runtime.advance(60_000);
  assert.ok(runtime.branches.count("flush-was-in") >= 4);
  assert.deepEqual(h.halts, []);
  assert.deepEqual(await h.readAll(), bodies(0, 40));
  const newest = numberOfKey((await memory.list(manifestPrefix(0))).at(-1) ?? "") ?? -1;
  const { segments } = await loadManifest(memory, 0, newest);
  assert.equal(segments.length, (await memory.list(segmentPrefix(0))).length);
});

test("an owner that is deposed while it flushes finds out by the manifest, and its successor loses nothing", async () => {
  const runtime = new VirtualRuntime({ seed: 1 });
  const { memory, store } = faulty(runtime);
  const h = await (await Harness.open(store, runtime, LIMITS)).withStream();
  const hold = Promise.withResolvers<void>();
  store.hook = ({ kind, key }) =>
    kind === "putIfAbsent" && key === manifestKey(0, 1) ? { holdBefore: hold.promise } : undefined;
  await appendAll(h, 0, 20);
  const next = await opened(memory, 2);
  await appendAll(next, 20, 23);
  hold.resolve();
  await h.runtime.advance(60_000);
  assert.ok(h.halts[0] instanceof DeposedError);
  assert.deepEqual(h.halts[0].by.found, { kind: "manifest", number: 1 });
  await appendAll(next, 23, 60);
  await next.runtime.advance(ALL_MOVED_MS);
  assert.deepEqual(await next.readAll(), bodies(0, 60));
  // What the deposed one had written is named by nobody, and goes.
  const epochs = new Set(
    (await memory.list(segmentPrefix(0))).map((key) => key.slice(segmentPrefix(0).length).slice(0, 16)),
  );
  assert.deepEqual([...epochs], ["0000000000000002"]);
  assert.ok(next.runtime.branches.count("orphan-collected") > 0);
});

test("nothing is deleted before the manifest that allows it was seen newest", async () => {
  const runtime = new VirtualRuntime({ seed: 1 });
  const { memory, store } = faulty(runtime);
  const h = await (await Harness.open(store, runtime, LIMITS)).withStream();
  store.hook = ({ kind, key }) =>
    kind === "list" && key === manifestPrefix(0) ? { failBefore: "unavailable" } : undefined;
  await appendAll(h, 0, 20);
  const before = await memory.list(walPrefix(0));
  await h.runtime.advance(2 * ALL_MOVED_MS);
  assert.ok((await memory.list(manifestPrefix(0))).length >= 2, "it is in");
  assert.deepEqual((await memory.list(walPrefix(0))).slice(0, before.length), before);
  store.hook = () => undefined;
  await h.runtime.advance(2 * ALL_MOVED_MS);
  assert.ok(!(await memory.list(walPrefix(0))).includes(before[5]));
});

test("fences and markers outlive every flush", async () => {
  const store = sharedStore();
  let wallMs: number | undefined;
  for (let owner = 0; owner < 4; owner += 1) {
    const h = await opened(store, owner + 1, wallMs);
    if (owner === 0) await h.withStream();
    await appendAll(h, 20 * owner, 20 * (owner + 1));
    await h.runtime.advance(ALL_MOVED_MS);
    wallMs = h.runtime.clock.wallMs();
  }
  const versions = (await store.list(manifestPrefix(0))).map((key) => numberOfKey(key) ?? -1);
  const newest = await loadManifest(store, 0, versions.at(-1) ?? -1);
  assert.equal(newest.fences.length, 4);
  assert.equal(newest.markers.length, 4);
  const places = new Set((await store.list(walPrefix(0))).map((key) => numberOfKey(key)));
  for (const fence of newest.fences) assert.ok(places.has(fence), `fence ${fence}`);
  for (const marker of newest.markers) assert.ok(versions.includes(marker), `marker ${marker}`);
  const last = await opened(store, 9, wallMs);
  assert.deepEqual(await last.readAll(), bodies(0, 80));
});

test("while flushes do not get on, appends go on for a while, then wait, and are let in again", async () => {
  const runtime = new VirtualRuntime({ seed: 1 });
  const { store } = faulty(runtime);
  const h = await (await Harness.open(store, runtime, LIMITS)).withStream();
  store.hook = ({ key }) => (key.startsWith(segmentPrefix(0)) ? { failBefore: "unavailable" } : undefined);
  let appended = 0;
  for (; runtime.branches.count("chunks-waited-for-flush") === 0; appended += 1) {
    assert.ok(appended < 500);
    const append = h.append({ bodies: [`${STREAM} ${appended}`] });
    append.catch(() => undefined);
    await runtime.advance(50);
  }
  assert.ok(appended > 7 * LIMITS.chunks, "what is bounded is how much waits");
  store.hook = () => undefined;
  await runtime.advance(60_000);
  await appendAll(h, appended, appended + 20);
  assert.deepEqual(await h.readAll(), bodies(0, appended + 20));
});

test("a segment that is corrupt or missing is named, at start or when what is damaged is read, and stops the shard", async () => {
  const store = sharedStore();
  const h = await (await opened(store)).withStream();
  await appendAll(h, 0, 30);
  await h.runtime.advance(ALL_MOVED_MS);
  const key = (await store.list(segmentPrefix(0))).at(-1) ?? "";
  const whole = Uint8Array.from(await store.get(key));
  const damage = async (at: number) => {
    const damaged = Uint8Array.from(whole);
    damaged[at] ^= 1;
    await store.put(key, [damaged]);
  };
  const namesIt = (error: unknown) => error instanceof CorruptObjectError && error.key === key;
  await damage(whole.length - 70);
  await assert.rejects(opened(store, 2, h.runtime.clock.wallMs()), namesIt);
  await store.delete(key);
  await assert.rejects(opened(store, 2, h.runtime.clock.wallMs()), namesIt);
  await damage(100);
  const reading = await opened(store, 3, h.runtime.clock.wallMs());
  await assert.rejects(reading.readAll(), code("storage"));
  assert.ok(namesIt(reading.halts[0]));
});

test("a session of a deposed owner that comes to records which its successor has collected ends, and nothing is called corrupt", async () => {
  const store = sharedStore();
  const h = await (await opened(store)).withStream();
  await appendAll(h, 0, 5);
  const start = { kind: "seq_num", seqNum: 0 } as const;
  const options = { start, clamp: false, count: undefined, bytes: undefined, until: undefined, waitMs: undefined };
  const reader = await h.until(h.engine.openReader(BASIN, STREAM, { ...options, mode: "session" }, { config: {} }));
  assert.equal((await h.until(reader.next(1))).kind, "batch");
  const next = await opened(store, 2);
  await appendAll(next, 5, 40);
  await next.runtime.advance(ALL_MOVED_MS);
  // Its memory of them is over, too.
  await h.runtime.advance(90_000);
  await assert.rejects(h.until(reader.next()), code("unavailable"));
  assert.ok(h.halts[0] instanceof DeposedError, String(h.halts[0]));
});

test("a large flush waits for a quiet moment, though not for ever; one of many small chunks does not wait", async () => {
  const limits = { bytes: 10_000, chunks: 1_000, streams: 1_000 };
  const h = await (await Harness.open(sharedStore(), new VirtualRuntime({ seed: 1 }), limits)).withStream();
  const segments = () => h.engine.stats().segmentsPut;
  const large = "x".repeat(3_000);
  for (let i = 0; i < 6; i += 1) {
    await h.until(h.append({ bodies: [large] }));
    await h.runtime.advance(100);
  }
  assert.equal(segments(), 0, "it is written to all the time");
  await h.runtime.advance(1_000);
  assert.equal(segments(), 1, "it is quiet");
  for (let i = 0; i < 20; i += 1) {
    await h.until(h.append({ bodies: [large] }));
    await h.runtime.advance(100);
  }
  assert.ok(segments() >= 2, "too much waits");
  const small = await (await opened()).withStream();
  for (let i = 0; i < 12; i += 1) {
    await small.until(small.append({ bodies: ["x"] }));
    await small.runtime.advance(100);
  }
  assert.ok(small.engine.stats().segmentsPut >= 1);
});

test("a cut tells of nothing that is still in flight: a batch that is lost has fenced nobody", async () => {
  const runtime = new VirtualRuntime({ seed: 1 });
  const { memory, store } = faulty(runtime);
  const h = await (await Harness.open(store, runtime, LIMITS)).withStream();
  const puts: string[] = [];
  const last = Promise.withResolvers<void>();
  store.hook = ({ kind, key }) => {
    if (kind !== "putIfAbsent" || !key.startsWith(walPrefix(0))) return undefined;
    puts.push(key);
    return h.engine.stats().chunksPut + 1 < 3 * LIMITS.chunks || puts.length % 2 === 1
      ? { delayBeforeMs: 5 }
      : { holdBefore: last.promise };
  };
  while (h.engine.stats().chunksPut + 1 < 3 * LIMITS.chunks) await appendAll(h, 0, 1);
  puts.length = 0;
  const settles = h.append({ bodies: ["settles"] });
  await h.runtime.settle();
  h.append({ bodies: ["x"], commands: [{ kind: "fence", index: 0, token: "mine" }] }).catch(() => undefined);
  await h.until(settles);
  await h.runtime.advance(1_000);
  assert.equal(h.engine.stats().segmentsPut, 3);
  const next = await opened(memory, 2);
  await assert.rejects(next.until(next.append({ bodies: ["y"], fencingToken: "mine" })));
  await next.until(next.append({ bodies: ["y"], fencingToken: "" }));
});

test("a taker starts over when the log was flushed between its reading and its fence", async () => {
  const runtime = new VirtualRuntime({ seed: 1 });
  const { memory, store } = faulty(runtime);
  const h = await (await Harness.open(store, runtime, LIMITS)).withStream();
  const manifest = Promise.withResolvers<void>();
  store.hook = ({ kind, key }) =>
    kind === "putIfAbsent" && key === manifestKey(0, 1) ? { holdBefore: manifest.promise } : undefined;
  await appendAll(h, 0, 20);
  // What was used is written down, and then nothing more is written.
  await h.runtime.advance(125_000);
  const takersRuntime = new VirtualRuntime({ seed: 2 });
  const fence = Promise.withResolvers<void>();
  const takersStore = new FaultyStore(memory, takersRuntime, ({ kind, key }) =>
    kind === "putIfAbsent" && key.startsWith(walPrefix(0)) ? { holdBefore: fence.promise } : undefined,
  );
  const taker = Harness.start(takersStore, takersRuntime, LIMITS);
  await takersRuntime.advance(100);
  manifest.resolve();
  await h.runtime.advance(2 * ALL_MOVED_MS);
  assert.ok(runtime.branches.count("log-collected") > 0);
  fence.resolve();
  await taker.until(taker.engine.started);
  assert.ok(takersRuntime.branches.count("flushed-during-takeover") > 0);
  assert.deepEqual(await taker.readAll(), bodies(0, 20));
});

test("an owner whose successor has collected what it was about to flush is deposed, and calls nothing corrupt", async () => {
  const runtime = new VirtualRuntime({ seed: 1 });
  const { memory, store } = faulty(runtime);
  const before = await (await Harness.open(memory, new VirtualRuntime({ seed: 3 }))).withStream();
  await appendAll(before, 0, 20);
  const h = await Harness.open(store, runtime, LIMITS);
  // What it has replayed is not in memory: the flush must fetch it.
  store.hook = ({ kind, key }) =>
    kind === "get" && key.startsWith(walPrefix(0)) ? { failBefore: "unavailable" } : undefined;
  await appendAll(h, 20, 21);
  const next = await opened(memory, 2);
  await appendAll(next, 21, 60);
  await next.runtime.advance(ALL_MOVED_MS);
  await runtime.advance(10_000);
  assert.equal(h.halts.length, 0, "it cannot know yet");
  store.hook = () => undefined;
  await runtime.advance(10_000);
  assert.ok(h.halts[0] instanceof DeposedError, String(h.halts[0]));
  assert.deepEqual(await next.readAll(), bodies(0, 60));
});

test("a flush whose requests fail does not stand in the way of a clean shutdown", async () => {
  const runtime = new VirtualRuntime({ seed: 1 });
  const { memory, store } = faulty(runtime);
  const h = await (await Harness.open(store, runtime, LIMITS)).withStream();
  store.hook = ({ kind, key }) =>
    kind === "list" && key === manifestPrefix(0) ? { failBefore: "unavailable" } : undefined;
  await appendAll(h, 0, 20);
  await runtime.advance(100);
  await h.until(h.engine.close());
  assert.deepEqual(h.halts, []);
  assert.ok(runtime.branches.count("release-put") > 0);
  const next = await opened(memory, 2);
  assert.deepEqual(await next.readAll(), bodies(0, 20));
});

test("what may be deleted waits for a quiet moment, though not for ever", async () => {
  const store = sharedStore();
  const limits = { bytes: 1_000_000, chunks: 20, streams: 1_000 };
  const h = await (await Harness.open(store, new VirtualRuntime({ seed: 1 }), limits)).withStream();
  await appendAll(h, 0, 20);
  const old = (await store.list(walPrefix(0)))[5];
  await h.runtime.advance(CACHE_AGE_MS);
  const isThereAfter = async (busyMs: number) => {
    for (let passedMs = 0; passedMs < busyMs; passedMs += 100) {
      await h.until(h.append({ bodies: ["busy"] }));
      await h.runtime.advance(100);
    }
    return (await store.list(walPrefix(0))).includes(old);
  };
  assert.equal(await isThereAfter(COLLECT_GRACE_MS + 10_000), true);
  assert.equal(await isThereAfter(MAX_COLLECT_DELAY_MS), false);
});

test("chunks are deleted many a request, and what a delete has left goes with the next", async () => {
  const runtime = new VirtualRuntime({ seed: 1 });
  const { memory, store } = faulty(runtime);
  const deletes: string[] = [];
  store.hook = ({ kind, key }) => {
    if (kind !== "delete" && kind !== "deleteMany") return undefined;
    deletes.push(kind);
    return key.startsWith(walPrefix(0)) ? { onlyFirst: 3 } : undefined;
  };
  const limits = { bytes: 1_000_000, chunks: 40, streams: 1_000 };
  const h = await (await Harness.open(store, runtime, limits)).withStream();
  const chunks = async () => (await memory.list(walPrefix(0))).length;
  await appendAll(h, 0, 41);
  const before = await chunks();
  await h.runtime.advance(ALL_MOVED_MS);
  assert.ok(runtime.branches.count("delete-failed") > 0);
  assert.ok((await chunks()) >= before - 3, "the others were refused");
  store.hook = ({ kind }) => {
    if (kind === "delete" || kind === "deleteMany") deletes.push(kind);
    return undefined;
  };
  await appendAll(h, 41, 82);
  await h.runtime.advance(ALL_MOVED_MS);
  assert.ok((await chunks()) < 20, `${await chunks()} objects are left of the log`);
  assert.ok(deletes.length <= 6 && !deletes.includes("delete"), deletes.join());
  assert.deepEqual(await h.readAll(), bodies(0, 82));
});

// What is merged is read as before, by this owner and by the next; space comes back; and whatever happens in the midst of it, nothing goes that somebody
// may need.
import assert from "node:assert/strict";
import { test } from "node:test";
import type { EngineError } from "../errors.ts";
import { DeposedError } from "../index.ts";
import { CACHE_AGE_MS, COLLECT_GRACE_MS, MAX_COLLECT_DELAY_MS } from "../limits.ts";
import { FaultyStore, MemoryStore } from "../object-store/index.ts";
import { VirtualRuntime } from "../runtime/index.ts";
import { CorruptObjectError } from "../shard/corrupt.ts";
import { manifestPrefix, segmentKey, segmentPrefix, walPrefix } from "../shard/keys.ts";
import { type Manifest, newestManifest } from "../shard/manifest.ts";
import { checkStore } from "../store-tools/check.ts";
import { BASIN, Harness, STREAM } from "../testing/harness.ts";

const FLUSHES = { bytes: 100_000, chunks: 8, streams: 1_000 };
const MERGES = { fanIn: 3, mergedBytes: 20_000, deadBytes: 1_000, inputs: 16 };
const ALL_MOVED_MS = CACHE_AGE_MS + COLLECT_GRACE_MS + MAX_COLLECT_DELAY_MS;

/** An engine, and what tests do to its requests. */
async function opened(memory = new MemoryStore({ exclusive: false }), seed = 1, wallMs = 1_700_000_000_000) {
  const runtime = new VirtualRuntime({ seed, wallMs });
  const store = new FaultyStore(memory, runtime);
  const h = await Harness.open(store, runtime, FLUSHES, MERGES);
  return { h, memory, store, runtime };
}

function reopened({ memory, runtime }: { memory: MemoryStore; runtime: VirtualRuntime }, seed = 2) {
  return opened(memory, seed, runtime.clock.wallMs());
}

/** Readers are sent to segments as soon as they are there: nothing is kept in memory but the newest. */
async function appendAll(h: Harness, from: number, to: number, stream = STREAM): Promise<void> {
  for (let i = from; i < to; i += 1) await h.until(h.append({ bodies: [`${stream} ${i}`] }, stream));
}

function bodies(from: number, to: number, stream = STREAM): string[] {
  return Array.from({ length: to - from }, (_, i) => `${stream} ${from + i}`);
}

async function trim(h: Harness, seqNum: number, stream = STREAM): Promise<void> {
  await h.until(h.append({ bodies: ["trim"], commands: [{ kind: "trim", index: 0, seqNum }] }, stream));
}

async function manifestOf(memory: MemoryStore): Promise<Manifest> {
  const manifest = await newestManifest(memory, 0);
  assert.ok(manifest !== undefined);
  return manifest;
}

function keysOf({ segments }: Manifest): string[] {
  return segments.map(({ epoch, incarnation, number }) => segmentKey(0, epoch, incarnation, number));
}

/** Every checksum, index and reference. */
async function assertSound(memory: MemoryStore): Promise<void> {
  const report = await checkStore({ runtime: new VirtualRuntime({ seed: 7 }), view: memory });
  assert.deepEqual(report.damage.told, []);
}

const code = (expected: string) => (error: EngineError) => error.code === expected;

test("segments become few, everything is read from where it has gone, and then there is rest", async () => {
  const it = await opened();
  await it.h.withStream();
  await it.h.until(it.h.engine.streams.ensure(BASIN, "other", {}));
  for (let i = 0; i < 150; i += 1) {
    await appendAll(it.h, i, i + 1);
    await appendAll(it.h, i, i + 1, "other");
  }
  await it.runtime.advance(2 * ALL_MOVED_MS);
  const { segmentsPut, merges } = it.h.engine.stats();
  assert.ok(segmentsPut >= 30 && merges >= 10, `${segmentsPut} flushes, ${merges} merges`);
  const manifest = await manifestOf(it.memory);
  assert.ok(manifest.segments.length <= 8, `${manifest.segments.length} segments`);
  assert.deepEqual(await it.memory.list(segmentPrefix(0)), keysOf(manifest).sort(), "and no others are there");
  assert.ok(manifest.segments.some(({ level = 0 }) => level >= 2));
  assert.deepEqual(await it.h.readAll(), bodies(0, 150));
  assert.deepEqual(await it.h.readAll(37, "other"), bodies(37, 150, "other"));
  await assertSound(it.memory);
  const next = await reopened(it);
  assert.deepEqual(await next.h.readAll(), bodies(0, 150));
  assert.deepEqual(await next.h.readAll(37, "other"), bodies(37, 150, "other"));
  // What was used is written down, memory is let go of; then nothing is asked of the store any more.
  await next.runtime.advance(200_000);
  let requests = 0;
  next.store.hook = () => {
    requests += 1;
    return undefined;
  };
  await next.runtime.advance(600_000);
  assert.equal(requests, 0);
});

test("what is trimmed gives its space back, without being read where all of a segment is", async () => {
  const it = await opened();
  await it.h.withStream();
  const large = "x".repeat(700);
  const append = async (count: number) => {
    for (let i = 0; i < count; i += 1) await it.h.until(it.h.append({ bodies: [large] }));
  };
  await append(200);
  await it.runtime.advance(ALL_MOVED_MS);
  const before = (await manifestOf(it.memory)).segments.reduce((sum, { bytes }) => sum + bytes, 0);
  assert.ok(before > 100_000);
  await trim(it.h, 190);
  // What a trim hides stays for sessions until the next one.
  await trim(it.h, 191);
  await append(12);
  await it.runtime.advance(2 * ALL_MOVED_MS);
  const after = (await manifestOf(it.memory)).segments.reduce((sum, { bytes }) => sum + bytes, 0);
  assert.ok(after < 30_000, `${after} bytes are left of ${before}`);
  assert.ok(it.h.engine.stats().segmentsDropped > 0);
  assert.equal((await it.h.readAll(191)).length, 200 + 2 + 12 - 191);
  await assertSound(it.memory);
  assert.equal((await (await reopened(it)).h.readAll(191)).length, 200 + 2 + 12 - 191);
});

test("one trim gives its space back, but not while a session is open that may still read what stood there", async () => {
  const it = await opened();
  await it.h.withStream();
  await appendUntilFlush(it.h, 4, 4_000);
  const { seqNum } = await it.h.until(it.h.engine.checkTail(BASIN, STREAM));
  await it.runtime.advance(ALL_MOVED_MS);
  const start = { kind: "seq_num", seqNum: 0 } as const;
  const options = { start, clamp: false, count: undefined, bytes: undefined, until: undefined, waitMs: undefined };
  const reader = await it.h.until(
    it.h.engine.openReader(BASIN, STREAM, { ...options, mode: "session" }, { config: {} }),
  );
  await trim(it.h, seqNum);
  await appendUntilFlush(it.h, 1);
  await it.runtime.advance(2 * ALL_MOVED_MS);
  for (let next = 0; next < seqNum; ) {
    const event = await it.h.until(reader.next());
    assert.ok(event.kind === "batch", "what stood there is still there for it");
    next = event.lastSeqNum + 1;
  }
  const bytesNow = async () => (await manifestOf(it.memory)).segments.reduce((sum, { bytes }) => sum + bytes, 0);
  assert.ok((await bytesNow()) > 100_000);
  reader.close();
  await appendUntilFlush(it.h, 1);
  await it.runtime.advance(2 * ALL_MOVED_MS);
  assert.ok((await bytesNow()) < 20_000, `${await bytesNow()} bytes are left`);
  await assertSound(it.memory);
  assert.deepEqual((await it.h.read({ mode: "session", count: 1 })).records[0]?.seqNum, seqNum);
});

test("much that is deleted gives its space back though nothing is written any more", async () => {
  for (const by of ["deletion", "basin", "trim"] as const) {
    const it = await opened();
    await it.h.withStream();
    await appendUntilFlush(it.h, 8, 4_000);
    await it.runtime.advance(2 * ALL_MOVED_MS);
    const bytesNow = async () => (await manifestOf(it.memory)).segments.reduce((sum, { bytes }) => sum + bytes, 0);
    assert.ok((await bytesNow()) > 200_000);
    if (by === "deletion") await it.h.until(it.h.engine.streams.delete(BASIN, STREAM));
    else if (by === "basin") await it.h.until(it.h.engine.basins.delete(BASIN));
    else await trim(it.h, (await it.h.until(it.h.engine.checkTail(BASIN, STREAM))).seqNum);
    await it.runtime.advance(10 * ALL_MOVED_MS);
    // A deletion is one flush, and the removal that follows it may be in the next.
    const left = await bytesNow();
    assert.ok(left < 20_000, `${left} bytes are left after a ${by}`);
    await assertSound(it.memory);
  }
});

test("after everything is deleted, the store returns to a few objects, and names are free", async () => {
  const it = await opened();
  await it.h.withStream();
  const names = Array.from({ length: 40 }, (_, i) => `stream ${i}`);
  for (const name of names) await it.h.until(it.h.engine.streams.ensure(BASIN, name, {}));
  for (let round = 0; round < 8; round += 1) for (const name of names) await appendAll(it.h, round, round + 1, name);
  await it.runtime.advance(ALL_MOVED_MS);
  assert.ok((await manifestOf(it.memory)).segments.reduce((sum, { bytes }) => sum + bytes, 0) > 30_000);
  for (const name of names) {
    await it.h.until(it.h.engine.streams.delete(BASIN, name));
    await it.runtime.advance(3_000);
  }
  await appendAll(it.h, 0, 20);
  await it.runtime.advance(2 * ALL_MOVED_MS);
  const { segments } = await manifestOf(it.memory);
  assert.ok(segments.length <= 5, `${segments.length} segments`);
  // What is left is the account, what was used, and one stream.
  assert.ok(segments.reduce((sum, { bytes }) => sum + bytes, 0) < 30_000);
  const log = await it.memory.list(walPrefix(0));
  const versions = await it.memory.list(manifestPrefix(0));
  assert.ok(log.length <= FLUSHES.chunks + 3 && versions.length <= 3);
  assert.equal((await it.memory.list(segmentPrefix(0))).length, segments.length);
  await assertSound(it.memory);
  const next = await reopened(it);
  for (const name of names)
    await assert.rejects(next.h.until(next.h.engine.streams.get(BASIN, name)), code("stream_not_found"));
  await next.h.until(next.h.engine.streams.ensure(BASIN, names[0], {}));
  assert.equal((await next.h.until(next.h.engine.checkTail(BASIN, names[0]))).seqNum, 0);
});

test("what only the log removes is still told of by segments: whoever reads the log next knows it", async () => {
  const it = await opened();
  await it.h.withStream();
  for (const name of ["a", "b", "c"]) await it.h.until(it.h.engine.streams.ensure(BASIN, name, {}));
  for (let i = 0; i < 24; i += 1) await appendAll(it.h, i, i + 1, "abc"[i % 3]);
  await it.runtime.advance(ALL_MOVED_MS);
  const flushed = it.h.engine.stats().segmentsPut;
  await it.h.until(it.h.engine.streams.delete(BASIN, "b"));
  await it.runtime.advance(3_000);
  // A flush is named, and cut before the removal; a merge follows while the removal is in the log alone.
  const hold = Promise.withResolvers<void>();
  let holds = true;
  it.store.hook = ({ kind, key }) =>
    holds && kind === "putIfAbsent" && key.startsWith(segmentPrefix(0)) ? { holdBefore: hold.promise } : undefined;
  while (it.h.engine.stats().chunksPut % 8 !== 0) await appendAll(it.h, 100, 101);
  await appendAll(it.h, 100, 103);
  await it.h.until(it.h.engine.streams.delete(BASIN, "c"));
  await it.runtime.advance(3_000);
  holds = false;
  hold.resolve();
  await it.runtime.advance(ALL_MOVED_MS);
  assert.ok(it.h.engine.stats().segmentsPut > flushed);
  assert.ok(it.h.engine.stats().merges > 0);
  await assertSound(it.memory);
  const next = await reopened(it);
  for (const name of ["b", "c"])
    await assert.rejects(next.h.until(next.h.engine.streams.get(BASIN, name)), code("stream_not_found"));
  assert.equal((await next.h.readAll(0, "a")).length, 8);
});

test("a reader that lags goes through merges without a gap or a double", async () => {
  const it = await opened();
  await it.h.withStream();
  await appendAll(it.h, 0, 60);
  const start = { kind: "seq_num", seqNum: 0 } as const;
  const options = { start, clamp: false, count: undefined, bytes: undefined, until: undefined, waitMs: undefined };
  const reader = await it.h.until(
    it.h.engine.openReader(BASIN, STREAM, { ...options, mode: "session" }, { config: {} }),
  );
  let next = 0;
  for (let round = 0; round < 60; round += 1) {
    const event = await it.h.until(reader.next(1));
    assert.ok(event.kind === "batch");
    assert.equal(event.lastSeqNum, next++);
    await appendAll(it.h, 60 + 2 * round, 62 + 2 * round);
    await it.runtime.advance(4_000);
  }
  assert.ok(it.h.engine.stats().merges >= 5);
  assert.ok(it.runtime.branches.count("segments-collected") > 0);
  reader.close();
});

test("a get of an input that began before the merge finds it there after it", async () => {
  const it = await opened();
  await it.h.withStream();
  await appendUntilFlush(it.h, 2);
  await it.runtime.advance(3_000);
  await appendUntilFlush(it.h, 1);
  await it.runtime.advance(CACHE_AGE_MS - 1_000);
  let isSlow = true;
  it.store.hook = ({ kind, key }) =>
    isSlow && kind === "getRange" && key.startsWith(segmentPrefix(0)) ? { delayBeforeMs: 4_500 } : undefined;
  const read = it.h.read({ mode: "unary", count: 1 });
  await it.runtime.settle();
  isSlow = false;
  const { records } = await it.h.until(read);
  assert.deepEqual(
    records.map(({ body }) => body),
    [`${STREAM} 0`],
  );
  assert.ok(it.h.engine.stats().merges > 0, "it was merged meanwhile");
  assert.deepEqual(it.h.halts, []);
});

/** Small batches, or large ones, until so many flushes more have been put. */
async function appendUntilFlush(h: Harness, flushes: number, bodyBytes = 1): Promise<void> {
  const target = h.engine.stats().segmentsPut + flushes;
  for (let i = 0; h.engine.stats().segmentsPut < target; i += 1)
    await h.until(h.append({ bodies: [`${STREAM} ${i}${"x".repeat(bodyBytes - 1)}`] }));
}

test("a removal is told of for as long as an older segment tells of the stream", async () => {
  const it = await opened();
  await it.h.withStream();
  await it.h.until(it.h.engine.streams.ensure(BASIN, "gone", {}));
  // Large, and so left alone.
  await appendUntilFlush(it.h, 1, 3_000);
  await it.h.until(it.h.engine.streams.delete(BASIN, "gone"));
  await it.runtime.advance(3_000);
  await appendUntilFlush(it.h, 10);
  await it.runtime.advance(2 * ALL_MOVED_MS);
  assert.ok(it.h.engine.stats().merges > 0);
  assert.ok((await manifestOf(it.memory)).segments[0].level === undefined, "the oldest is as it was");
  const next = await reopened(it);
  await assert.rejects(next.h.until(next.h.engine.streams.get(BASIN, "gone")), code("stream_not_found"));
});

test("a segment that alone tells of a stream is not dropped while the log says the stream is removed", async () => {
  const it = await opened();
  await it.h.withStream();
  await appendUntilFlush(it.h, 1, 4_000);
  // What tells of it has records besides that will be trimmed.
  await it.h.until(it.h.engine.streams.ensure(BASIN, "gone", {}));
  await appendUntilFlush(it.h, 1, 4_000);
  const { seqNum } = await it.h.until(it.h.engine.checkTail(BASIN, STREAM));
  await trim(it.h, seqNum);
  await trim(it.h, seqNum + 1);
  await appendUntilFlush(it.h, 1, 4_000);
  await it.h.until(it.h.engine.streams.delete(BASIN, "gone"));
  await it.runtime.advance(CACHE_AGE_MS + 2_000);
  assert.ok(it.h.engine.stats().segmentsDropped + it.h.engine.stats().merges > 0);
  const next = await reopened(it);
  await assert.rejects(next.h.until(next.h.engine.streams.get(BASIN, "gone")), code("stream_not_found"));
});

/** More than any merges here put. */
const MANY_PUTS = 50;

test("what only the log removes is rewritten once, and then there is rest", async () => {
  const it = await opened();
  await it.h.withStream();
  // What tells of them is long.
  const names = ["a", "b", "c"].map((name) => name.repeat(500));
  for (const name of names) await it.h.until(it.h.engine.streams.ensure(BASIN, name, {}));
  await appendUntilFlush(it.h, 1);
  // A newer segment tells of them, too, and they are removed while it is put.
  const hold = Promise.withResolvers<void>();
  let isHeld = false;
  let puts = 0;
  it.store.hook = ({ kind, key }) => {
    if (kind !== "putIfAbsent" || !key.startsWith(segmentPrefix(0))) return undefined;
    if (isHeld) puts += 1;
    // It would never come to an end.
    if (puts === MANY_PUTS) return { holdBefore: new Promise(() => undefined) };
    if (isHeld) return undefined;
    isHeld = true;
    return { holdBefore: hold.promise };
  };
  for (const name of names) await it.h.until(it.h.engine.streams.reconfigure(BASIN, name, { retentionAgeSecs: 60 }));
  for (let i = 0; !isHeld; i += 1) await appendAll(it.h, i, i + 1);
  for (const name of names) await it.h.until(it.h.engine.streams.delete(BASIN, name));
  await it.runtime.advance(2_000);
  hold.resolve();
  await it.runtime.advance(ALL_MOVED_MS);
  assert.ok(puts > 0 && puts < MANY_PUTS, `${puts} segments`);
  const next = await reopened(it);
  for (const name of names)
    await assert.rejects(next.h.until(next.h.engine.streams.get(BASIN, name)), code("stream_not_found"));
  await assertSound(it.memory);
});

/** Writes, trims and deletes so much that merges, rewrites and drops follow. Fills in what of STREAM was acknowledged. */
async function work(it: Awaited<ReturnType<typeof opened>>, acknowledged: Map<number, string>): Promise<void> {
  for (let i = 0; i < 52; i += 1) {
    const body = `${STREAM} ${i}`;
    const ack = await it.h.until(it.h.append({ bodies: [body] }));
    acknowledged.set(ack.start.seqNum, body);
    await appendAll(it.h, i, i + 1, "other");
    if (i === 20) await trim(it.h, 6);
    if (i === 22) await trim(it.h, 9);
    if (i === 24) await it.h.until(it.h.engine.streams.delete(BASIN, "mortal"));
  }
  await it.runtime.advance(ALL_MOVED_MS);
}

test("whatever step a crash comes at, the next owner finds everything, and leaves nothing about", async () => {
  const begun = async () => {
    const it = await opened();
    await it.h.withStream();
    for (const name of ["other", "mortal"]) await it.h.until(it.h.engine.streams.ensure(BASIN, name, {}));
    await appendAll(it.h, 0, 4, "mortal");
    return it;
  };
  const whole = await begun();
  const steps: { step: number; changes: boolean }[] = [];
  let requests = 0;
  whole.store.hook = ({ kind, key }) => {
    requests += 1;
    const changes = kind !== "get" && kind !== "getRange" && kind !== "list";
    // From the first that a merge reads.
    const isOfMerge = kind === "getRange" || steps.length > 0;
    if (isOfMerge && !key.startsWith(walPrefix(0))) steps.push({ step: requests, changes });
    return undefined;
  };
  await work(whole, new Map());
  const { merges } = whole.h.engine.stats();
  assert.ok(merges >= 2 && steps.length > 20, `${merges} merges in ${steps.length} requests`);
  for (const { step, changes } of steps) {
    for (const takesEffect of changes ? [false, true] : [false]) {
      const it = await begun();
      const never = new Promise<void>(() => undefined);
      const crash = Promise.withResolvers<void>();
      let made = 0;
      it.store.hook = () => {
        made += 1;
        if (made < step) return undefined;
        crash.resolve();
        return made === step && takesEffect ? { holdAfter: never } : { holdBefore: never };
      };
      const acknowledged = new Map<number, string>();
      work(it, acknowledged).catch(() => undefined);
      await crash.promise;
      const next = await reopened(it);
      await appendAll(next.h, 1_000, 1_030, "other");
      await next.runtime.advance(2 * ALL_MOVED_MS);
      const { records } = await next.h.read({ mode: "session", count: 1_000 });
      const found = new Map(records.map(({ seqNum, body }) => [seqNum, body]));
      const first = records[0]?.seqNum ?? 0;
      assert.ok(first <= 9, `begins at ${first}, at step ${step}`);
      for (const [seqNum, body] of acknowledged)
        if (seqNum >= first) assert.equal(found.get(seqNum), body, `${seqNum} at step ${step}`);
      await assertSound(it.memory);
      const named = keysOf(await manifestOf(it.memory)).sort();
      assert.deepEqual(await it.memory.list(segmentPrefix(0)), named, `at step ${step}`);
      assert.deepEqual(next.h.halts, []);
    }
  }
});

test("lost replies and refusals of its requests end in the same merges, once", async () => {
  const it = await opened();
  await it.h.withStream();
  const seen = new Map<string, number>();
  it.store.hook = ({ kind, key }) => {
    if (key.startsWith(walPrefix(0))) return undefined;
    const times = (seen.get(kind + key) ?? 0) + 1;
    seen.set(kind + key, times);
    if (times === 1) return { failBefore: "unavailable" };
    if (times === 2) return { failAfter: kind === "putIfAbsent" ? "ambiguous" : "unavailable" };
    return undefined;
  };
  await appendAll(it.h, 0, 120);
  await it.runtime.advance(3 * ALL_MOVED_MS);
  assert.deepEqual(it.h.halts, []);
  assert.ok(it.h.engine.stats().merges >= 3);
  it.store.hook = () => undefined;
  assert.deepEqual(await it.h.readAll(), bodies(0, 120));
  await assertSound(it.memory);
  // Deletes that failed are made up for with the next.
  await appendAll(it.h, 120, 240);
  await it.runtime.advance(3 * ALL_MOVED_MS);
  assert.deepEqual(await it.memory.list(segmentPrefix(0)), keysOf(await manifestOf(it.memory)).sort());
});

test("an owner that is deposed while it merges finds out by the manifest, and its successor loses nothing", async () => {
  const it = await opened();
  await it.h.withStream();
  await appendAll(it.h, 0, 40);
  const hold = Promise.withResolvers<void>();
  const held = Promise.withResolvers<void>();
  let isMerging = false;
  it.store.hook = ({ kind, key }) => {
    if (kind === "getRange" && key.startsWith(segmentPrefix(0))) isMerging = true;
    if (!isMerging || kind !== "putIfAbsent" || !key.startsWith(manifestPrefix(0))) return undefined;
    held.resolve();
    return { holdBefore: hold.promise };
  };
  const waited = it.runtime.advance(ALL_MOVED_MS);
  await held.promise;
  const named = keysOf(await manifestOf(it.memory));
  const next = await opened(it.memory, 2, it.runtime.clock.wallMs() + 60_000);
  hold.resolve();
  await waited;
  await it.runtime.advance(ALL_MOVED_MS);
  assert.ok(it.h.halts[0] instanceof DeposedError, String(it.h.halts[0]));
  const there = await it.memory.list(segmentPrefix(0));
  for (const key of named) assert.ok(there.includes(key), `${key} is the successor's`);
  await appendAll(next.h, 40, 100);
  await next.runtime.advance(2 * ALL_MOVED_MS);
  assert.deepEqual(await next.h.readAll(), bodies(0, 100));
  await assertSound(it.memory);
  assert.deepEqual(await it.memory.list(segmentPrefix(0)), keysOf(await manifestOf(it.memory)).sort());
});

test("a flush that comes in the middle of a merge is kept", async () => {
  const it = await opened();
  await it.h.withStream();
  await appendAll(it.h, 0, 40);
  const hold = Promise.withResolvers<void>();
  const held = Promise.withResolvers<void>();
  it.store.hook = ({ kind, key }) => {
    if (kind !== "getRange" || !key.startsWith(segmentPrefix(0))) return undefined;
    held.resolve();
    return { holdBefore: hold.promise };
  };
  const waited = it.runtime.advance(CACHE_AGE_MS);
  await held.promise;
  await appendAll(it.h, 40, 60);
  hold.resolve();
  await waited;
  await it.runtime.advance(2 * ALL_MOVED_MS);
  assert.ok(it.runtime.branches.count("flushed-during-merge") > 0);
  const next = await reopened(it);
  assert.deepEqual(await next.h.readAll(), bodies(0, 60));
  await assertSound(it.memory);
});

test("a trim in the middle of a merge leaves no hole in what was merged", async () => {
  const it = await opened();
  await it.h.withStream();
  // Somebody needs what is merged.
  await it.h.until(it.h.engine.streams.ensure(BASIN, "other", {}));
  for (let i = 0; i < 20; i += 1) {
    await appendAll(it.h, i, i + 1);
    await appendAll(it.h, i, i + 1, "other");
  }
  const hold = Promise.withResolvers<void>();
  const held = Promise.withResolvers<void>();
  let gets = 0;
  it.store.hook = ({ kind, key }) => {
    if (kind !== "getRange" || !key.startsWith(segmentPrefix(0))) return undefined;
    gets += 1;
    // Its catalogs, then the records of its first input, and now those of the second.
    if (gets !== MERGES.fanIn + 2) return undefined;
    held.resolve();
    return { holdBefore: hold.promise };
  };
  const waited = it.runtime.advance(CACHE_AGE_MS);
  await held.promise;
  await trim(it.h, 9);
  await trim(it.h, 10);
  await waited;
  let manifests = 0;
  it.store.hook = ({ kind, key }) => {
    if (kind !== "putIfAbsent" || !key.startsWith(manifestPrefix(0))) return undefined;
    manifests += 1;
    // What was merged is named; what it leads to does not get any further.
    return manifests === 1 ? undefined : { holdBefore: new Promise(() => undefined) };
  };
  hold.resolve();
  await it.runtime.advance(1_000);
  assert.ok(manifests > 0);
  await assertSound(it.memory);
});

test("an input that is corrupt or missing is named, and stops the shard", async () => {
  for (const isMissing of [false, true]) {
    const it = await opened();
    await it.h.withStream();
    await appendAll(it.h, 0, 40);
    const key = (await it.memory.list(segmentPrefix(0)))[0];
    if (isMissing) await it.memory.delete(key);
    else {
      const damaged = Uint8Array.from(await it.memory.get(key));
      damaged[100] ^= 1;
      await it.memory.put(key, [damaged]);
    }
    await it.runtime.advance(2 * ALL_MOVED_MS);
    const [halt] = it.h.halts;
    assert.ok(halt instanceof CorruptObjectError && halt.key === key, String(halt));
  }
});

test("a merge does not stand in the way of a clean shutdown, and is not begun behind it", async () => {
  const it = await opened();
  await it.h.withStream();
  await appendAll(it.h, 0, 40);
  it.store.hook = ({ kind, key }) =>
    kind === "getRange" && key.startsWith(segmentPrefix(0)) ? { failBefore: "unavailable" } : undefined;
  await it.runtime.advance(ALL_MOVED_MS);
  await it.h.until(it.h.engine.close());
  assert.deepEqual(it.h.halts, []);
  assert.equal(it.h.engine.stats().merges, 0);
  assert.ok(it.runtime.branches.count("release-put") > 0);
  const next = await reopened(it);
  assert.deepEqual(await next.h.readAll(), bodies(0, 40));
});

test("while the log is busy, a merge takes its time, and ends all the same", async () => {
  const it = await opened();
  await it.h.withStream();
  await appendAll(it.h, 0, 40);
  await it.runtime.advance(CACHE_AGE_MS - 100);
  for (let i = 0; i < 100; i += 1) {
    await appendAll(it.h, 40 + i, 41 + i);
    await it.runtime.advance(50);
  }
  assert.ok(it.runtime.branches.count("merge-paused") > 0);
  assert.ok(it.h.engine.stats().merges > 0);
  assert.deepEqual(await it.h.readAll(), bodies(0, 140));
});

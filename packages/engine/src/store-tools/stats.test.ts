// What is said of a store is what is there: objects by kind, records that can be read and those that cannot, the oldest chunk, and puts.
import assert from "node:assert/strict";
import { test } from "node:test";
import { DEFAULT_BASIN_CONFIG } from "../config.ts";
import { CACHE_AGE_MS, COLLECT_GRACE_MS } from "../limits.ts";
import { CountingStore, MemoryStore } from "../object-store/index.ts";
import { systemRuntime, VirtualRuntime } from "../runtime/index.ts";
import { segmentPrefix } from "../shard/keys.ts";
import { BASIN, Harness, STREAM } from "../testing/harness.ts";
import { writeSample } from "../testing/sample-store.ts";
import { checkStore } from "./check.ts";
import { type StoreStats, storeStats } from "./stats.ts";

const ALL_MOVED_MS = CACHE_AGE_MS + COLLECT_GRACE_MS + 1_000;
/** More than a block of records, so that some are dead as a whole. */
const BODY = "x".repeat(70_000);

function statsOf(view: MemoryStore): Promise<StoreStats> {
  return storeStats({ runtime: systemRuntime, view });
}

/** An owner on a new store, whose puts are counted. */
async function owner(limits = { bytes: 10_000_000, chunks: 1_000, streams: 1_000 }) {
  const memory = new MemoryStore({ exclusive: false });
  const runtime = new VirtualRuntime({ seed: 1 });
  const store = new CountingStore(memory, { clock: runtime.clock });
  const h = await (await Harness.open(store, runtime, limits)).withStream();
  return { memory, store, h };
}

test("all objects are counted once, by kind, and what lies about apart", async () => {
  const memory = new MemoryStore({ exclusive: false });
  await writeSample(memory);
  await memory.put("probe-1", [Buffer.from("left by a start")]);
  const stats = await statsOf(memory);
  const { objects, total } = stats;
  const sum = Object.values(objects).reduce(
    (all, each) => ({ count: all.count + each.count, bytes: all.bytes + each.bytes }),
    { count: 0, bytes: 0 },
  );
  assert.deepEqual(sum, total);
  const listed = await memory.listObjects("");
  assert.deepEqual(total, { count: listed.length, bytes: listed.reduce((bytes, each) => bytes + each.bytes, 0) });
  const checked = await checkStore({ runtime: systemRuntime, view: memory });
  assert.equal(objects.garbage.count, Object.values(checked.garbage).flat().length);
  assert.equal(objects.segments.count, checked.segments);
  assert.equal(stats.streams, checked.streams);
  assert.equal(objects.deployment.count, 1);
  assert.equal(stats.damage.count, 0);
});

test("records that are trimmed, and those of streams that are gone, are dead, in the log and in segments", async () => {
  for (const chunks of [1_000, 4]) {
    const { memory, h } = await owner({ bytes: 10_000_000, chunks, streams: 1_000 });
    await h.until(h.engine.streams.ensure(BASIN, "gone", {}));
    for (let i = 0; i < 6; i += 1) {
      await h.until(h.append({ bodies: [BODY] }));
      await h.until(h.append({ bodies: [BODY] }, "gone"));
    }
    await h.runtime.advance(1_000);
    const before = await statsOf(memory);
    assert.ok(before.records.live >= 12 * BODY.length && before.records.dead === 0, JSON.stringify(before.records));
    if (chunks === 4) assert.ok(before.objects.segments.bytes > 5 * BODY.length, "some of it is in segments");
    await h.until(h.append({ bodies: ["t"], commands: [{ kind: "trim", index: 0, seqNum: 4 }] }));
    const trimmed = await statsOf(memory);
    assert.ok(Math.abs(trimmed.records.dead - 4 * BODY.length) < 1_000, JSON.stringify(trimmed.records));
    await h.until(h.engine.streams.delete(BASIN, "gone"));
    await h.runtime.advance(3_000);
    const { records, total, spaceAmplification } = await statsOf(memory);
    assert.ok(Math.abs(records.dead - 10 * BODY.length) < 2_000, JSON.stringify(records));
    assert.ok(Math.abs(records.live - 2 * BODY.length) < 2_000, JSON.stringify(records));
    assert.equal(spaceAmplification, total.bytes / records.live);
  }
});

test("the oldest chunk is the first that is not flushed, with the time at which it was put", async () => {
  const { memory, h } = await owner({ bytes: 10_000_000, chunks: 20, streams: 1_000 });
  for (let i = 0; i < 25; i += 1) {
    await h.until(h.append({ bodies: [`${i}`] }));
    await h.runtime.advance(5_000);
  }
  const { oldestChunk, logStart } = await statsOf(memory);
  assert.ok(logStart > 0);
  assert.equal(oldestChunk?.place, logStart);
  const ageMs = h.runtime.clock.wallMs() - (oldestChunk?.wallMs ?? 0);
  assert.ok(ageMs >= 5_000 && ageMs <= 25 * 5_000 && ageMs % 5_000 < 1_000, `${ageMs} ms`);
});

test("the puts since the founding are those that were counted while it was written, collected or not", async () => {
  const { memory, store, h } = await owner({ bytes: 10_000_000, chunks: 8, streams: 1_000 });
  for (let i = 0; i < 50; i += 1) await h.until(h.append({ bodies: [`${i}`] }, STREAM));
  await h.until(h.engine.basins.ensure("other-basin", DEFAULT_BASIN_CONFIG));
  await h.runtime.advance(ALL_MOVED_MS);
  assert.ok((await statsOf(memory)).objects.segments.count > 3);
  // deployment.json is not among them.
  assert.equal((await statsOf(memory)).puts, store.counts.putIfAbsent - 1);
  await h.until(h.engine.close());
  const runtime = new VirtualRuntime({ seed: 2 });
  const counting = new CountingStore(memory, { clock: runtime.clock });
  const { startReads, objects } = await statsOf(memory);
  await Harness.open(counting, runtime);
  assert.equal((await statsOf(memory)).puts, store.counts.putIfAbsent - 1 + counting.counts.putIfAbsent);
  // It looks at the newest manifest again and again while it takes over, and looks up two streams, of which every segment tells in two blocks.
  const reads = counting.counts.get + counting.counts.getRange;
  const most = startReads + 8 + 2 * 2 * objects.segments.count;
  assert.ok(reads >= startReads && reads <= most, `${reads} of ${startReads}`);
});

test("a store that is damaged is counted as well as it can be, and that is said", async () => {
  const memory = new MemoryStore({ exclusive: false });
  await writeSample(memory);
  const [segment] = await memory.list(segmentPrefix(0));
  await memory.delete(segment);
  assert.ok((await statsOf(memory)).damage.count > 0);
});

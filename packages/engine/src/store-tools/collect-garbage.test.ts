// Collecting by command deletes what lies about and nothing else, whoever slept, and never beside a living owner unless it is told to depose it.
import assert from "node:assert/strict";
import { test } from "node:test";
import { CACHE_AGE_MS, COLLECT_GRACE_MS } from "../limits.ts";
import { FaultyStore, MemoryStore, type ObjectStore } from "../object-store/index.ts";
import { VirtualRuntime } from "../runtime/index.ts";
import { DeposedError } from "../shard/deposed.ts";
import { manifestKey, manifestPrefix, segmentKey, segmentPrefix, walPrefix } from "../shard/keys.ts";
import { newestManifest } from "../shard/manifest.ts";
import { Harness } from "../testing/harness.ts";
import { readSample, SAMPLE_LIMITS, writeSample } from "../testing/sample-store.ts";
import { checkStore } from "./check.ts";
import { type CollectReport, collectGarbage, findGarbage } from "./collect-garbage.ts";
import { StoreInUseError } from "./tenure.ts";

const ORPHAN = segmentKey(0, 1, "0".repeat(32), 77);
const ALL_MOVED_MS = CACHE_AGE_MS + COLLECT_GRACE_MS + 1_000;

function gc(memory: MemoryStore, deposesOwner = false, store: ObjectStore = memory): Promise<CollectReport> {
  const runtime = new VirtualRuntime({ seed: 99 });
  return runtime.until(collectGarbage({ runtime, store, view: memory, deposesOwner }));
}

function keysOf(report: Pick<CollectReport, "found">): string[] {
  return Object.values(report.found).flatMap((objects) => objects.map(({ key }) => key));
}

async function check(memory: MemoryStore) {
  return checkStore({ runtime: new VirtualRuntime({ seed: 98 }), view: memory });
}

test("what lies about goes, and what is needed, in flight or not Tailrace's stays; all is read as before", async () => {
  const memory = new MemoryStore({ exclusive: false });
  const sample = await writeSample(memory);
  await memory.put(ORPHAN, [Buffer.from("of a writer that died")]);
  await memory.put("something/else", [Buffer.from("of somebody")]);
  const before = await memory.list("");
  const dry = await findGarbage(new VirtualRuntime({ seed: 97 }), memory);
  assert.deepEqual(await memory.list(""), before, "a dry run changes nothing");
  const report = await gc(memory);
  assert.deepEqual(report.undeleted, []);
  assert.ok(report.found.flushedChunks.length > 0 && report.found.oldManifests.length > 0);
  assert.ok(keysOf(report).includes(ORPHAN));
  // The marker has replaced the newest manifest.
  assert.deepEqual(new Set(keysOf(report)).isSupersetOf(new Set(keysOf({ found: dry }))), true);
  const after = await memory.list("");
  assert.deepEqual(
    before.filter((key) => !after.includes(key)),
    keysOf(report).toSorted(),
  );
  assert.ok(after.includes("something/else"));
  const checked = await check(memory);
  assert.deepEqual(checked.damage.told, []);
  const { flushedChunks, oldManifests, orphanedSegments } = checked.garbage;
  assert.deepEqual([...flushedChunks, ...oldManifests, ...orphanedSegments], []);
  assert.deepEqual(await readSample(memory, sample), sample);
  assert.deepEqual(keysOf(await gc(memory)).length <= 1, true, "nothing is left but what it did itself");
});

test("an owner that has not released the shard is left alone, unless it is to be deposed", async () => {
  const memory = new MemoryStore({ exclusive: false });
  const sample = await writeSample(memory);
  const h = await Harness.open(memory, new VirtualRuntime({ seed: 5, wallMs: sample.wallMs }), SAMPLE_LIMITS);
  await h.withStream();
  const before = await memory.list("");
  await assert.rejects(gc(memory), StoreInUseError);
  assert.deepEqual(await memory.list(""), before, "nothing was changed");
  const report = await gc(memory, true);
  assert.ok(keysOf(report).length > 0);
  await assert.rejects(h.until(h.append({ bodies: ["too late"] })));
  assert.ok(h.halts[0] instanceof DeposedError, String(h.halts[0]));
  assert.deepEqual((await check(memory)).damage.told, []);
  assert.deepEqual(await readSample(memory, sample), sample);
});

test("an owner that starts while it is on its way is not deposed behind its back", async () => {
  const memory = new MemoryStore({ exclusive: false });
  const sample = await writeSample(memory);
  const runtime = new VirtualRuntime({ seed: 7 });
  const hold = Promise.withResolvers<void>();
  const store = new FaultyStore(memory, runtime, ({ kind, key }) =>
    kind === "putIfAbsent" && key.startsWith(walPrefix(0)) ? { holdBefore: hold.promise } : undefined,
  );
  const collecting = collectGarbage({ runtime, store, view: memory, deposesOwner: false });
  collecting.catch(() => undefined);
  await runtime.advance(100);
  const h = await Harness.open(memory, new VirtualRuntime({ seed: 6, wallMs: sample.wallMs }), SAMPLE_LIMITS);
  hold.resolve();
  await assert.rejects(runtime.until(collecting), StoreInUseError);
  await h.withStream();
  await h.until(h.append({ bodies: ["still here"] }));
  assert.deepEqual(h.halts, []);
});

test("an owner that was asleep all along wakes up deposed, and spoils nothing", async () => {
  const memory = new MemoryStore({ exclusive: false });
  const runtime = new VirtualRuntime({ seed: 1 });
  const store = new FaultyStore(memory, runtime);
  const h = await (await Harness.open(store, runtime, SAMPLE_LIMITS)).withStream();
  for (let i = 0; i < 30; i += 1) await h.until(h.append({ bodies: [`${i}`] }));
  await runtime.advance(ALL_MOVED_MS);
  // Its next flush sleeps on its way: the segment is in, its manifest is not.
  const hold = Promise.withResolvers<void>();
  const next = manifestKey(0, ((await newestManifest(memory, 0))?.version ?? 0) + 1);
  store.hook = ({ key }) => (key === next ? { holdBefore: hold.promise } : undefined);
  for (let i = 30; i < 60; i += 1) await h.until(h.append({ bodies: [`${i}`] }));
  const report = await gc(memory, true);
  assert.ok(report.found.orphanedSegments.length > 0, "its segment is an orphan now");
  hold.resolve();
  await runtime.advance(2 * ALL_MOVED_MS);
  assert.ok(h.halts[0] instanceof DeposedError, String(h.halts[0]));
  assert.deepEqual((await check(memory)).damage.told, []);
  const reader = await Harness.open(memory, new VirtualRuntime({ seed: 3, wallMs: runtime.clock.wallMs() }));
  assert.deepEqual(
    await reader.readAll(),
    Array.from({ length: 60 }, (_, i) => `${i}`),
  );
});

test("nothing is deleted when the marker was not seen newest, and what could not be deleted is told", async () => {
  const memory = new MemoryStore({ exclusive: false });
  await writeSample(memory);
  const runtime = new VirtualRuntime({ seed: 8 });
  let deletes = 0;
  let markerIsIn = false;
  const blind = new FaultyStore(memory, runtime, ({ kind, key }) => {
    if (kind === "delete" || kind === "deleteMany") deletes += 1;
    if (kind === "putIfAbsent" && key.startsWith(manifestPrefix(0))) markerIsIn = true;
    return kind === "list" && key === manifestPrefix(0) && markerIsIn ? { failBefore: "unavailable" } : undefined;
  });
  await assert.rejects(runtime.until(collectGarbage({ runtime, store: blind, view: memory, deposesOwner: false })));
  assert.ok(markerIsIn);
  assert.equal(deletes, 0);

  const refusing = new FaultyStore(memory, new VirtualRuntime({ seed: 9 }), ({ kind }) =>
    kind === "deleteMany" ? { onlyFirst: 2 } : undefined,
  );
  const report = await gc(memory, true, refusing);
  assert.equal(report.undeleted.length, keysOf(report).length - 2);
  assert.deepEqual((await check(memory)).damage.told, []);
  assert.ok((await memory.list(segmentPrefix(0))).length > 0);
});

test("lost replies are no harm, and the shard is released all the same", async () => {
  const memory = new MemoryStore({ exclusive: false });
  const sample = await writeSample(memory);
  const runtime = new VirtualRuntime({ seed: 10 });
  const store = new FaultyStore(memory, runtime, ({ kind }) =>
    kind === "putIfAbsent" ? { failAfter: "ambiguous" } : undefined,
  );
  const report = await runtime.until(collectGarbage({ runtime, store, view: memory, deposesOwner: false }));
  assert.ok(keysOf(report).length > 0);
  assert.deepEqual((await check(memory)).damage.told, []);
  assert.deepEqual(await gc(memory).then(({ undeleted }) => undeleted), [], "nobody need be deposed");
  assert.deepEqual(await readSample(memory, sample), sample);
});

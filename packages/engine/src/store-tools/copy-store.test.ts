// A copy is a deployment of its own with all that was acknowledged before it began, however the source is being written; half of one is opened by
// nobody, and can be gone on with.
import assert from "node:assert/strict";
import { test } from "node:test";
import { readDeployment } from "../deployment.ts";
import { DeploymentError } from "../index.ts";
import { CACHE_AGE_MS, COLLECT_GRACE_MS } from "../limits.ts";
import { FaultyStore, MemoryStore, type ObjectStore, type StoreView } from "../object-store/index.ts";
import { systemRuntime, VirtualRuntime } from "../runtime/index.ts";
import { CorruptObjectError } from "../shard/corrupt.ts";
import { DEPLOYMENT_KEY, segmentPrefix, walKey } from "../shard/keys.ts";
import { newestManifest } from "../shard/manifest.ts";
import { BASIN, Harness, STREAM } from "../testing/harness.ts";
import { readSample, writeSample } from "../testing/sample-store.ts";
import { checkStore } from "./check.ts";
import { type CopyReport, copyStore, deploymentIn } from "./copy-store.ts";
import { CopyTarget, CopyTargetError } from "./copy-target.ts";

const ALL_MOVED_MS = CACHE_AGE_MS + COLLECT_GRACE_MS + 1_000;
const LIMITS = { bytes: 100_000, chunks: 8, streams: 1_000 };

async function copy(
  source: StoreView,
  view: MemoryStore,
  options: { resumes?: boolean; store?: ObjectStore } = {},
): Promise<CopyReport> {
  const runtime = systemRuntime;
  const deployment = await deploymentIn(runtime, source);
  const { store = view, resumes = false } = options;
  const target = await CopyTarget.claim({ runtime, store, view, resumes }, deployment);
  return copyStore({ runtime, source, target, deployment });
}

async function isClean(view: MemoryStore): Promise<void> {
  const { damage, garbage } = await checkStore({ runtime: systemRuntime, view });
  assert.deepEqual(damage.told, []);
  assert.deepEqual(
    Object.values(garbage)
      .flat()
      .map(({ key }) => key),
    [],
    "nothing but what is needed is copied",
  );
}

/** Bytes of everything, in hexadecimal. */
async function contents(store: MemoryStore): Promise<Record<string, string>> {
  const all: Record<string, string> = {};
  for (const key of await store.list("")) all[key] = Buffer.from(await store.get(key)).toString("hex");
  return all;
}

test("a copy holds what the source does and an id of its own, and the source is as it was", async () => {
  for (const released of [true, false]) {
    const source = new MemoryStore();
    const sample = await writeSample(source, { released });
    const before = await contents(source);
    const target = new MemoryStore({ exclusive: false });
    const report = await copy(source, target);
    assert.deepEqual(await contents(source), before);
    await isClean(target);
    const copied = await readDeployment(target, "");
    const original = await readDeployment(source, "");
    assert.notEqual(copied.id, original.id);
    assert.deepEqual(copied, { ...original, id: report.deploymentId });
    assert.equal(report.objects, (await target.list("")).length);
    assert.deepEqual(await readSample(target, sample), sample);
  }
});

test("a deployment that nobody has taken over yet is copied, too", async () => {
  const source = new MemoryStore();
  const h = await Harness.open(source);
  await h.until(h.engine.close());
  for (const key of await source.list("shards/")) await source.delete(key);
  const target = new MemoryStore();
  assert.equal((await copy(source, target)).manifestVersion, undefined);
  assert.deepEqual(await target.list(""), [DEPLOYMENT_KEY]);
  assert.equal((await Harness.open(target)).engine.ready, true);
});

test("a deployment that was never flushed is copied, whose newest manifest is a marker", async () => {
  const source = new MemoryStore({ exclusive: false });
  const h = await (await Harness.open(source)).withStream();
  await h.until(h.append({ bodies: ["a"] }));
  const target = new MemoryStore({ exclusive: false });
  assert.equal((await copy(source, target)).manifestVersion, 0);
  await isClean(target);
  assert.deepEqual(await (await Harness.open(target, new VirtualRuntime({ seed: 2 }))).readAll(), ["a"]);
});

/** The source, where each look at it lets its owner go on: `goOn` runs before every `each`-th request. */
function disturbed(source: MemoryStore, each: number, goOn: (request: number) => Promise<void>): StoreView {
  let requests = 0;
  const disturb = async () => {
    requests += 1;
    if (requests % each === 0) await goOn(requests);
  };
  return {
    description: "memory:",
    get: async (key) => {
      await disturb();
      return source.get(key);
    },
    getRange: async (key, offset, length) => {
      await disturb();
      return source.getRange(key, offset, length);
    },
    list: async (prefix, after) => {
      await disturb();
      return source.list(prefix, after);
    },
    listObjects: (prefix, after) => source.listObjects(prefix, after),
    close: () => Promise.resolve(),
  };
}

test("a source that is written, flushed and collected while it is copied: all that was acknowledged before, and a prefix of what came after", async () => {
  for (const each of [1, 2, 3, 5, 9, 17, 40]) {
    const source = new MemoryStore({ exclusive: false });
    const h = await (await Harness.open(source, new VirtualRuntime({ seed: each }), LIMITS)).withStream();
    let appended = 0;
    const append = async (count: number) => {
      for (let i = 0; i < count; i += 1, appended += 1) await h.until(h.append({ bodies: [`${appended}`] }));
    };
    await append(100);
    // One turn at a time: several requests are under way at once.
    let turn = Promise.resolve();
    let moves = 0;
    const view = disturbed(source, each, (request) => {
      if (moves > 40) return Promise.resolve();
      moves += 1;
      turn = turn.then(async () => {
        await append(request % 3 === 0 ? 20 : 1);
        if (request % 2 === 0) await h.runtime.advance(ALL_MOVED_MS);
      });
      return turn;
    });
    const target = new MemoryStore({ exclusive: false });
    await copy(view, target);
    await isClean(target);
    const reader = await Harness.open(target, new VirtualRuntime({ seed: 9, wallMs: h.runtime.clock.wallMs() }));
    const bodies = await reader.readAll();
    assert.ok(bodies.length >= 100 && bodies.length <= appended, `${bodies.length} of ${appended}`);
    assert.deepEqual(
      bodies,
      bodies.map((_, i) => `${i}`),
    );
  }
});

test("a source that changes hands while it is copied", async () => {
  const source = new MemoryStore({ exclusive: false });
  let h = await (await Harness.open(source, new VirtualRuntime({ seed: 1 }), LIMITS)).withStream();
  for (let i = 0; i < 40; i += 1) await h.until(h.append({ bodies: [`${i}`] }));
  let owners = 1;
  let turn = Promise.resolve();
  const view = disturbed(source, 7, () => {
    turn = turn.then(async () => {
      if (owners > 4) return;
      owners += 1;
      const wallMs = h.runtime.clock.wallMs();
      h = await Harness.open(source, new VirtualRuntime({ seed: owners, wallMs }), LIMITS);
      for (let i = 0; i < 10; i += 1) await h.until(h.append({ bodies: ["later"] }));
    });
    return turn;
  });
  const target = new MemoryStore({ exclusive: false });
  await copy(view, target);
  assert.equal(owners, 5);
  await isClean(target);
  const reader = await Harness.open(target, new VirtualRuntime({ seed: 9, wallMs: h.runtime.clock.wallMs() }));
  const bodies = await reader.readAll();
  assert.deepEqual(
    bodies.slice(0, 40),
    Array.from({ length: 40 }, (_, i) => `${i}`),
  );
});

test("a copy that breaks off anywhere is opened by nobody, is not taken for done, and can be gone on with while the source goes on", async () => {
  const source = new MemoryStore({ exclusive: false });
  const h = await (await Harness.open(source, new VirtualRuntime({ seed: 1 }), LIMITS)).withStream();
  for (let i = 0; i < 60; i += 1) await h.until(h.append({ bodies: [`${i}`] }));
  await h.runtime.advance(ALL_MOVED_MS);
  let puts = 0;
  const counting = new FaultyStore(new MemoryStore(), systemRuntime, ({ kind }) => {
    if (kind === "put" || kind === "putIfAbsent") puts += 1;
    return undefined;
  });
  const whole = new MemoryStore();
  await copy(source, whole, { store: new FaultyStore(whole, systemRuntime, counting.hook) });
  for (let survived = 1; survived < puts; survived += 3) {
    const target = new MemoryStore({ exclusive: false });
    let left = survived;
    const breaking = new FaultyStore(target, systemRuntime, ({ kind }) =>
      (kind === "put" || kind === "putIfAbsent") && left-- <= 0 ? { failBefore: "full" } : undefined,
    );
    await assert.rejects(copy(source, target, { store: breaking }));
    const found = await target.list("");
    await assert.rejects(Harness.open(target), DeploymentError);
    await assert.rejects(checkStore({ runtime: systemRuntime, view: target }), DeploymentError);
    assert.deepEqual(await target.list(""), found, "who tried to open it has changed nothing");
    await assert.rejects(copy(source, target), CopyTargetError, "it must be asked for");
    for (let i = 0; i < 10; i += 1) await h.until(h.append({ bodies: ["later"] }));
    await h.runtime.advance(ALL_MOVED_MS);
    const report = await copy(source, target, { resumes: true });
    if (survived > 10) assert.ok(report.found.objects > 0, "segments are not copied twice");
    await isClean(target);
    const reader = await Harness.open(target, new VirtualRuntime({ seed: 9, wallMs: h.runtime.clock.wallMs() }));
    assert.deepEqual((await reader.readAll()).length, await tailOf(h));
  }
});

async function tailOf(h: Harness): Promise<number> {
  return (await h.until(h.engine.checkTail(BASIN, STREAM))).seqNum;
}

test("lost replies are no harm", async () => {
  const source = new MemoryStore();
  const sample = await writeSample(source);
  const target = new MemoryStore({ exclusive: false });
  let puts = 0;
  const store = new FaultyStore(target, systemRuntime, ({ kind }) => {
    if (kind !== "put" && kind !== "putIfAbsent" && kind !== "deleteMany") return undefined;
    puts += 1;
    return puts % 5 === 0 ? { failAfter: "ambiguous" } : puts % 7 === 0 ? { failBefore: "unavailable" } : undefined;
  });
  await copy(source, target, { store });
  await isClean(target);
  assert.deepEqual(await readSample(target, sample), sample);
});

test("a target that holds anything is refused, and left as it is", async () => {
  const source = new MemoryStore();
  await writeSample(source);
  const served = new MemoryStore();
  await writeSample(served, { seed: 50 });
  const strange = new MemoryStore();
  await strange.put("photos/1", [Buffer.from("x")]);
  const halfOfAnother = new MemoryStore();
  await CopyTarget.claim(
    { runtime: systemRuntime, store: halfOfAnother, view: halfOfAnother, resumes: false },
    { id: "0".repeat(32) },
  );
  for (const target of [served, strange, halfOfAnother, source]) {
    for (const resumes of [false, true]) {
      const before = await contents(target);
      await assert.rejects(copy(source, target, { resumes }), CopyTargetError);
      assert.deepEqual(await contents(target), before);
    }
  }
});

test("two at work on one copy: the first finds out before it makes a deployment of it", async () => {
  const source = new MemoryStore();
  await writeSample(source);
  const view = new MemoryStore();
  const { id, ...deployment } = await deploymentIn(systemRuntime, source);
  const claim = { runtime: systemRuntime, store: view, view };
  const first = await CopyTarget.claim({ ...claim, resumes: false }, { id });
  await CopyTarget.claim({ ...claim, resumes: true }, { id });
  await assert.rejects(
    copyStore({ runtime: systemRuntime, source, target: first, deployment: { id, ...deployment } }),
    /somebody else is copying/,
  );
});

test("a source that is damaged is not copied to its end, and the object is named", async () => {
  const segments = async (store: MemoryStore) => (await store.list(segmentPrefix(0)))[2];
  const chunk = async (store: MemoryStore) => walKey(0, ((await newestManifest(store, 0))?.logStart ?? 0) + 2);
  const fence = async (store: MemoryStore) => walKey(0, (await newestManifest(store, 0))?.fences[0] ?? 0);
  for (const which of [segments, chunk, fence]) {
    for (const damage of ["flipped", "missing"] as const) {
      const source = new MemoryStore();
      await writeSample(source);
      // So much stands behind it that it cannot be the log's end.
      const h = await (await Harness.open(source, new VirtualRuntime({ seed: 4 }))).withStream();
      for (let i = 0; i < 40; i += 1) await h.until(h.append({ bodies: [`${i}`] }));
      const key = await which(source);
      const bytes = Buffer.from(await source.get(key));
      bytes[Math.min(100, bytes.length - 1)] ^= 1;
      if (damage === "missing") await source.delete(key);
      else await source.put(key, [bytes]);
      const target = new MemoryStore();
      await assert.rejects(copy(source, target), (error: unknown) => {
        assert.ok(error instanceof CorruptObjectError, String(error));
        assert.equal(error.key, key);
        return true;
      });
      await assert.rejects(Harness.open(target), DeploymentError);
    }
  }
});

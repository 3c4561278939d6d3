// Streams that nobody uses leave memory, and are afterwards what they were: opened, listed, counted, aged and removed like all others, by this owner and the
// next. Virtual time, one store in memory.
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { DEFAULT_BASIN_CONFIG } from "../config.ts";
import { Engine } from "../engine.ts";
import { EngineError } from "../errors.ts";
import {
  CACHE_AGE_MS,
  COLLECT_GRACE_MS,
  CROWDED_LOOK_MS,
  DORMANT_MS,
  MAX_COLLECT_DELAY_MS,
  MAX_IN_FLIGHT_BYTES_PER_STREAM,
} from "../limits.ts";
import { CountingStore, FaultyStore, MemoryStore, type ObjectStore } from "../object-store/index.ts";
import { VirtualRuntime } from "../runtime/index.ts";
import { segmentPrefix } from "../shard/keys.ts";
import { checkStore } from "../store-tools/check.ts";
import { BASIN, Harness } from "../testing/harness.ts";
import { inputOf } from "../testing/inputs.ts";

const FLUSHES = { bytes: 1_000_000, chunks: 16, streams: 1_000 };
const MERGES = { fanIn: 3, mergedBytes: 60_000, deadBytes: 10_000, inputs: 16 };
/** All that was flushed is found in segments, what was merged is collected, and what nobody uses is forgotten. */
const ALL_AT_REST_MS = 2 * (CACHE_AGE_MS + COLLECT_GRACE_MS + MAX_COLLECT_DELAY_MS) + 3 * DORMANT_MS;
/** Nothing is merged. */
const APART = { fanIn: 1_000, mergedBytes: 60_000, deadBytes: 1e9, inputs: 16 };
const ROUND_MS = 20;
const START_MS = 1_700_000_000_000;

async function opened(store: ObjectStore, seed = 1, wallMs = START_MS): Promise<Harness> {
  return Harness.open(store, new VirtualRuntime({ seed, wallMs }), FLUSHES, MERGES);
}

/** Each owner's chance is its own: the ids that it gives must be. */
let owners = 1;

/** The next owner, some seconds later. */
async function taken(store: ObjectStore, before: Harness): Promise<Harness> {
  await before.until(before.engine.close());
  owners += 1;
  return opened(store, owners, before.runtime.clock.wallMs() + 5_000);
}

function nameOf(i: number): string {
  return `stream ${String(i).padStart(4, "0")}`;
}

/** So many streams with a record each, in segments, and none of them in memory. */
async function withDormant(store: ObjectStore, count: number, basin = DEFAULT_BASIN_CONFIG): Promise<Harness> {
  const h = await opened(store);
  await h.until(h.engine.basins.ensure(BASIN, basin));
  for (let i = 0; i < count; i += 1) {
    await h.until(h.engine.streams.ensure(BASIN, nameOf(i), {}));
    await h.until(h.append({ bodies: [`first of ${i}`] }, nameOf(i)));
  }
  await atRest(h);
  return h;
}

/** Fills a flush, and lets all come to rest. */
async function atRest(h: Harness): Promise<void> {
  const filler = "filler";
  await h.until(h.engine.basins.ensure("other-basin", DEFAULT_BASIN_CONFIG));
  await h.until(h.engine.streams.ensure("other-basin", filler, {}));
  for (let i = 0; i < FLUSHES.chunks; i += 1)
    await h.until(h.engine.streams.reconfigure("other-basin", filler, { retentionAgeSecs: 1_000_000 + (i % 2) }));
  await h.runtime.advance(ALL_AT_REST_MS);
}

function list(h: Harness, options: { prefix?: string; startAfter?: string; limit?: number } = {}) {
  return h.until(h.engine.streams.list(BASIN, { prefix: "", startAfter: "", limit: 1_000, ...options }));
}

function isCode(code: string) {
  return (error: unknown) => error instanceof EngineError && error.code === code;
}

async function assertSound(store: MemoryStore): Promise<void> {
  const report = await checkStore({ runtime: new VirtualRuntime({ seed: 7 }), view: store });
  assert.deepEqual(report.damage.told, []);
}

test("what nobody uses leaves memory, and is what it was when somebody asks for it", async () => {
  const store = new MemoryStore({ exclusive: false });
  let h = await withDormant(store, 60);
  assert.ok(h.engine.stats().streamsInMemory < 8, `${h.engine.stats().streamsInMemory} streams are in memory`);
  for (let round = 0; round < 2; round += 1) {
    assert.ok(h.engine.stats().streams >= 61);
    const name = nameOf(7 + round);
    const fenced = { bodies: ["fenced"], commands: [{ kind: "fence", index: 0, token: "mine" }] } as const;
    await h.until(h.append(fenced, name));
    await h.until(h.append({ bodies: ["trim"], commands: [{ kind: "trim", index: 0, seqNum: 1 }] }, name));
    await h.until(h.engine.streams.reconfigure(BASIN, name, { retentionAgeSecs: 4_711 }));
    await atRest(h);
    assert.deepEqual(await h.readAll(0, nameOf(3)), ["first of 3"]);
    assert.equal((await h.until(h.engine.checkTail(BASIN, name))).seqNum, 3);
    const { config } = await h.until(h.engine.streams.get(BASIN, name));
    assert.equal(config.retentionAgeSecs, 4_711);
    await assert.rejects(h.until(h.append({ bodies: ["x"] }, name).then(() => assert.fail("not fenced"))));
    await assertSound(store);
    h = await taken(store, h);
    assert.ok(h.engine.stats().streamsInMemory < 12, `${h.engine.stats().streamsInMemory} streams are in memory`);
  }
});

test("where there are very many, they leave memory as soon as they are in segments", async () => {
  const store = new MemoryStore({ exclusive: false });
  const runtime = new VirtualRuntime({ seed: 1, wallMs: START_MS });
  const limits = { runtime, store, flushLimits: FLUSHES, compactionLimits: MERGES, manyStreams: 40 };
  const engine = await runtime.until(Engine.open(limits));
  await runtime.until(engine.basins.ensure(BASIN, DEFAULT_BASIN_CONFIG));
  for (let i = 0; i < 200; i += 1) {
    await runtime.until(engine.streams.ensure(BASIN, nameOf(i), {}));
    await runtime.advance(100);
    const { streamsInMemory } = engine.stats();
    assert.ok(streamsInMemory < 40 + 3 * FLUSHES.chunks, `${streamsInMemory} of ${i}`);
  }
  for (let i = 0; i < 200; i += 9) await runtime.until(engine.checkTail(BASIN, nameOf(i)));
  await runtime.until(engine.close());
});

test("where there are very many, one that an append to it waits for stays in memory, however long that is", async () => {
  const memory = new MemoryStore({ exclusive: false });
  const first = await withDormant(memory, 8);
  await first.until(first.engine.close());
  const runtime = new VirtualRuntime({ seed: 99, wallMs: first.runtime.clock.wallMs() });
  const store = new FaultyStore(memory, runtime);
  const engine = await runtime.until(Engine.open({ runtime, store, flushLimits: FLUSHES, manyStreams: 0 }));
  const append = (name: string, body: string) =>
    engine.append(BASIN, name, inputOf({ bodies: [body] }), { config: {} });
  store.hook = ({ kind }) => (kind === "putIfAbsent" ? { delayBeforeMs: 2 * CROWDED_LOOK_MS } : undefined);
  const large = "x".repeat(MAX_IN_FLIGHT_BYTES_PER_STREAM);
  const filling = Array.from({ length: 4 }, (_, i) => append(nameOf(i), large));
  await runtime.advance(10);
  // It is in segments alone, and there is no room.
  const waiting = append(nameOf(5), "second of 5");
  await runtime.until(Promise.all(filling));
  assert.equal((await runtime.until(waiting)).end.seqNum, 2);
  assert.ok(runtime.branches.count("append-waited-for-room") > 0);
  store.hook = () => undefined;
  await runtime.advance(10 * CROWDED_LOOK_MS);
  const before = runtime.branches.count("stream-forgotten");
  await runtime.advance(ALL_AT_REST_MS);
  assert.ok(runtime.branches.count("stream-forgotten") >= before, "and it may leave afterwards");
  await runtime.until(engine.close());
});

test("at rest nothing is asked of the store, and a name that nobody has costs nothing most of the time", async () => {
  const memory = new MemoryStore({ exclusive: false });
  const first = await withDormant(memory, 40);
  await first.until(first.engine.close());
  const runtime = new VirtualRuntime({ seed: 2, wallMs: first.runtime.clock.wallMs() });
  const store = new CountingStore(memory, { clock: runtime.clock });
  const h = await Harness.open(store, runtime, FLUSHES, MERGES);
  await h.runtime.advance(ALL_AT_REST_MS);
  const asked = () => Object.values(store.counts).reduce((sum, count) => sum + count, 0);
  const before = asked();
  await h.runtime.advance(3_600_000);
  assert.equal(asked(), before);
  const missing = 200;
  for (let i = 0; i < missing; i += 1)
    await assert.rejects(h.until(h.engine.streams.get(BASIN, `nobody ${i}`)), isCode("stream_not_found"));
  // One get is for the lease.
  assert.ok(asked() - before < missing / 5 + 4, `${asked() - before} requests`);
});

test("a stream with records in many segments is found in a few rounds of requests, not one for each of them", async () => {
  const memory = new MemoryStore({ exclusive: false });
  const rounds: number[] = [];
  let first = await Harness.open(memory, new VirtualRuntime({ seed: 1, wallMs: START_MS }), FLUSHES, APART);
  await first.until(first.engine.basins.ensure(BASIN, DEFAULT_BASIN_CONFIG));
  await first.until(first.engine.streams.ensure(BASIN, nameOf(1), {}));
  for (const segments of [4, 32]) {
    for (let put = first.engine.stats().segments; put < segments; put = first.engine.stats().segments) {
      await first.until(first.append({ bodies: ["x".repeat(60_000)] }, nameOf(1)));
      await first.runtime.advance(10);
    }
    await first.until(first.engine.close());
    const runtime = new VirtualRuntime({ seed: segments, wallMs: first.runtime.clock.wallMs() });
    const store = new FaultyStore(memory, runtime, () => ({ delayBeforeMs: ROUND_MS }));
    const fromMs = runtime.clock.monotonicMs();
    const h = await Harness.open(store, runtime, FLUSHES, APART);
    assert.equal((await h.until(h.engine.checkTail(BASIN, nameOf(1)))).seqNum > 0, true);
    rounds.push((runtime.clock.monotonicMs() - fromMs) / ROUND_MS);
    first = h;
    store.hook = () => undefined;
  }
  assert.ok(rounds[1] <= rounds[0] + 8, `${rounds.join(", ")} rounds`);
});

test("a start reads directories, and of streams those alone that the log tells of", async () => {
  const reads: number[] = [];
  for (const count of [40, 160]) {
    const memory = new MemoryStore({ exclusive: false });
    const first = await withDormant(memory, count);
    await first.until(first.append({ bodies: ["in the log"] }, nameOf(5)));
    await first.until(first.engine.close());
    const runtime = new VirtualRuntime({ seed: 2, wallMs: first.runtime.clock.wallMs() });
    const store = new CountingStore(memory, { clock: runtime.clock });
    const h = await Harness.open(store, runtime, FLUSHES, MERGES);
    assert.ok(h.engine.stats().streamsInMemory < 8, `${h.engine.stats().streamsInMemory} streams are in memory`);
    assert.ok(h.engine.stats().streams > count);
    reads.push(store.counts.getRange / h.engine.stats().segments);
    assert.deepEqual(await h.readAll(0, nameOf(5)), ["first of 5", "in the log"]);
    assert.deepEqual(await h.readAll(0, nameOf(6)), ["first of 6"]);
  }
  assert.ok(
    reads.every((each) => each < 10),
    reads.join(),
  );
});

test("a listing shows what is in memory and what is not, each once, page by page", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.tuple(fc.constantFrom("use", "delete", "create", "rest", "restart"), fc.nat(59)), { maxLength: 12 }),
      fc.integer({ min: 1, max: 20 }),
      async (steps, limit) => {
        const store = new MemoryStore({ exclusive: false });
        let h = await withDormant(store, 30);
        const expected = new Set(Array.from({ length: 30 }, (_, i) => nameOf(i)));
        for (const [step, i] of steps) {
          const name = nameOf(i);
          if (step === "rest") await atRest(h);
          else if (step === "restart") h = await taken(store, h);
          else if (step === "create") {
            await h.until(h.engine.streams.ensure(BASIN, name, {}));
            expected.add(name);
          } else if (expected.has(name)) {
            if (step === "use") await h.until(h.append({ bodies: ["again"] }, name));
            else {
              await h.until(h.engine.streams.delete(BASIN, name));
              await h.runtime.advance(3_000);
              expected.delete(name);
            }
          }
        }
        const found: string[] = [];
        for (let startAfter = ""; ; startAfter = found.at(-1) ?? "") {
          const page = await list(h, { startAfter, limit });
          found.push(...page.items.map((item) => item.name));
          assert.ok(page.items.length <= limit);
          if (!page.hasMore) break;
          assert.equal(page.items.length, limit);
        }
        assert.deepEqual(found, [...expected].sort());
        const prefix = "stream 001";
        const some = (await list(h, { prefix })).items.map((item) => item.name);
        assert.deepEqual(
          some,
          [...expected].sort().filter((name) => name.startsWith(prefix)),
        );
        const { streams } = h.engine.stats();
        const hidden = streams - expected.size;
        assert.ok(hidden >= 1 && hidden <= 6, `${hidden} streams more than are listed`);
        await assertSound(store);
      },
    ),
    { numRuns: 8 },
  );
});

test("a stream that is deleted while it is not in memory is gone, and its name is free", async () => {
  const store = new MemoryStore({ exclusive: false });
  let h = await withDormant(store, 20);
  await h.until(h.engine.streams.delete(BASIN, nameOf(4)));
  await h.runtime.advance(3_000);
  for (let round = 0; round < 3; round += 1) {
    await assert.rejects(h.until(h.engine.streams.get(BASIN, nameOf(4))), isCode("stream_not_found"));
    if (round === 0) h = await taken(store, h);
    else await atRest(h);
  }
  await h.until(h.engine.streams.ensure(BASIN, nameOf(4), {}));
  await h.until(h.append({ bodies: ["of its second life"] }, nameOf(4)));
  await atRest(h);
  assert.deepEqual(await h.readAll(0, nameOf(4)), ["of its second life"]);
  await assertSound(store);
});

test("a deletion is finished by the next owner, though the stream is not in memory", async () => {
  const store = new MemoryStore({ exclusive: false });
  const h = await withDormant(store, 20);
  // Its owner comes to its end between the deletion and the removal, when the former is in a segment.
  await h.until(h.engine.streams.delete(BASIN, nameOf(4)));
  for (let i = 0; i < FLUSHES.chunks; i += 1) void h.append({ bodies: [`${i}`] }, nameOf(9)).catch(() => undefined);
  await h.runtime.advance(900);
  const next = await opened(store, 2, h.runtime.clock.wallMs() + 5_000);
  await next.runtime.advance(20_000);
  await assert.rejects(next.until(next.engine.streams.get(BASIN, nameOf(4))), isCode("stream_not_found"));
  await next.until(next.engine.streams.ensure(BASIN, nameOf(4), {}));
  assert.equal((await next.until(next.engine.checkTail(BASIN, nameOf(4)))).seqNum, 0);
});

test("a stream that was removed and founded again since it was flushed is the new one for the next owner", async () => {
  const store = new MemoryStore({ exclusive: false });
  let h = await withDormant(store, 20);
  const { streams } = h.engine.stats();
  await h.until(h.engine.streams.delete(BASIN, nameOf(4)));
  await h.runtime.advance(3_000);
  await h.until(h.engine.streams.ensure(BASIN, nameOf(4), { retentionAgeSecs: 4_711 }));
  await h.until(h.append({ bodies: ["of its second life"] }, nameOf(4)));
  for (let round = 0; round < 3; round += 1) {
    h = await taken(store, h);
    assert.equal(h.engine.stats().streams, streams);
    assert.deepEqual(await h.readAll(0, nameOf(4)), ["of its second life"]);
    const { config } = await h.until(h.engine.streams.get(BASIN, nameOf(4)));
    assert.equal(config.retentionAgeSecs, 4_711);
    if (round === 1) await atRest(h);
  }
});

test("a basin ends with all its streams, those that are not in memory included", async () => {
  const store = new MemoryStore({ exclusive: false });
  let h = await withDormant(store, 30);
  const { streams } = h.engine.stats();
  await h.until(h.engine.basins.delete(BASIN));
  await h.runtime.advance(5_000);
  assert.equal(h.engine.stats().streams, streams - 30);
  for (let round = 0; round < 2; round += 1) {
    await h.until(h.engine.basins.ensure(BASIN, DEFAULT_BASIN_CONFIG));
    assert.deepEqual(await list(h), { items: [], hasMore: false });
    await assert.rejects(h.until(h.engine.streams.get(BASIN, nameOf(3))), isCode("stream_not_found"));
    await atRest(h);
    h = await taken(store, h);
  }
  const segments = await store.list(segmentPrefix(0));
  const bytes = (await Promise.all(segments.map((key) => store.get(key)))).reduce((sum, { length }) => sum + length, 0);
  assert.ok(bytes < 40_000, `${bytes} bytes are left`);
  await assertSound(store);
});

test("what is not in memory ages: its records vanish, and so does what stays empty", async () => {
  const store = new MemoryStore({ exclusive: false });
  const ageing = { retentionAgeSecs: 86_400, deleteOnEmptyMinAgeSecs: 3_600 };
  for (const restarted of [false, true]) {
    let h = await withDormant(store, 20, { ...DEFAULT_BASIN_CONFIG, defaultStreamConfig: ageing });
    assert.ok(h.engine.stats().streamsInMemory < 8);
    if (restarted) h = await taken(store, h);
    await h.runtime.advance(80_000_000);
    assert.equal((await list(h)).items.length, 20);
    await h.runtime.advance(12_000_000);
    assert.deepEqual((await list(h)).items, []);
    await h.until(h.engine.close());
    for (const key of await store.list("")) await store.delete(key);
  }
});

test("a lookup that the store does not answer fails in time, and the next one finds the stream", async () => {
  const memory = new MemoryStore({ exclusive: false });
  const runtime = new VirtualRuntime({ seed: 1, wallMs: START_MS });
  const store = new FaultyStore(memory, runtime);
  const first = await withDormant(memory, 20);
  await first.until(first.engine.close());
  const h = await Harness.open(store, runtime, FLUSHES, MERGES);
  // What the start has read is not in memory any more.
  await runtime.advance(2 * CACHE_AGE_MS);
  store.hook = ({ kind, key }) =>
    kind === "getRange" && key.startsWith(segmentPrefix(0)) ? { failBefore: "unavailable" } : undefined;
  await assert.rejects(h.until(h.append({ bodies: ["x"] }, nameOf(4))), isCode("unavailable"));
  store.hook = () => undefined;
  // Many ask at once: all of them have the same stream.
  const acks = await h.until(Promise.all(Array.from({ length: 20 }, () => h.append({ bodies: ["x"] }, nameOf(4)))));
  assert.deepEqual(
    acks.map((ack) => ack.start.seqNum).sort((a, b) => a - b),
    Array.from({ length: 20 }, (_, i) => i + 1),
  );
});

test("what is found of a name that was given to a new stream meanwhile is nothing to go by", async () => {
  const memory = new MemoryStore({ exclusive: false });
  const runtime = new VirtualRuntime({ seed: 1, wallMs: START_MS });
  const first = await withDormant(memory, 20);
  await first.until(first.engine.streams.delete(BASIN, nameOf(4)));
  await first.runtime.advance(3_000);
  await first.until(first.engine.close());
  const store = new FaultyStore(memory, runtime);
  // Nothing that was fetched is fetched for longer than it takes.
  const limits = { runtime, store, flushLimits: FLUSHES, compactionLimits: { ...MERGES, fanIn: 2 }, cacheBytes: 0 };
  const engine = await runtime.until(Engine.open(limits));
  const filler = async () => {
    for (let i = 0; i < FLUSHES.chunks; i += 1)
      await runtime.until(engine.streams.reconfigure("other-basin", "filler", { retentionAgeSecs: 2_000_000 + i }));
    await runtime.advance(200);
  };
  // A lookup in vain is one of the log's, and one more by whoever says that there is no such stream.
  let gets = 0;
  store.hook = ({ kind }) => {
    gets += kind === "getRange" ? 1 : 0;
    return undefined;
  };
  await assert.rejects(runtime.until(engine.checkTail(BASIN, nameOf(4))), isCode("stream_not_found"));
  const getsOfOne = gets / 2;
  assert.ok(Number.isInteger(getsOfOne) && getsOfOne > 0, `${gets} gets`);
  const held = Promise.withResolvers<void>();
  gets = 0;
  store.hook = ({ kind }) => {
    if (kind !== "getRange") return undefined;
    gets += 1;
    return gets === getsOfOne + 1 ? { holdBefore: held.promise } : undefined;
  };
  // Both wait for one lookup. When it ends, the first begins another one, and the second creates the stream.
  const asked = engine.checkTail(BASIN, nameOf(4));
  await runtime.until(engine.streams.create(BASIN, nameOf(4), {}, undefined));
  assert.equal(gets, getsOfOne + 1);
  const append = (body: string) =>
    runtime.until(engine.append(BASIN, nameOf(4), inputOf({ bodies: [body] }), { config: {} }));
  await append("flushed");
  for (let round = 0; round < 16; round += 1) await filler();
  await append("not flushed");
  held.resolve();
  assert.equal((await runtime.until(asked)).seqNum, 2);
  assert.equal((await append("behind both")).start.seqNum, 2);
  await runtime.until(engine.close());
  await assertSound(memory);
});

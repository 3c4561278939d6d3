// Deletions and what must never follow them in the log, however their steps interleave. Virtual time, one store in memory.
import assert from "node:assert/strict";
import { test } from "node:test";
import { EngineError } from "../errors.ts";
import { CACHE_AGE_MS } from "../limits.ts";
import { FaultyStore, MemoryStore } from "../object-store/index.ts";
import { VirtualRuntime } from "../runtime/index.ts";
import { segmentPrefix, walPrefix } from "../shard/keys.ts";
import { BASIN, Harness, STREAM } from "../testing/harness.ts";

function code(expected: string) {
  return (error: unknown) => error instanceof EngineError && error.code === expected;
}

test("a stream and its basin that were both being deleted at a crash leave a log that can be read again", async () => {
  const memory = new MemoryStore({ exclusive: false });
  const first = await (await Harness.open(memory)).withStream();
  await first.until(first.engine.streams.delete(BASIN, STREAM));
  await first.until(first.engine.basins.delete(BASIN));
  // A crash before either name is free; who takes over finishes both.
  const runtime = new VirtualRuntime({ seed: 2 });
  const slow = new FaultyStore(memory, runtime, ({ kind }) =>
    kind === "putIfAbsent" ? { delayBeforeMs: 10 } : undefined,
  );
  const second = await Harness.open(slow, runtime);
  await second.runtime.advance(5_000);
  await assert.rejects(second.until(second.engine.basins.get(BASIN)), code("basin_not_found"));
  const third = await Harness.open(memory, new VirtualRuntime({ seed: 3 }));
  await assert.rejects(third.until(third.engine.basins.get(BASIN)), code("basin_not_found"));
});

test("a removal whose outcome was unknown for a while is written once", async () => {
  const runtime = new VirtualRuntime({ seed: 1 });
  const memory = new MemoryStore({ exclusive: false });
  const store = new FaultyStore(memory, runtime);
  const h = await (await Harness.open(store, runtime)).withStream();
  await h.until(h.engine.streams.ensure(BASIN, "other", {}));
  await h.until(h.engine.streams.delete(BASIN, STREAM));
  await h.runtime.advance(950);
  // An append, and then the removal, are in flight for longer than the deadline; the append gets through first.
  const gates: (() => void)[] = [];
  store.hook = ({ kind, key }) => {
    if (kind !== "putIfAbsent" || !key.startsWith(walPrefix(0)) || gates.length === 2) return undefined;
    return { holdBefore: new Promise<void>((resolve) => gates.push(resolve)) };
  };
  const append = h.append({ bodies: ["a"] }, "other").catch((error: unknown) => error);
  await h.runtime.advance(5_200);
  assert.equal(gates.length, 2);
  assert.ok(code("unavailable")(await append));
  gates[0]();
  await h.runtime.advance(2_500);
  gates[1]();
  await h.runtime.advance(5_000);
  await assert.rejects(h.until(h.engine.streams.get(BASIN, STREAM)), code("stream_not_found"));
  const next = await Harness.open(memory, new VirtualRuntime({ seed: 2 }));
  assert.deepEqual(await next.readAll(0, "other"), ["a"]);
});

for (const mode of ["unary", "session"] as const) {
  test(`a ${mode} read of a stream whose deletion does not get through waits no longer than for anything else`, async () => {
    const runtime = new VirtualRuntime({ seed: 1 });
    const store = new FaultyStore(new MemoryStore({ exclusive: false }), runtime);
    const h = await (await Harness.open(store, runtime)).withStream();
    await h.until(h.append({ bodies: ["a"] }));
    const start = { kind: "seq_num", seqNum: 0 } as const;
    const options = {
      start,
      clamp: false,
      count: undefined,
      bytes: undefined,
      until: undefined,
      waitMs: undefined,
      mode,
    };
    const reader = await h.until(h.engine.openReader(BASIN, STREAM, options, { config: {} }));
    store.hook = ({ kind }) => (kind === "putIfAbsent" ? { failBefore: "unavailable" } : undefined);
    const deletion = h.engine.streams.delete(BASIN, STREAM).catch((error: unknown) => error);
    await h.runtime.advance(1);
    let read: unknown = "waiting";
    reader.next().then(
      () => {
        read = "answered";
      },
      (error: unknown) => {
        read = error;
      },
    );
    await h.runtime.advance(6_000);
    assert.ok(code("unavailable")(await deletion));
    assert.ok(code("unavailable")(read), String(read));
    assert.equal(h.engine.stats().activeReaders, 0);
  });
}

test("a basin whose deletion the client never heard of is removed all the same", async () => {
  const runtime = new VirtualRuntime({ seed: 1 });
  const store = new FaultyStore(new MemoryStore({ exclusive: false }), runtime);
  const h = await (await Harness.open(store, runtime)).withStream();
  let release = () => {};
  const held = new Promise<void>((resolve) => {
    release = resolve;
  });
  store.hook = ({ kind }) => (kind === "putIfAbsent" ? { holdBefore: held } : undefined);
  await assert.rejects(h.until(h.engine.basins.delete(BASIN)), code("unavailable"));
  release();
  store.hook = () => undefined;
  await h.runtime.advance(10_000);
  await assert.rejects(h.until(h.engine.basins.get(BASIN)), code("basin_not_found"));
});

test("no stream is created in a basin that came to its end while the stream's name was looked up", async () => {
  const runtime = new VirtualRuntime({ seed: 1 });
  const memory = new MemoryStore({ exclusive: false });
  const store = new FaultyStore(memory, runtime);
  const limits = { bytes: 100_000, chunks: 8, streams: 1_000 };
  // A log at rest would have its segments merged, and what nobody has is in none of them then.
  const h = await (await Harness.open(store, runtime, limits, undefined, undefined, 3_600_000)).withStream();
  await h.until(h.engine.streams.ensure(BASIN, "other", {}));
  const flush = async () => {
    for (let i = 0; i < limits.chunks; i += 1) await h.until(h.append({ bodies: ["x"] }, "busy"));
    await runtime.advance(2 * CACHE_AGE_MS);
  };
  await h.until(h.engine.streams.ensure(BASIN, "busy", {}));
  await flush();
  // A name that a segment tells of beside another, and nobody has.
  await h.until(h.engine.streams.delete(BASIN, STREAM));
  await flush();
  await runtime.advance(2 * CACHE_AGE_MS);
  let release = () => {};
  const held = new Promise<void>((resolve) => {
    release = resolve;
  });
  let lookups = 0;
  store.hook = ({ kind, key }) => {
    if (kind !== "getRange" || !key.startsWith(segmentPrefix(0))) return undefined;
    lookups += 1;
    return { holdBefore: held };
  };
  const created = h.engine.streams.create(BASIN, STREAM, {}, undefined).catch((error: unknown) => error);
  await runtime.advance(1_000);
  assert.equal(lookups, 1);
  await h.until(h.engine.basins.delete(BASIN));
  await runtime.advance(3_000);
  release();
  store.hook = () => undefined;
  assert.ok(code("basin_deletion_pending")(await h.until(created)));
  await runtime.advance(3_000);
  const { streams } = h.engine.stats();
  const next = await Harness.open(memory, new VirtualRuntime({ seed: 2, wallMs: runtime.clock.wallMs() }), limits);
  assert.equal(next.engine.stats().streams, streams);
  await assert.rejects(next.until(next.engine.basins.get(BASIN)), code("basin_not_found"));
});

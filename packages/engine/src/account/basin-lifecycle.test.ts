// Basins with very many streams: listed page by page while they change, deleted whole, and a crash at any step of that finished by the next owner.
import assert from "node:assert/strict";
import { test } from "node:test";
import { DEFAULT_BASIN_CONFIG } from "../config.ts";
import { EngineError } from "../errors.ts";
import { FaultyStore, MemoryStore } from "../object-store/index.ts";
import { VirtualRuntime } from "../runtime/index.ts";
import { BASIN, Harness, sharedStore } from "../testing/harness.ts";

const MANY = 100_000;
const PAGE = 1_000;
/** Creations that are in flight at once. */
const BATCH = 10_000;

const code = (expected: string) => (error: unknown) => error instanceof EngineError && error.code === expected;
const nameOf = (i: number) => `s/${String(i).padStart(6, "0")}`;

async function withStreams(h: Harness, count: number): Promise<Harness> {
  await h.until(h.engine.basins.ensure(BASIN, DEFAULT_BASIN_CONFIG));
  for (let from = 0; from < count; from += BATCH) {
    const names = Array.from({ length: Math.min(BATCH, count - from) }, (_, i) => nameOf(from + i));
    await h.until(Promise.all(names.map((name) => h.engine.streams.ensure(BASIN, name, {}))));
  }
  return h;
}

test("a hundred thousand streams are listed whole while others come and go, deleted with their basin, and never come back", async () => {
  const store = sharedStore();
  const h = await withStreams(await Harness.open(store), MANY);
  const seen: string[] = [];
  for (let startAfter = ""; ; startAfter = seen[seen.length - 1]) {
    const page = await h.until(h.engine.streams.list(BASIN, { prefix: "s/", startAfter, limit: PAGE }));
    for (const { name } of page.items) seen.push(name);
    if (!page.hasMore) break;
    assert.equal(page.items.length, PAGE);
    // Between two pages one is created behind, one ahead, and the last one seen is deleted.
    await h.until(
      Promise.all([
        h.engine.streams.ensure(BASIN, `s/000000-new-${seen.length}`, {}),
        h.engine.streams.ensure(BASIN, `s/zz-new-${seen.length}`, {}),
        h.engine.streams.delete(BASIN, seen[seen.length - 1]),
      ]),
    );
  }
  const there = new Set(seen);
  assert.equal(there.size, seen.length, "none is listed twice");
  for (let i = 0; i < MANY; i += 1) assert.ok(there.has(nameOf(i)), nameOf(i));
  assert.deepEqual([...seen].sort(), seen, "in order");

  await h.until(h.engine.basins.delete(BASIN));
  await assert.rejects(h.until(h.engine.streams.ensure(BASIN, "late", {})), code("basin_deletion_pending"));
  // A crash before anything of it was carried out.
  const next = await Harness.open(store, new VirtualRuntime({ seed: 2 }));
  await next.runtime.advance(2_000);
  assert.equal(next.engine.stats().streams, 1, "the account's own");
  await next.until(next.engine.basins.create(BASIN, DEFAULT_BASIN_CONFIG, undefined));
  const page = await next.until(next.engine.streams.list(BASIN, { prefix: "", startAfter: "", limit: PAGE }));
  assert.deepEqual(page.items, []);
});

test("a deletion of a basin that a crash cuts off at any write is finished by the next owner", async () => {
  for (let survives = 0; survives < 4; survives += 1) {
    const memory = new MemoryStore({ exclusive: false });
    const runtime = new VirtualRuntime({ seed: 1 });
    const store = new FaultyStore(memory, runtime);
    const h = await withStreams(await Harness.open(store, runtime), 50);
    let puts = 0;
    store.hook = ({ kind }) => {
      if (kind !== "putIfAbsent") return undefined;
      puts += 1;
      return puts > survives ? { holdBefore: new Promise<void>(() => undefined) } : undefined;
    };
    const deleted = h.engine.basins.delete(BASIN).catch(() => undefined);
    await runtime.advance(30_000);
    const next = await Harness.open(memory, new VirtualRuntime({ seed: 2 }));
    await next.runtime.advance(2_000);
    const { items } = await next.until(next.engine.basins.list({ prefix: "", startAfter: "", limit: PAGE }));
    if (survives === 0) {
      assert.equal(items.length, 1, "nobody was told that it is deleted, and it is not");
      assert.equal(next.engine.stats().streams, 51);
    } else {
      assert.deepEqual(items, [], `after ${survives} writes`);
      assert.equal(next.engine.stats().streams, 1);
    }
    void deleted;
  }
});

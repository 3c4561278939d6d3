// History that has left memory: every byte is fetched once, whoever reads beside whom, and no more of it than the budget allows.
import assert from "node:assert/strict";
import { test } from "node:test";
import { DEFAULT_BASIN_CONFIG } from "../config.ts";
import { Engine } from "../engine.ts";
import type { StreamReader } from "../engine-api.ts";
import { CACHE_AGE_MS, FIRST_FETCH_BYTES, FIRST_READ_AHEAD_BYTES, MAX_READ_AHEAD_GETS } from "../limits.ts";
import { CountingStore, MemoryStore } from "../object-store/index.ts";
import { VirtualRuntime } from "../runtime/index.ts";
import { inputOf } from "../testing/inputs.ts";

const MIB = 1024 * 1024;
const BASIN = "test-basin";
const STREAM = "events";
const BATCHES = 48;
const BODIES = Array.from({ length: 8 }, (_, i) => String(i).repeat(124 * 1024));

interface Past {
  readonly runtime: VirtualRuntime;
  readonly engine: Engine;
  readonly store: CountingStore;
  /** Bytes that were asked of the store by ranged gets. */
  fetchedBytes: number;
}

/** About 47 MiB of a stream, none of it in memory. */
async function past(cacheBytes: number): Promise<Past> {
  const runtime = new VirtualRuntime({ seed: 1 });
  const memory = new MemoryStore();
  const store = new CountingStore(memory, { clock: runtime.clock });
  const getRange = memory.getRange.bind(memory);
  const made: Past = { runtime, store, engine: Engine.start({ runtime, store, cacheBytes }), fetchedBytes: 0 };
  memory.getRange = (key, offset, length) => {
    made.fetchedBytes += length;
    return getRange(key, offset, length);
  };
  await runtime.until(made.engine.started);
  await runtime.until(made.engine.basins.ensure(BASIN, DEFAULT_BASIN_CONFIG));
  await runtime.until(made.engine.streams.ensure(BASIN, STREAM, {}));
  const appends = Array.from({ length: BATCHES }, () =>
    made.engine.append(BASIN, STREAM, inputOf({ bodies: BODIES }), { config: {} }),
  );
  await runtime.until(Promise.all(appends));
  await runtime.advance(CACHE_AGE_MS + 1);
  // All but what the engine itself has written meanwhile.
  assert.ok(made.engine.stats().cachedBytes < 64 * 1024);
  return made;
}

function open({ runtime, engine }: Past, seqNum: number, count: number): Promise<StreamReader> {
  return runtime.until(
    engine.openReader(
      BASIN,
      STREAM,
      {
        start: { kind: "seq_num", seqNum },
        clamp: false,
        count,
        bytes: undefined,
        until: undefined,
        waitMs: undefined,
        mode: "session",
      },
      { config: {} },
    ),
  );
}

const ALL = BATCHES * BODIES.length;

/** One event of each in turn, until all have ended; the records that each has seen. */
async function readTogether({ runtime, engine }: Past, readers: readonly StreamReader[], maxCachedBytes: number) {
  const seen = readers.map(() => 0);
  const open = new Set(readers.keys());
  while (open.size > 0) {
    for (const i of [...open]) {
      const event = await runtime.until(readers[i].next());
      if (event.kind === "end") open.delete(i);
      if (event.kind === "batch") seen[i] += event.count;
      assert.ok(engine.stats().cachedBytes <= maxCachedBytes);
    }
  }
  return seen;
}

test("a reader fetches every byte once, in few gets", async () => {
  const it = await past(256 * MIB);
  const reader = await open(it, 0, ALL);
  assert.deepEqual(await readTogether(it, [reader], 256 * MIB), [ALL]);
  const chunks = it.engine.stats().chunksPut;
  assert.ok(it.fetchedBytes < 48 * MIB, `${it.fetchedBytes} bytes`);
  // Its first gets are small.
  assert.ok(it.store.counts.getRange <= chunks + 10, `${it.store.counts.getRange} gets of ${chunks} chunks`);
});

test("readers side by side share what is fetched", async () => {
  const it = await past(256 * MIB);
  const readers = [await open(it, 0, ALL), await open(it, 0, ALL), await open(it, 0, ALL)];
  assert.deepEqual(await readTogether(it, readers, 256 * MIB), [ALL, ALL, ALL]);
  assert.ok(it.fetchedBytes < 48 * MIB, `${it.fetchedBytes} bytes`);
});

test("many readers at different places stay within the budget, and do not fetch for nothing", async () => {
  const it = await past(64 * MIB);
  const readers: StreamReader[] = [];
  const counts: number[] = [];
  for (let i = 0; i < 8; i += 1) {
    counts.push(ALL / 8);
    readers.push(await open(it, (i * ALL) / 8, ALL / 8));
  }
  assert.deepEqual(await readTogether(it, readers, 64 * MIB), counts);
  assert.ok(it.fetchedBytes < 1.5 * 48 * MIB, `${it.fetchedBytes} bytes`);
});

test("a short read fetches little", async () => {
  const it = await past(256 * MIB);
  const reader = await open(it, 0, 1);
  assert.deepEqual(await readTogether(it, [reader], 256 * MIB), [1]);
  assert.ok(it.fetchedBytes <= FIRST_FETCH_BYTES + FIRST_READ_AHEAD_BYTES + MIB, `${it.fetchedBytes} bytes`);
});

test("however many readers there are, and however small the chunks, gets ahead of them are bounded", async () => {
  const runtime = new VirtualRuntime({ seed: 1 });
  const memory = new MemoryStore();
  const engine = Engine.start({ runtime, store: memory });
  const it: Past = { runtime, engine, store: new CountingStore(memory, runtime), fetchedBytes: 0 };
  await runtime.until(engine.started);
  await runtime.until(engine.basins.ensure(BASIN, DEFAULT_BASIN_CONFIG));
  await runtime.until(engine.streams.ensure(BASIN, STREAM, {}));
  for (let i = 0; i < 480; i += 1)
    await runtime.until(engine.append(BASIN, STREAM, inputOf({ bodies: ["x"] }), { config: {} }));
  await runtime.advance(CACHE_AGE_MS + 1);
  const getRange = memory.getRange.bind(memory);
  let underWay = 0;
  let most = 0;
  memory.getRange = async (key, offset, length) => {
    most = Math.max(most, ++underWay);
    await new Promise<void>((resolve) => runtime.timers.set(50, resolve));
    underWay -= 1;
    return getRange(key, offset, length);
  };
  const readers: StreamReader[] = [];
  for (let i = 0; i < 8; i += 1) readers.push(await open(it, 60 * i, 60));
  const events = await runtime.until(Promise.all(readers.map((reader) => reader.next())));
  assert.ok(events.every((event) => event.kind === "batch" && event.count === 60));
  assert.ok(most > readers.length && most <= MAX_READ_AHEAD_GETS + readers.length, `${most} gets at once`);
});

// A log that nobody writes to any more is flushed to its end, its segments become few, and then nothing is asked of the store.
import assert from "node:assert/strict";
import { test } from "node:test";
import { DEFAULT_BASIN_CONFIG } from "../config.ts";
import { FLUSH_CHUNKS, REST_MS, REST_SHARE } from "../limits.ts";
import { FaultyStore, MemoryStore } from "../object-store/index.ts";
import { VirtualRuntime } from "../runtime/index.ts";
import { segmentPrefix, walPrefix } from "../shard/keys.ts";
import { BASIN, Harness, STREAM } from "../testing/harness.ts";

const MANY = 3 * REST_SHARE * FLUSH_CHUNKS;
const HOUR_MS = 3_600_000;
/** deployment.json, marker and newest manifest, fence; what the account and usage are in, and the last minute's usage. */
const FEW = 12;

/** An engine with the limits of production on a store that counts. */
class Watched {
  readonly runtime: VirtualRuntime;
  readonly memory: MemoryStore;
  readonly store: FaultyStore;
  requests: string[] = [];

  constructor(memory = new MemoryStore({ exclusive: false }), seed = 1, wallMs?: number) {
    this.runtime = new VirtualRuntime(wallMs === undefined ? { seed } : { seed, wallMs });
    this.memory = memory;
    this.store = new FaultyStore(memory, this.runtime, ({ kind, key }) => {
      this.requests.push(`${kind} ${key}`);
      return undefined;
    });
  }

  open(): Promise<Harness> {
    return Harness.open(this.store, this.runtime);
  }

  async objects(prefix = ""): Promise<number> {
    return (await this.memory.list(prefix)).length;
  }
}

async function appendAll(h: Harness, from: number, to: number, stream = STREAM): Promise<void> {
  for (let i = from; i < to; i += 1) await h.until(h.append({ bodies: [`${stream} ${i}`] }, stream));
}

const bodies = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => `${STREAM} ${from + i}`);

test("a log at rest is flushed and collected with a few requests, and then nothing is asked at all", async () => {
  const watched = new Watched();
  const h = await (await watched.open()).withStream();
  await appendAll(h, 0, MANY);
  assert.ok((await watched.objects(walPrefix(0))) >= MANY);
  watched.requests = [];
  await h.runtime.advance(HOUR_MS);
  assert.ok((await watched.objects()) <= FEW, (await watched.memory.list("")).join(" "));
  // Its chunks have left memory by then, and are fetched.
  const others = watched.requests.filter((request) => !request.startsWith(`get ${walPrefix(0)}`));
  assert.ok(others.length <= 2 * FEW, others.join(", "));
  assert.ok(watched.requests.length - others.length <= MANY + FEW);
  assert.equal(h.runtime.branches.count("flushed-at-rest"), 1);
  watched.requests = [];
  await h.runtime.advance(24 * HOUR_MS);
  assert.deepEqual(watched.requests, []);
  assert.deepEqual(await h.readAll(), bodies(0, MANY));
  await appendAll(h, MANY, MANY + 1);
  assert.deepEqual(await h.readAll(MANY), bodies(MANY, MANY + 1));
  assert.deepEqual(h.halts, []);
});

test("while something is written now and then a log is not at rest, and a little that is left is not worth a flush", async () => {
  const watched = new Watched();
  const h = await (await watched.open()).withStream();
  for (let i = 0; i < MANY; i += 1) {
    await appendAll(h, i, i + 1);
    await h.runtime.advance(REST_MS - 1_000);
  }
  assert.equal(h.runtime.branches.count("flushed-at-rest"), 0);
  await h.runtime.advance(HOUR_MS);
  assert.equal(h.runtime.branches.count("flushed-at-rest"), 1);
  await appendAll(h, MANY, MANY + (REST_SHARE * FLUSH_CHUNKS) / 2);
  await h.runtime.advance(HOUR_MS);
  assert.equal(h.runtime.branches.count("flushed-at-rest"), 1);
});

test("after everything was deleted a few objects are left, however many there were", async () => {
  const watched = new Watched();
  const h = await (await watched.open()).withStream();
  for (let round = 0; round < 12; round += 1) {
    for (let i = 0; i < 4; i += 1) {
      const name = `s${round}-${i}`;
      await h.until(h.engine.streams.ensure(BASIN, name, {}));
      await appendAll(h, 0, 10, name);
    }
    await h.runtime.advance(HOUR_MS);
  }
  assert.ok((await watched.objects(segmentPrefix(0))) <= 6, "two of a level are enough");
  assert.ok(h.runtime.branches.count("merged-at-rest") > 0);
  for (let round = 0; round < 12; round += 1)
    for (let i = 0; i < 4; i += 1) await h.until(h.engine.streams.delete(BASIN, `s${round}-${i}`));
  await h.until(h.engine.streams.delete(BASIN, STREAM));
  await h.until(h.engine.basins.delete(BASIN));
  await h.runtime.advance(HOUR_MS);
  assert.ok((await watched.objects()) <= FEW, (await watched.memory.list("")).join(" "));
  assert.deepEqual(h.halts, []);
});

test("who starts on a log at rest flushes it too; then a start reads next to nothing, and all is there", async () => {
  const watched = new Watched();
  const crashed = await (await watched.open()).withStream();
  await crashed.until(crashed.engine.basins.ensure("other-basin", DEFAULT_BASIN_CONFIG));
  await appendAll(crashed, 0, MANY);
  const wallMs = crashed.runtime.clock.wallMs();

  const second = new Watched(watched.memory, 2, wallMs);
  const idle = await second.open();
  await idle.runtime.advance(HOUR_MS);
  assert.equal(idle.runtime.branches.count("flushed-at-rest"), 1);
  assert.ok((await watched.objects(walPrefix(0))) <= 3, "fences");

  const third = new Watched(watched.memory, 3, wallMs + HOUR_MS);
  const next = await third.open();
  assert.ok(third.requests.length <= 24, third.requests.join(", "));
  assert.deepEqual(await next.readAll(), bodies(0, MANY));
  assert.equal((await next.until(next.engine.checkTail(BASIN, STREAM))).seqNum, MANY);
  assert.ok(await next.until(next.engine.basins.get("other-basin")));
  await appendAll(next, MANY, MANY + 3);
  assert.deepEqual(await next.readAll(MANY - 1), bodies(MANY - 1, MANY + 3));
});

test("an owner that slept through its rest, and was deposed, flushes nothing that counts", async () => {
  const watched = new Watched();
  const sleeper = await (await watched.open()).withStream();
  await appendAll(sleeper, 0, MANY);
  const next = await new Watched(watched.memory, 2, sleeper.runtime.clock.wallMs()).open();
  await appendAll(next, MANY, 2 * MANY);
  await sleeper.runtime.advance(HOUR_MS);
  assert.equal(sleeper.halts.length, 1);
  await next.runtime.advance(HOUR_MS);
  assert.deepEqual(await next.readAll(), bodies(0, 2 * MANY));
  assert.deepEqual(next.halts, []);
});

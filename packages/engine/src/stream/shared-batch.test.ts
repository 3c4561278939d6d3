// Followers of one stream share what they are given; nobody else does, and nobody misses anything by it.
import assert from "node:assert/strict";
import { test } from "node:test";
import type { ReadEvent, ReadOptions, StreamReader } from "../engine-api.ts";
import { CACHE_AGE_MS } from "../limits.ts";
import { FaultyStore, MemoryStore } from "../object-store/index.ts";
import { VirtualRuntime } from "../runtime/index.ts";
import { BASIN, Harness, recordsOf, STREAM } from "../testing/harness.ts";

const FROM_START: ReadOptions = {
  start: { kind: "seq_num", seqNum: 0 },
  clamp: false,
  count: undefined,
  bytes: undefined,
  until: undefined,
  waitMs: undefined,
  mode: "session",
};

async function open(harness: Harness, options: Partial<ReadOptions> = {}): Promise<StreamReader> {
  return harness.until(harness.engine.openReader(BASIN, STREAM, { ...FROM_START, ...options }, { config: {} }));
}

/** A session that has had all there was, and been told so. */
async function follower(harness: Harness, options: Partial<ReadOptions> = {}): Promise<StreamReader> {
  const reader = await open(harness, options);
  for (let event = await harness.until(reader.next()); event.kind !== "heartbeat"; )
    event = await harness.until(reader.next());
  return reader;
}

function batchOf(event: ReadEvent): { slices: readonly Uint8Array[]; bodies: string[] } {
  assert.ok(event.kind === "batch");
  return { slices: event.slices, bodies: recordsOf(event.slices).map(({ body }) => body) };
}

test("followers that wait at the same place are given the very same batch", async () => {
  const harness = await (await Harness.open()).withStream();
  const readers = [await follower(harness), await follower(harness), await follower(harness)];
  const pending = readers.map((reader) => reader.next());
  await harness.until(harness.append({ bodies: ["a", "b"] }));
  const [first, ...others] = (await harness.until(Promise.all(pending))).map(batchOf);
  assert.deepEqual(first.bodies, ["a", "b"]);
  for (const { slices } of others) assert.equal(slices, first.slices);
});

test("a follower with bounds of its own is given no more than they allow", async () => {
  const harness = await (await Harness.open()).withStream();
  const readers = [await follower(harness), await follower(harness, { count: 1, waitMs: 1_000_000 })];
  const pending = readers.map((reader) => reader.next());
  await harness.until(harness.append({ bodies: ["a", "b"] }));
  const [all, one] = (await harness.until(Promise.all(pending))).map(batchOf);
  assert.deepEqual([all.bodies, one.bodies], [["a", "b"], ["a"]]);
});

test("who comes later, or waits for one answer, has all that is there by then", async () => {
  const harness = await (await Harness.open()).withStream();
  const [early, late] = [await follower(harness), await follower(harness)];
  const polling = await open(harness, { mode: "unary", waitMs: 1_000_000 });
  const polled = polling.next();
  const asked = early.next();
  await harness.until(harness.append({ bodies: ["a"] }));
  assert.deepEqual(batchOf(await harness.until(asked)).bodies, ["a"]);
  assert.deepEqual(batchOf(await harness.until(polled)).bodies, ["a"]);
  await harness.until(harness.append({ bodies: ["b"] }));
  const unary = await open(harness, { mode: "unary" });
  assert.deepEqual(batchOf(await harness.until(unary.next())).bodies, ["a", "b"]);
  const bodies: string[] = [];
  while (bodies.length < 2) bodies.push(...batchOf(await harness.until(late.next())).bodies);
  assert.deepEqual(bodies, ["a", "b"]);
});

test("what failed for one follower is asked for anew by the next", async () => {
  const runtime = new VirtualRuntime({ seed: 1 });
  const store = new FaultyStore(new MemoryStore({ exclusive: false }), runtime);
  const harness = await (await Harness.open(store, runtime)).withStream();
  const readers = [await follower(harness), await follower(harness), await follower(harness)];
  await harness.until(harness.append({ bodies: ["a"] }));
  await runtime.advance(2 * CACHE_AGE_MS);
  store.hook = ({ kind }) => (kind === "getRange" ? { failBefore: "unavailable" } : undefined);
  await assert.rejects(harness.until(readers[0].next()));
  store.hook = () => undefined;
  assert.deepEqual(batchOf(await harness.until(readers[1].next())).bodies, ["a"]);
});

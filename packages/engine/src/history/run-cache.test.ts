// The bounds of fetched history are bounds of memory. Virtual time.
import assert from "node:assert/strict";
import { test } from "node:test";
import { VirtualRuntime } from "../runtime/index.ts";
import { CacheBudget } from "./cache-budget.ts";
import { FetchedRange } from "./entry-bytes.ts";
import { RunCache } from "./run-cache.ts";

function fetched(bytes: number): FetchedRange {
  return new FetchedRange(new Uint8Array(bytes), 0);
}

/** With the whole budget to itself. */
function cacheOf(runtime: VirtualRuntime, maxBytes: number): RunCache {
  const budget = new CacheBudget(maxBytes);
  const cache = new RunCache(runtime, budget, 60_000);
  budget.bind({ bytes: 0, dropOldest: () => assert.fail("there is nothing to drop") }, cache);
  return cache;
}

test("a fetch counts with all of its bytes, also those between its runs", () => {
  const cache = cacheOf(new VirtualRuntime({ seed: 1 }), 10_000);
  for (let i = 0; i < 100; i += 1) cache.set([`${i}:0`, `${i}:900`], fetched(1_000), 1_000);
  assert.equal(cache.bytes, 10_000);
  assert.equal(cache.has("89:0"), false);
  assert.ok(cache.has("90:0"));
});

test("the least recently used fetch goes first, with all of its runs", () => {
  const cache = cacheOf(new VirtualRuntime({ seed: 1 }), 2_000);
  cache.set(["a:0", "a:1"], fetched(1_000), 1_000);
  cache.set(["b:0"], fetched(1_000), 1_000);
  assert.ok(cache.get("a:1"));
  cache.set(["c:0"], fetched(1_000), 1_000);
  assert.equal(cache.has("b:0"), false);
  assert.ok(cache.has("a:0"));
  cache.set(["d:0"], fetched(1_000), 1_000);
  cache.set(["e:0"], fetched(1_000), 1_000);
  assert.equal(cache.has("a:0"), false);
  assert.equal(cache.has("a:1"), false);
});

test("a run fetched again belongs to the newer fetch", () => {
  const cache = cacheOf(new VirtualRuntime({ seed: 1 }), 2_000);
  cache.set(["a:0", "a:1"], fetched(1_000), 1_000);
  cache.set(["a:1"], fetched(500), 500);
  cache.set(["b:0"], fetched(1_000), 1_000);
  assert.equal(cache.has("a:0"), false);
  assert.ok(cache.has("a:1"));
  assert.equal(cache.bytes, 1_500);
});

test("nothing is held once nothing has been used for a while", async () => {
  const runtime = new VirtualRuntime({ seed: 1 });
  const cache = cacheOf(runtime, 10_000);
  cache.set(["a:0"], fetched(1_000), 1_000);
  await runtime.advance(50_000);
  assert.ok(cache.get("a:0"));
  await runtime.advance(50_000);
  assert.ok(cache.has("a:0"));
  await runtime.advance(60_000);
  assert.equal(cache.bytes, 0);
  assert.equal(runtime.pendingTimers, 0);
});

test("what is fetched when the cache is closed already is not kept, and no timer with it", () => {
  const runtime = new VirtualRuntime({ seed: 1 });
  const cache = cacheOf(runtime, 2_000);
  cache.set(["1:0"], fetched(1_000), 1_000);
  cache.close();
  cache.set(["2:0"], fetched(1_000), 1_000);
  assert.equal(cache.bytes, 0);
  assert.equal(runtime.pendingTimers, 0);
});

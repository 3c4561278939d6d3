// The log is collected behind flushes, however close together they come.
import assert from "node:assert/strict";
import { test } from "node:test";
import { CACHE_AGE_MS, COLLECT_GRACE_MS } from "../limits.ts";
import { VirtualRuntime } from "../runtime/index.ts";
import { walPrefix } from "../shard/keys.ts";
import { Harness, sharedStore } from "../testing/harness.ts";

test("a log that is written to without a pause is collected all the same", async () => {
  const store = sharedStore();
  const limits = { bytes: 100_000_000, chunks: 8, streams: 1_000 };
  const h = await (await Harness.open(store, new VirtualRuntime({ seed: 1 }), limits)).withStream();
  // Flushes come faster one upon the other than the grace for readers is long.
  const stepMs = 500;
  assert.ok(limits.chunks * stepMs < COLLECT_GRACE_MS);
  for (let i = 0; i < (4 * CACHE_AGE_MS) / stepMs; i += 1) {
    await h.until(h.append({ bodies: [`${i}`] }));
    await h.runtime.advance(stepMs);
  }
  const kept = (CACHE_AGE_MS + 2 * COLLECT_GRACE_MS) / stepMs + 2 * limits.chunks;
  const chunks = await store.list(walPrefix(0));
  assert.ok(chunks.length <= kept, `${chunks.length} objects are left of the log, not ${kept}`);
});

// While flushes cannot keep up nothing is put into the log. Answers go on, and so does a stop. Virtual time, one store in memory.
import assert from "node:assert/strict";
import { test } from "node:test";
import { MAX_QUEUED_FLUSHES, STORE_DEADLINE_MS } from "../limits.ts";
import { FaultyStore, MemoryStore } from "../object-store/index.ts";
import { VirtualRuntime } from "../runtime/index.ts";
import { BASIN, Harness, STREAM } from "../testing/harness.ts";
import { segmentPrefix } from "./keys.ts";

/** Every chunk is a flush, and no segment is taken: the next append waits. */
async function behind(): Promise<{ h: Harness; memory: MemoryStore }> {
  const runtime = new VirtualRuntime({ seed: 1 });
  const memory = new MemoryStore({ exclusive: false });
  const store = new FaultyStore(memory, runtime);
  const h = await (await Harness.open(store, runtime, { bytes: 1_000_000, chunks: 1, streams: 1_000 })).withStream();
  await runtime.advance(1_000);
  store.hook = ({ kind, key }) =>
    kind === "putIfAbsent" && key.startsWith(segmentPrefix(0)) ? { failBefore: "unavailable" } : undefined;
  for (let i = 0; i < MAX_QUEUED_FLUSHES; i += 1) await h.until(h.append({ bodies: [`${i}`] }));
  return { h, memory };
}

test("a chunk that waits for flushes, and was never sent, is in nobody's way who asks for the tail", async () => {
  const { h } = await behind();
  const body = "x".repeat(1_000_000);
  const appends = Promise.allSettled(Array.from({ length: 6 }, () => h.append({ bodies: [body] })));
  await h.runtime.advance(2_000);
  assert.ok(h.runtime.branches.count("chunks-waited-for-flush") > 0);
  assert.ok(!h.engine.tailAtOnce(BASIN, STREAM), "no lease is held any more");
  const tail = await h.until(h.engine.checkTail(BASIN, STREAM));
  assert.equal(tail.seqNum, MAX_QUEUED_FLUSHES);
  await h.until(appends);
});

test("a stop does not wait for flushes that it has stopped", async () => {
  const { h, memory } = await behind();
  const append = h.append({ bodies: ["last"] });
  await h.runtime.advance(100);
  assert.ok(h.runtime.branches.count("chunks-waited-for-flush") > 0);
  const beganMs = h.runtime.clock.monotonicMs();
  await h.until(Promise.all([append, h.engine.close()]));
  assert.ok(h.runtime.clock.monotonicMs() - beganMs <= STORE_DEADLINE_MS);
  assert.equal(h.halts.length, 0);
  const next = await Harness.open(memory, new VirtualRuntime({ seed: 2, wallMs: h.runtime.clock.wallMs() }));
  assert.equal(next.runtime.clock.monotonicMs(), 0, "it was released");
  assert.equal((await next.readAll()).at(-1), "last");
});

// Reads by timestamp while the stream changes under them. Virtual time.
import assert from "node:assert/strict";
import { test } from "node:test";
import { CACHE_AGE_MS } from "../limits.ts";
import { FaultyStore, MemoryStore } from "../object-store/index.ts";
import { VirtualRuntime } from "../runtime/index.ts";
import { BASIN, Harness, recordsOf, STREAM } from "../testing/harness.ts";

/** A stream of three records in chunks of their own, none of them in memory, and gets that wait for `letGo`. */
async function cold(): Promise<{ h: Harness; firstMs: bigint; letGo: () => void }> {
  const runtime = new VirtualRuntime({ seed: 1 });
  const store = new FaultyStore(new MemoryStore({ exclusive: false }), runtime);
  const h = await (await Harness.open(store, runtime)).withStream();
  const first = await h.until(h.append({ bodies: ["a"] }));
  await h.until(h.append({ bodies: ["b"] }));
  await h.until(h.append({ bodies: ["c"] }));
  await runtime.advance(2 * CACHE_AGE_MS);
  let letGo = () => {};
  const holdBefore = new Promise<void>((resolve) => {
    letGo = resolve;
  });
  store.hook = ({ kind }) => (kind === "getRange" ? { holdBefore } : undefined);
  return { h, firstMs: first.start.timestamp, letGo };
}

function trim(h: Harness, seqNum: number): Promise<unknown> {
  return h.until(h.append({ bodies: [""], commands: [{ kind: "trim", index: 0, seqNum }] }));
}

/** The sequence numbers that a read from a timestamp answers; it is under way when this returns. */
async function readFrom(h: Harness, timestamp: bigint): Promise<number[]> {
  const reader = await h.engine.openReader(
    BASIN,
    STREAM,
    {
      start: { kind: "timestamp", timestamp },
      clamp: false,
      count: undefined,
      bytes: undefined,
      until: undefined,
      waitMs: undefined,
      mode: "unary",
    },
    { config: {} },
  );
  const event = await reader.next();
  return event.kind === "batch" ? recordsOf(event.slices).map(({ seqNum }) => seqNum) : [];
}

test("a read by timestamp starts at the first record kept when its own is trimmed while it is looked for", async () => {
  const { h, firstMs, letGo } = await cold();
  const read = readFrom(h, firstMs);
  await h.runtime.settle();
  await trim(h, 2);
  letGo();
  assert.deepEqual(await h.until(read), [2, 3]);
});

test("what was appended while a trimmed record was looked for is found", async () => {
  const { h, firstMs, letGo } = await cold();
  const read = readFrom(h, firstMs);
  await h.runtime.settle();
  await trim(h, 4);
  await h.until(h.append({ bodies: ["e"] }));
  letGo();
  assert.deepEqual(await h.until(read), [4]);
});

test("what was trimmed to the tail of that time is not taken for the tail of now", async () => {
  const { h, firstMs, letGo } = await cold();
  const read = readFrom(h, firstMs);
  await h.runtime.settle();
  await trim(h, 3);
  letGo();
  assert.deepEqual(await h.until(read), [3]);
});

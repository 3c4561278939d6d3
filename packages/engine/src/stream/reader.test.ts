// A unary answer is taken for all there is: what goes away while it is being fetched must not make it a shorter one. Virtual time.
import assert from "node:assert/strict";
import { test } from "node:test";
import type { ReadEvent, ReadOptions } from "../engine-api.ts";
import { EngineError } from "../errors.ts";
import { CACHE_AGE_MS } from "../limits.ts";
import { FaultyStore, MemoryStore } from "../object-store/index.ts";
import { VirtualRuntime } from "../runtime/index.ts";
import { BASIN, Harness, STREAM } from "../testing/harness.ts";

interface Past extends Harness {
  /** Holds the next ranged get until it is called. */
  holdNextGet(): () => void;
}

/** A stream of three chunks, none of them in memory. */
async function past(): Promise<Past> {
  const runtime = new VirtualRuntime({ seed: 1 });
  const store = new FaultyStore(new MemoryStore({ exclusive: false }), runtime);
  const harness = await (await Harness.open(store, runtime)).withStream();
  for (const body of ["a", "b", "c"]) await harness.until(harness.append({ bodies: [body] }));
  await runtime.advance(CACHE_AGE_MS + 1);
  const holdNextGet = () => {
    const { promise, resolve } = Promise.withResolvers<void>();
    store.hook = ({ kind }) => {
      if (kind !== "getRange") return undefined;
      store.hook = () => undefined;
      return { holdBefore: promise };
    };
    return resolve;
  };
  return Object.assign(harness, { holdNextGet });
}

function isGone(error: unknown): boolean {
  return error instanceof EngineError && error.code === "stream_deletion_pending";
}

/** Long enough for a deleted name to be freed, and not for a get to be given up. */
const FREED_MS = 3_000;

/** A unary read from the beginning, or wherever it is told; nothing happens before time passes. */
async function readOnce({ engine }: Harness, start: ReadOptions["start"]): Promise<ReadEvent> {
  const bounds = { clamp: false, count: 10, bytes: undefined, until: undefined, waitMs: undefined };
  const reader = await engine.openReader(BASIN, STREAM, { start, ...bounds, mode: "unary" }, { config: {} });
  return reader.next();
}

async function trim(harness: Harness, seqNum: number): Promise<void> {
  await harness.until(harness.append({ bodies: ["trim"], commands: [{ kind: "trim", index: 0, seqNum }] }));
}

for (const [by, start] of [
  ["number", { kind: "seq_num", seqNum: 0 }],
  ["time", { kind: "timestamp", timestamp: 1n }],
] as const)
  test(`a unary read by ${by} whose stream is deleted meanwhile says so, and not that nothing follows`, async () => {
    const harness = await past();
    const release = harness.holdNextGet();
    const read = readOnce(harness, start);
    read.catch(() => undefined);
    await harness.runtime.settle();
    await trim(harness, 1);
    await harness.until(harness.engine.streams.delete(BASIN, STREAM));
    await harness.runtime.advance(FREED_MS);
    release();
    await assert.rejects(harness.until(read), isGone);
  });

test("a unary read whose records are trimmed meanwhile ends at the tail all the same", async () => {
  const harness = await past();
  const release = harness.holdNextGet();
  const read = readOnce(harness, { kind: "seq_num", seqNum: 0 });
  await harness.runtime.settle();
  for (const seqNum of [2, 3]) await trim(harness, seqNum);
  release();
  const event = await harness.until(read);
  assert.ok(event.kind === "batch" && event.lastSeqNum === 4, JSON.stringify(event));
});

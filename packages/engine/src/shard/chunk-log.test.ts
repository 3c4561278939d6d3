// The rules of writing and of the lease, each with the fault that it is there for. Virtual time, one store in memory.
import assert from "node:assert/strict";
import { test } from "node:test";
import { EngineError } from "../errors.ts";
import { MAX_CHUNK_BYTES } from "../limits.ts";
import { SILENT_LOGGER } from "../logger.ts";
import { type Fault, FaultyStore, MemoryStore, type StoreOperation } from "../object-store/index.ts";
import { VirtualRuntime } from "../runtime/index.ts";
import { BASIN, Harness, STREAM } from "../testing/harness.ts";
import { MAX_BATCH_METERED_BYTES } from "../wire/index.ts";
import { Chunk } from "./chunk.ts";
import { EntryKind, INCARNATION_BYTES, STREAM_ID_BYTES } from "./chunk-format.ts";
import { ChunkLog } from "./chunk-log.ts";
import { decideFlush } from "./flush-decision.ts";
import { walPrefix } from "./keys.ts";
import { addJsonEntry } from "./open-chunk.ts";

const WAL = walPrefix(0);

function unavailable(error: unknown): boolean {
  return error instanceof EngineError && error.code === "unavailable";
}

/** An engine whose store does to each operation what `hook` says, once the stream is there. */
async function faulty(): Promise<{ h: Harness; store: FaultyStore; memory: MemoryStore }> {
  const runtime = new VirtualRuntime({ seed: 1 });
  const memory = new MemoryStore({ exclusive: false });
  const store = new FaultyStore(memory, runtime);
  const h = await (await Harness.open(store, runtime)).withStream();
  return { h, store, memory };
}

function onWalPut(fault: (operation: StoreOperation) => Fault | undefined) {
  return (operation: StoreOperation) =>
    operation.kind === "putIfAbsent" && operation.key.startsWith(WAL) ? fault(operation) : undefined;
}

test("a lost reply is read back and acknowledged once", async () => {
  const { h, store } = await faulty();
  let lost = 0;
  store.hook = onWalPut(() => (lost++ === 0 ? { failAfter: "ambiguous" } : undefined));
  const ack = await h.until(h.append({ bodies: ["a"] }));
  assert.equal(ack.start.seqNum, 0);
  assert.deepEqual(await h.readAll(), ["a"]);
});

test("acknowledgements leave in the order of places, whatever order puts end in", async () => {
  const { h, store } = await faulty();
  let release = () => {};
  const held = new Promise<void>((resolve) => {
    release = resolve;
  });
  let puts = 0;
  store.hook = onWalPut(() => (puts++ === 0 ? { holdAfter: held } : undefined));
  const order: string[] = [];
  const { recordsAppended } = h.engine.stats();
  const first = h.append({ bodies: ["a"] }).then(() => order.push("a"));
  await h.runtime.settle();
  const second = h.append({ bodies: ["b"] }).then(() => order.push("b"));
  await h.runtime.settle();
  assert.equal(puts, 2);
  assert.deepEqual(order, []);
  // Stored, but not all before it: no reader may see it either.
  assert.equal(h.engine.stats().recordsAppended, recordsAppended);
  release();
  await h.until(Promise.all([first, second]));
  assert.deepEqual(order, ["a", "b"]);
});

test("a put that fails is retried under the same key with the same bytes", async () => {
  const { h, store, memory } = await faulty();
  const keys: string[] = [];
  store.hook = onWalPut((operation) => {
    keys.push(operation.key);
    return keys.length < 4 ? { failBefore: "unavailable" } : undefined;
  });
  await h.until(h.append({ bodies: ["a"] }));
  assert.equal(new Set(keys).size, 1);
  assert.ok((await memory.get(keys[0])).length > 64);
});

test("appends fail at their deadline, new ones at once, and all is well when a put gets through", async () => {
  const { h, store } = await faulty();
  store.hook = onWalPut(() => ({ failBefore: "full" }));
  const startedMs = h.runtime.clock.monotonicMs();
  await assert.rejects(h.until(h.append({ bodies: ["unknown"] })), unavailable);
  assert.equal(h.runtime.clock.monotonicMs() - startedMs, 5_000);
  const refusedMs = h.runtime.clock.monotonicMs();
  await assert.rejects(h.until(h.append({ bodies: ["refused"] })), unavailable);
  assert.equal(h.runtime.clock.monotonicMs(), refusedMs);
  store.hook = () => undefined;
  await h.runtime.advance(2_000);
  await h.until(h.append({ bodies: ["after"] }));
  // The unknown one's bytes were bound to a place: they are there, and the refused one is not.
  assert.deepEqual(await h.readAll(), ["unknown", "after"]);
});

test("a refusal that rests on a record in flight waits for it, and fails with it", async () => {
  const { h, store } = await faulty();
  let release = () => {};
  const held = new Promise<void>((resolve) => {
    release = resolve;
  });
  store.hook = onWalPut(() => ({ holdBefore: held }));
  const append = h.append({ bodies: ["a"] });
  const refused = h.append({ bodies: ["b"], matchSeqNum: 0 });
  let answered = false;
  const answer = refused.catch((error: unknown) => {
    answered = true;
    return error;
  });
  await h.runtime.advance(1_000);
  assert.equal(answered, false);
  const failed = append.catch((error: unknown) => error);
  await h.runtime.advance(5_000);
  assert.ok(unavailable(await failed));
  assert.ok(unavailable(await answer));
  release();
});

test("nothing is sent at or beyond the window", async () => {
  const { h, store } = await faulty();
  const places: string[] = [];
  let release = () => {};
  const held = new Promise<void>((resolve) => {
    release = resolve;
  });
  let first: string | undefined;
  store.hook = onWalPut((operation) => {
    places.push(operation.key);
    first ??= operation.key;
    return operation.key === first ? { holdBefore: held } : undefined;
  });
  const appends: Promise<unknown>[] = [];
  for (let i = 0; i < 40; i += 1) {
    appends.push(h.append({ bodies: [`${i}`] }));
    await h.runtime.settle();
  }
  assert.equal(new Set(places).size, 16);
  release();
  await h.until(Promise.all(appends));
  assert.equal((await h.readAll()).length, 40);
});

test("a chunk is no larger than a full one, however long the store takes", async () => {
  const { h, store, memory } = await faulty();
  const before = new Set(await memory.list(WAL));
  let release = () => {};
  const held = new Promise<void>((resolve) => {
    release = resolve;
  });
  store.hook = onWalPut(() => ({ holdBefore: held }));
  const body = "x".repeat(1_000_000);
  // As much as one stream may have in flight.
  const appends = Array.from({ length: 32 }, (_, i) => h.append({ bodies: [body, `${i}`] }));
  await h.runtime.settle();
  release();
  await h.until(Promise.all(appends));
  for (const key of await memory.list(WAL)) {
    if (before.has(key)) continue;
    assert.ok((await memory.get(key)).length <= MAX_CHUNK_BYTES + MAX_BATCH_METERED_BYTES, key);
  }
  const order = (await h.readAll()).filter((read) => read !== body);
  assert.deepEqual(
    order,
    appends.map((_, i) => `${i}`),
  );
});

test("at rest the first answer costs one get, and those within the lease nothing", async () => {
  const { h, store } = await faulty();
  await h.runtime.advance(10_000);
  let gets = 0;
  store.hook = (operation) => {
    if (operation.kind === "get") gets += 1;
    return undefined;
  };
  for (let i = 0; i < 5; i += 1) await h.until(h.engine.checkTail(BASIN, STREAM));
  assert.equal(gets, 1);
  await h.runtime.advance(1_600);
  await h.until(h.engine.checkTail(BASIN, STREAM));
  assert.equal(gets, 2);
});

test("the lease counts from the start of the get, and a wall clock that jumped ends it", async () => {
  const { h, store } = await faulty();
  await h.runtime.advance(10_000);
  let gets = 0;
  store.hook = (operation) => {
    if (operation.kind !== "get") return undefined;
    gets += 1;
    return gets === 1 ? { delayBeforeMs: 1_400 } : undefined;
  };
  await h.until(h.engine.checkTail(BASIN, STREAM));
  await h.runtime.advance(200);
  await h.until(h.engine.checkTail(BASIN, STREAM));
  assert.equal(gets, 2);
  h.runtime.jumpWallClock(1_600);
  await h.until(h.engine.checkTail(BASIN, STREAM));
  assert.equal(gets, 3);
});

test("a lease is not counted from a retry of the put", async () => {
  const { h, store } = await faulty();
  let puts = 0;
  store.hook = (operation) => {
    if (operation.kind === "putIfAbsent")
      return puts++ === 0 ? { failAfter: "ambiguous", delayAfterMs: 1_490 } : undefined;
    return undefined;
  };
  await h.until(h.append({ bodies: ["a"] }));
  let gets = 0;
  store.hook = (operation) => {
    if (operation.kind === "get") gets += 1;
    return undefined;
  };
  await h.until(h.engine.checkTail(BASIN, STREAM));
  assert.equal(gets, 1, "the first attempt began more than a lease ago");
});

test("an empty place proves nothing once a put was attempted there", async () => {
  const { h, store } = await faulty();
  await h.runtime.advance(10_000);
  store.hook = onWalPut(() => ({ failBefore: "unavailable" }));
  const append = h.append({ bodies: ["a"] }).catch((error: unknown) => error);
  await h.runtime.advance(100);
  await assert.rejects(h.until(h.engine.checkTail(BASIN, STREAM)), unavailable);
  assert.ok(unavailable(await h.until(append)));
});

test("whoever waited in vain is forgotten, however long the store is away", async () => {
  const chunk = new Chunk(0);
  for (let i = 0; i < 3; i += 1) {
    const waiting = chunk.whenDurable();
    chunk.fail(new EngineError("unavailable", "not in time"));
    await assert.rejects(waiting, unavailable);
    assert.equal(chunk.waiters, 0);
  }
  const last = chunk.whenDurable();
  assert.equal(chunk.waiters, 1);
  chunk.settle();
  await last;
  assert.equal(chunk.waiters, 0);
});

test("a batch carries the tail only under the lease", async () => {
  const { h, store } = await faulty();
  const options = {
    start: { kind: "seq_num", seqNum: 0 },
    clamp: false,
    count: undefined,
    bytes: undefined,
    until: undefined,
    waitMs: undefined,
    mode: "session",
  } as const;
  const reader = await h.until(h.engine.openReader(BASIN, STREAM, options, { config: {} }));
  assert.equal((await h.until(reader.next())).kind, "heartbeat");
  await h.until(h.append({ bodies: ["a"] }));
  assert.deepEqual((await h.until(reader.next())).tail?.seqNum, 1);
  // The put of the next one takes longer than the lease that it earns.
  store.hook = onWalPut(() => ({ delayBeforeMs: 2_000 }));
  const append = h.append({ bodies: ["b"] });
  const event = await h.until(reader.next());
  assert.equal(event.kind, "batch");
  assert.equal(event.tail, null);
  await h.until(append);
  reader.close();
});

test("a reader that meets a corrupt object is told of it, and the shard stops", async () => {
  const { h, memory } = await faulty();
  await h.until(h.append({ bodies: ["a"] }));
  const key = (await memory.list(WAL)).at(-1) ?? "";
  const bytes = new Uint8Array(await memory.get(key));
  bytes[bytes.length - 1] ^= 1;
  await memory.put(key, [bytes]);
  // Out of memory, and so read from the store.
  await h.runtime.advance(120_000);
  await assert.rejects(h.readAll(), (error) => error instanceof EngineError && error.code === "storage");
  assert.equal(h.halts[0]?.name, "CorruptObjectError");
});

test("a corrupt object stops the shard with an error that names it", async () => {
  const { h, memory } = await faulty();
  await h.until(h.append({ bodies: ["a"] }));
  const key = (await memory.list(WAL)).at(-1) ?? "";
  const bytes = new Uint8Array(await memory.get(key));
  bytes[bytes.length - 1] ^= 1;
  await memory.put(key, [bytes]);
  const next = Harness.start(memory, new VirtualRuntime({ seed: 2 }));
  await assert.rejects(
    next.until(next.engine.started),
    (error: Error) => error.name === "CorruptObjectError" && error.message.includes(key),
  );
});

test("a clean stop waits for what was accepted, and refuses what comes later", async () => {
  const { h, memory } = await faulty();
  const append = h.append({ bodies: ["a"] });
  await h.runtime.settle();
  const closed = h.engine.close();
  await assert.rejects(
    h.until(h.append({ bodies: ["b"] })),
    (error) => error instanceof EngineError && error.code === "server_draining",
  );
  await h.until(Promise.all([append, closed]));
  const next = await Harness.open(memory, new VirtualRuntime({ seed: 2 }));
  assert.equal(next.runtime.clock.monotonicMs(), 0, "after a release nobody waits");
  assert.deepEqual(await next.readAll(), ["a"]);
});

test("when the open chunk goes out", () => {
  const base = {
    putsUnderWay: 0,
    freeSlots: 1,
    gatheredBytes: 1,
    deadlineMs: 10,
    nowMs: 10,
    fullBytes: 100,
    smallBytes: 0,
    maxSmallPuts: 0,
  };
  assert.deepEqual(decideFlush(base), { kind: "put" });
  assert.deepEqual(decideFlush({ ...base, gatheredBytes: 0 }), { kind: "wait" });
  assert.deepEqual(decideFlush({ ...base, freeSlots: 0, gatheredBytes: 100 }), { kind: "wait" });
  assert.deepEqual(decideFlush({ ...base, deadlineMs: 11 }), { kind: "wait-until", atMs: 11 });
  assert.deepEqual(decideFlush({ ...base, deadlineMs: 11, gatheredBytes: 100 }), { kind: "put" });
  const crowd = { ...base, smallBytes: 50, maxSmallPuts: 2 };
  assert.deepEqual(decideFlush({ ...crowd, gatheredBytes: 49, putsUnderWay: 1 }), { kind: "put" });
  assert.deepEqual(decideFlush({ ...crowd, gatheredBytes: 49, putsUnderWay: 2 }), { kind: "wait" });
  assert.deepEqual(decideFlush({ ...crowd, gatheredBytes: 50, putsUnderWay: 2 }), { kind: "put" });
  assert.deepEqual(decideFlush({ ...crowd, gatheredBytes: 50, putsUnderWay: 2, deadlineMs: 11 }), {
    kind: "wait-until",
    atMs: 11,
  });
});

test("an invariant that breaks when a chunk is durable stops the log, and nobody waits for that chunk for ever", async () => {
  const runtime = new VirtualRuntime({ seed: 1 });
  const halts: Error[] = [];
  const log = new ChunkLog({
    runtime,
    store: new MemoryStore({ exclusive: false }),
    logger: SILENT_LOGGER,
    shard: 0,
    epoch: 1,
    incarnation: runtime.random.bytes(INCARNATION_BYTES),
    nextPlace: 0,
    window: 16,
    leaseMs: 1_500,
    onSeal: () => undefined,
    onDurable: () => undefined,
    onSettled: () => undefined,
    mustWait: () => false,
    onHalt: (error) => halts.push(error),
  });
  const told: Error[] = [];
  const chunk = log.open;
  addJsonEntry(chunk, log.slabs, EntryKind.configured, new Uint8Array(STREAM_ID_BYTES), 0, {});
  const broken = () => {
    throw new Error("broken");
  };
  chunk.addEffect({ apply: broken, fail: () => undefined });
  chunk.addEffect({ apply: () => undefined, fail: (error) => told.push(error) });
  const waiting = log.whenDurable(chunk);
  log.gathered(0);
  await assert.rejects(runtime.until(waiting), unavailable);
  assert.equal(told.length, 1);
  assert.deepEqual(
    halts.map(({ message }) => message),
    ["broken"],
  );
});

test("what stands in the next place is got once, and who finds another's there is deposed", async () => {
  const { h, store, memory } = await faulty();
  await h.runtime.advance(10_000);
  const next = Harness.start(memory, new VirtualRuntime({ seed: 2 }));
  await next.until(next.engine.started);
  let gets = 0;
  store.hook = ({ kind, key }) => {
    if (kind !== "get" || !key.startsWith(WAL)) return undefined;
    gets += 1;
    return gets > 1 ? { failBefore: "unavailable" } : undefined;
  };
  await assert.rejects(h.until(h.engine.checkTail(BASIN, STREAM)), unavailable);
  assert.equal(gets, 1);
  assert.equal(h.halts[0]?.name, "DeposedError");
});

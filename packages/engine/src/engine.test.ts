// What the engine promises to those above it, under virtual time.
import assert from "node:assert/strict";
import { test } from "node:test";
import { DEFAULT_BASIN_CONFIG } from "./config.ts";
import type { StreamReader } from "./engine-api.ts";
import { ConditionFailedError, EngineError, UnwrittenError } from "./errors.ts";
import { FaultyStore, MemoryStore } from "./object-store/index.ts";
import { VirtualRuntime } from "./runtime/index.ts";
import { BASIN, Harness, recordsOf, STREAM, sharedStore } from "./testing/harness.ts";
import { inputOf } from "./testing/inputs.ts";
import { MAX_STORED_RECORD_BYTES, parseAppendInput } from "./wire/index.ts";

function code(expected: string) {
  return (error: unknown) => error instanceof EngineError && error.code === expected;
}

test("appends are acknowledged with dense positions and read back in order", async () => {
  const h = await (await Harness.open()).withStream();
  const first = await h.until(h.append({ bodies: ["a", "b"] }));
  const second = await h.until(h.append({ bodies: ["c"] }));
  assert.equal(first.start.seqNum, 0);
  assert.equal(first.end.seqNum, 2);
  assert.equal(second.start.seqNum, 2);
  assert.equal(second.tail.seqNum, 3);
  assert.deepEqual(await h.readAll(), ["a", "b", "c"]);
  assert.deepEqual(await h.readAll(1), ["b", "c"]);
  assert.equal((await h.until(h.engine.checkTail(BASIN, STREAM))).seqNum, 3);
});

test("what was acknowledged survives the owner, from the log alone", async () => {
  const store = sharedStore();
  const h = await (await Harness.open(store)).withStream();
  for (let i = 0; i < 50; i += 1) await h.until(h.append({ bodies: [`${i}`, `${i}'`] }));
  // No close: a crash.
  const next = await Harness.open(store, new VirtualRuntime({ seed: 2 }));
  const bodies = await next.readAll();
  assert.equal(bodies.length, 100);
  assert.equal(bodies[99], "49'");
  const ack = await next.until(next.append({ bodies: ["after"] }));
  assert.equal(ack.start.seqNum, 100);
});

test("a deposed owner acknowledges nothing and answers nothing", async () => {
  const store = sharedStore();
  const old = await (await Harness.open(store)).withStream();
  await old.until(old.append({ bodies: ["a"] }));
  const taker = await Harness.open(store, new VirtualRuntime({ seed: 2 }));
  await taker.until(taker.append({ bodies: ["b"] }));
  // The old one's clock has stood still meanwhile; it lets time pass only now.
  await old.runtime.advance(60_000);
  await assert.rejects(old.until(old.engine.checkTail(BASIN, STREAM)), code("unavailable"));
  await assert.rejects(old.until(old.append({ bodies: ["never"] })), code("unavailable"));
  assert.equal(old.halts.length, 1);
  assert.equal(old.halts[0].name, "DeposedError");
  assert.deepEqual(await taker.readAll(), ["a", "b"]);
});

test("a deposed owner denies nothing either", async () => {
  const read = {
    start: { kind: "seq_num", seqNum: 9 },
    clamp: false,
    count: 1,
    bytes: undefined,
    until: undefined,
    waitMs: undefined,
    mode: "unary",
  } as const;
  const list = { prefix: "", startAfter: "", limit: 10 };
  const questions: Record<string, (h: Harness) => Promise<unknown>> = {
    "404 of a stream": (h) => h.engine.streams.get(BASIN, "another"),
    "404 of a stream to be deleted": (h) => h.engine.streams.delete(BASIN, "another"),
    "404 of a stream to be appended to": (h) => h.append({ bodies: ["x"] }, "another"),
    "404 of a stream to be read": (h) => h.engine.openReader(BASIN, "another", read, { config: {} }),
    "404 of a basin": (h) => h.engine.basins.get("another-basin"),
    "412 of a sequence number": (h) => h.append({ bodies: ["x"], matchSeqNum: 9 }),
    "412 of a token": (h) => h.append({ bodies: ["x"], fencingToken: "other" }),
    "416": (h) => h.engine.openReader(BASIN, STREAM, read, { config: {} }),
    "409": (h) => h.engine.streams.create(BASIN, STREAM, {}, undefined),
    "a configuration": (h) => h.engine.streams.get(BASIN, STREAM),
    "a basin's configuration": (h) => h.engine.basins.get(BASIN),
    "a list of streams": (h) => h.engine.streams.list(BASIN, list),
    "a list of basins": (h) => h.engine.basins.list(list),
    "a read of what is there": async (h) => {
      const options = { ...read, start: { kind: "seq_num", seqNum: 0 } } as const;
      const reader = await h.engine.openReader(BASIN, STREAM, options, { config: {} });
      return reader.next();
    },
  };
  for (const [what, ask] of Object.entries(questions)) {
    const store = sharedStore();
    const old = await (await Harness.open(store)).withStream();
    await old.until(old.append({ bodies: ["a"] }));
    await Harness.open(store, new VirtualRuntime({ seed: 2 }));
    await old.runtime.advance(5_000);
    // It does not know yet.
    assert.equal(old.halts.length, 0);
    await assert.rejects(old.until(ask(old)), code("unavailable"), what);
  }
});

test("an owner that has put nothing since finds the fence when it appends", async () => {
  const store = sharedStore();
  const old = await (await Harness.open(store)).withStream();
  const taker = await Harness.open(store, new VirtualRuntime({ seed: 2 }));
  await assert.rejects(old.until(old.append({ bodies: ["never"] })), code("unavailable"));
  assert.equal(old.halts[0].name, "DeposedError");
  await taker.until(taker.append({ bodies: ["only"] }));
  assert.deepEqual(await taker.readAll(), ["only"]);
});

test("a taker answers only after a lease and its margin, unless it follows a release", async () => {
  const store = sharedStore();
  const h = await (await Harness.open(store)).withStream();
  const crashed = Harness.start(store, new VirtualRuntime({ seed: 2 }));
  await crashed.runtime.advance(1_700);
  assert.equal(crashed.engine.ready, false);
  await crashed.runtime.advance(100);
  assert.equal(crashed.engine.ready, true);
  await crashed.until(crashed.engine.close());
  const follower = Harness.start(store, new VirtualRuntime({ seed: 3 }));
  await follower.runtime.settle();
  assert.equal(follower.engine.ready, true);
  assert.equal(h.halts.length, 0);
});

test("match_seq_num and fencing tokens guard, in the API's order", async () => {
  const h = await (await Harness.open()).withStream();
  await h.until(h.append({ bodies: ["a"], matchSeqNum: 0 }));
  await assert.rejects(
    h.until(h.append({ bodies: ["b"], matchSeqNum: 0 })),
    (error) =>
      error instanceof ConditionFailedError && error.mismatch.kind === "seq_num" && error.mismatch.actual === 1,
  );
  await h.until(h.append({ bodies: ["fence"], commands: [{ kind: "fence", index: 0, token: "mine" }] }));
  await assert.rejects(
    h.until(h.append({ bodies: ["c"], fencingToken: "other", matchSeqNum: 77 })),
    (error) =>
      error instanceof ConditionFailedError &&
      error.mismatch.kind === "fencing_token" &&
      error.mismatch.actual === "mine",
  );
  await h.until(h.append({ bodies: ["no condition, no check"] }));
  await h.until(h.append({ bodies: ["d"], fencingToken: "mine" }));
});

test("fencing token and trim point survive the owner", async () => {
  const store = sharedStore();
  const h = await (await Harness.open(store)).withStream();
  await h.until(h.append({ bodies: ["a", "b", "c"] }));
  await h.until(h.append({ bodies: ["fence"], commands: [{ kind: "fence", index: 0, token: "mine" }] }));
  await h.until(h.append({ bodies: ["trim"], commands: [{ kind: "trim", index: 0, seqNum: 2 }] }));
  assert.deepEqual(await h.readAll(), ["c", "fence", "trim"]);
  const next = await Harness.open(store, new VirtualRuntime({ seed: 2 }));
  assert.deepEqual(await next.readAll(), ["c", "fence", "trim"]);
  await assert.rejects(next.until(next.append({ bodies: ["x"], fencingToken: "" })), ConditionFailedError);
});

test("a trim beyond the tail keeps nothing but what comes after the command", async () => {
  const h = await (await Harness.open()).withStream();
  await h.until(h.append({ bodies: ["a", "b"] }));
  await h.until(
    h.append({ bodies: ["trim"], commands: [{ kind: "trim", index: 0, seqNum: Number.MAX_SAFE_INTEGER }] }),
  );
  const { records } = await h.read({ mode: "unary" });
  assert.deepEqual(records, []);
  await assert.rejects(h.read({ mode: "unary", start: { kind: "timestamp", timestamp: 0n } }), UnwrittenError);
  await h.until(h.append({ bodies: ["c"] }));
  assert.deepEqual(await h.readAll(), ["c"]);
});

test("a trim hides records from reads that begin after it; a session that was open still gets them, until the next trim", async () => {
  const h = await (await Harness.open()).withStream();
  await h.until(h.append({ bodies: ["a", "b", "c"], timestamps: [1n, 2n, 3n] }));
  const options = { clamp: false, count: undefined, bytes: undefined, until: undefined, mode: "session" } as const;
  const start = { kind: "seq_num", seqNum: 0 } as const;
  const open = () => h.until(h.engine.openReader(BASIN, STREAM, { ...options, start, waitMs: 0 }, { config: {} }));
  const next = async (reader: StreamReader, mostBytes?: number) => {
    const event = await h.until(reader.next(mostBytes));
    assert.ok(event.kind === "batch");
    return recordsOf(event.slices).map((record) => record.body);
  };
  const [reader, late] = [await open(), await open()];
  assert.deepEqual(await next(reader, 9), ["a"]);
  const trim = (seqNum: number) =>
    h.until(h.append({ bodies: ["trim"], commands: [{ kind: "trim", index: 0, seqNum }], timestamps: [4n] }));
  await trim(3);
  assert.deepEqual(await next(reader, 9), ["b"]);
  assert.deepEqual(await h.readAll(), ["trim"]);
  const seek = (timestamp: bigint) => h.read({ start: { kind: "timestamp", timestamp }, count: 9 });
  assert.deepEqual(
    (await seek(2n)).records.map((record) => record.body),
    ["trim"],
  );
  await h.until(h.append({ bodies: ["d"] }));
  await trim(4);
  // What was trimmed before the last trim is gone for everyone.
  assert.deepEqual(await next(reader), ["trim", "d", "trim"]);
  assert.deepEqual(await next(late), ["trim", "d", "trim"]);
  assert.deepEqual(await h.readAll(), ["d", "trim"]);
});

test("reads end at count, bytes and until, and withhold what would exceed them", async () => {
  const h = await (await Harness.open()).withStream();
  await h.until(h.append({ bodies: ["aaaa", "bbbb", "cccc"], timestamps: [10n, 20n, 30n] }));
  const bodies = async (options: object) => (await h.read(options)).records.map((record) => record.body);
  assert.deepEqual(await bodies({ count: 2 }), ["aaaa", "bbbb"]);
  assert.deepEqual(await bodies({ bytes: 25 }), ["aaaa", "bbbb"]);
  assert.deepEqual(await bodies({ until: 30n }), ["aaaa", "bbbb"]);
  assert.deepEqual(await bodies({ until: 10n }), []);
  assert.deepEqual(await bodies({ start: { kind: "timestamp", timestamp: 11n }, until: 40n }), ["bbbb", "cccc"]);
  assert.deepEqual(await bodies({ start: { kind: "tail_offset", offset: 1 }, count: 9 }), ["cccc"]);
  assert.deepEqual(await bodies({ start: { kind: "seq_num", seqNum: 99 }, count: 0 }), []);
});

test("a reader that wants less at once gets it all the same, and a larger record alone", async () => {
  const h = await (await Harness.open()).withStream();
  await h.until(h.append({ bodies: ["a", "b", "c", "x".repeat(500), "d"] }));
  await h.until(h.append({ bodies: ["e", "f"] }));
  const options = { clamp: false, bytes: undefined, until: undefined, waitMs: undefined, mode: "session" } as const;
  const start = { kind: "seq_num", seqNum: 0 } as const;
  const reader = await h.until(h.engine.openReader(BASIN, STREAM, { ...options, start, count: 7 }, { config: {} }));
  const batches: string[] = [];
  for (let event = await h.until(reader.next(20)); event.kind !== "end"; event = await h.until(reader.next(20)))
    if (event.kind === "batch")
      batches.push(
        recordsOf(event.slices)
          .map((record) => record.body[0])
          .join(""),
      );
  assert.deepEqual(batches, ["ab", "c", "x", "de", "f"]);
});

test("starting beyond the tail is refused with the tail, and clamping starts there", async () => {
  const h = await (await Harness.open()).withStream();
  await h.until(h.append({ bodies: ["a"] }));
  const unwritten = (error: unknown) => error instanceof UnwrittenError && error.tail.seqNum === 1;
  await assert.rejects(h.read({ start: { kind: "seq_num", seqNum: 2 }, waitMs: 1000 }), unwritten);
  await assert.rejects(h.read({ start: { kind: "seq_num", seqNum: 1 }, mode: "unary" }), unwritten);
  await assert.rejects(h.read({ start: { kind: "seq_num", seqNum: 2 }, clamp: true, mode: "unary" }), unwritten);
  const { events } = await h.read({ start: { kind: "seq_num", seqNum: 2 }, clamp: true, waitMs: 1000 });
  assert.deepEqual(
    events.map((event) => event.kind),
    ["heartbeat", "end"],
  );
});

test("a session without bounds that waits for nothing starts at the tail and ends there; a bounded one is refused", async () => {
  const h = await (await Harness.open()).withStream();
  const { events } = await h.read({ waitMs: 0 });
  assert.deepEqual(
    events.map((event) => event.kind),
    ["end"],
  );
  await assert.rejects(h.read({ waitMs: 0, mode: "unary" }), UnwrittenError);
  await assert.rejects(h.read({ count: 1 }), UnwrittenError);
  await assert.rejects(h.read({ start: { kind: "seq_num", seqNum: 1 }, waitMs: 0 }), UnwrittenError);
});

test("a session follows the tail with heartbeats between", async () => {
  const h = await (await Harness.open()).withStream();
  await h.until(h.append({ bodies: ["a"] }));
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
  assert.equal((await h.until(reader.next())).kind, "batch");
  assert.equal((await h.until(reader.next())).kind, "heartbeat");
  const pending = reader.next();
  await h.until(h.append({ bodies: ["b"] }));
  const event = await h.until(pending);
  assert.ok(event.kind === "batch" && event.tail?.seqNum === 2 && event.lastSeqNum === 1);
  assert.equal((await h.until(reader.next())).kind, "heartbeat");
  await h.until(h.engine.streams.delete(BASIN, STREAM));
  await assert.rejects(h.until(reader.next()), code("stream_deletion_pending"));
});

test("a name used again is a new stream from 0", async () => {
  const store = sharedStore();
  const h = await (await Harness.open(store)).withStream();
  await h.until(h.append({ bodies: ["old"] }));
  await h.until(h.engine.streams.delete(BASIN, STREAM));
  await h.until(h.engine.streams.delete(BASIN, STREAM));
  await assert.rejects(h.until(h.append({ bodies: ["x"] })), code("stream_deletion_pending"));
  await h.runtime.advance(1_500);
  await assert.rejects(h.until(h.append({ bodies: ["x"] })), code("stream_not_found"));
  await h.until(h.engine.streams.create(BASIN, STREAM, {}, undefined));
  await h.until(h.append({ bodies: ["new"] }));
  assert.deepEqual(await h.readAll(), ["new"]);
  const next = await Harness.open(store, new VirtualRuntime({ seed: 2 }));
  assert.deepEqual(await next.readAll(), ["new"]);
});

test("a deleted basin takes its streams along, and its name comes back empty", async () => {
  const store = sharedStore();
  const h = await (await Harness.open(store)).withStream();
  await h.until(h.append({ bodies: ["old"] }));
  await h.until(h.engine.basins.delete(BASIN));
  await assert.rejects(
    h.until(h.engine.basins.create(BASIN, DEFAULT_BASIN_CONFIG, undefined)),
    code("basin_deletion_pending"),
  );
  // A crash before the last step: the next owner finishes it.
  const next = await Harness.open(store, new VirtualRuntime({ seed: 2 }));
  await next.runtime.advance(3_000);
  await next.until(next.engine.basins.create(BASIN, DEFAULT_BASIN_CONFIG, undefined));
  assert.deepEqual(
    (await next.until(next.engine.streams.list(BASIN, { prefix: "", startAfter: "", limit: 10 }))).items,
    [],
  );
});

test("creation is idempotent for one token with one input", async () => {
  const h = await (await Harness.open()).withStream();
  const token = { requestToken: "t", fingerprint: "f" };
  assert.equal((await h.until(h.engine.streams.create(BASIN, "s", {}, token))).result, "created");
  assert.equal((await h.until(h.engine.streams.create(BASIN, "s", {}, token))).result, "noop");
  await assert.rejects(
    h.until(h.engine.streams.create(BASIN, "s", {}, { ...token, fingerprint: "g" })),
    code("resource_already_exists"),
  );
  await assert.rejects(h.until(h.engine.streams.create(BASIN, "s", {}, undefined)), code("resource_already_exists"));
});

test("a stampede of first appends creates one stream, and all succeed", async () => {
  const h = await Harness.open();
  await h.until(h.engine.basins.ensure(BASIN, { ...DEFAULT_BASIN_CONFIG, createStreamOnAppend: true }));
  const acks = await h.until(
    Promise.all(Array.from({ length: 64 }, (_, i) => h.append({ bodies: [`${i}`] }, "fresh"))),
  );
  assert.deepEqual(
    acks.map((ack) => ack.start.seqNum).toSorted((a, b) => a - b),
    Array.from({ length: 64 }, (_, i) => i),
  );
});

test("streams are listed by the bytes of their names", async () => {
  const h = await (await Harness.open()).withStream();
  const names = ["a", "b/1", "b/2", "b/é", "b/\u{1F600}", "b/\uFF5E", "c"];
  for (const name of names) await h.until(h.engine.streams.create(BASIN, name, {}, undefined));
  const list = async (prefix: string, startAfter: string, limit: number) => {
    const page = await h.until(h.engine.streams.list(BASIN, { prefix, startAfter, limit }));
    return [...page.items.map((item) => item.name), page.hasMore];
  };
  assert.deepEqual(await list("b/", "", 3), ["b/1", "b/2", "b/é", true]);
  assert.deepEqual(await list("b/", "b/é", 3), ["b/\uFF5E", "b/\u{1F600}", false]);
  assert.deepEqual(await list("", "c", 3), [STREAM, false]);
});

test("an appender that failed once appends nothing more", async () => {
  const h = await (await Harness.open()).withStream();
  const appender = await h.until(h.engine.openAppender(BASIN, STREAM, { config: {} }));
  const results = await h.until(
    Promise.allSettled([
      appender.append(inputOf({ bodies: ["a"] })),
      appender.append(inputOf({ bodies: ["b"], matchSeqNum: 9 })),
      appender.append(inputOf({ bodies: ["c"] })),
    ]),
  );
  assert.deepEqual(
    results.map((result) => result.status),
    ["fulfilled", "rejected", "rejected"],
  );
  assert.deepEqual(await h.readAll(), ["a"]);
});

test("timestamps: modes, caps, monotony, and all of u64", async () => {
  const h = await (await Harness.open()).withStream();
  await h.until(h.engine.streams.create(BASIN, "required", { timestampingMode: "client-require" }, undefined));
  await assert.rejects(h.until(h.append({ bodies: ["x"] }, "required")), code("invalid"));
  await h.until(h.engine.streams.create(BASIN, "uncapped", { timestampingUncapped: true }, undefined));
  const big = 0xfffffffffffffffen;
  await h.until(h.append({ bodies: ["a", "b"], timestamps: [big, 5n] }, "uncapped"));
  const { records } = await h.read({ count: 2 }, "uncapped");
  assert.deepEqual(
    records.map((record) => record.timestamp),
    [big, big],
  );
  const capped = await h.until(h.append({ bodies: ["a"], timestamps: [big] }));
  assert.equal(capped.start.timestamp, BigInt(h.runtime.clock.wallMs()));
});

test("a dormant engine holds no buffers, sets no timer but for what falls due, and asks nothing of the store", async () => {
  const h = await (await Harness.open()).withStream();
  await h.until(h.append({ bodies: ["a"] }));
  assert.ok(h.engine.stats().cachedBytes > 0);
  // What was used is written at the end of the minute, and leaves memory a minute later; soon after that the log is at rest.
  await h.runtime.advance(152_000);
  assert.equal(h.engine.stats().cachedBytes, 0);
  assert.equal(h.runtime.pendingTimers, 1, "the retention of a week");
  assert.deepEqual(await h.readAll(), ["a"]);
});

/** An engine whose puts hang from now on until they are let go. */
async function withHangingPuts() {
  const runtime = new VirtualRuntime({ seed: 1 });
  const store = new FaultyStore(new MemoryStore({ exclusive: false }), runtime);
  const h = await (await Harness.open(store, runtime)).withStream();
  const gates: (() => void)[] = [];
  store.hook = ({ kind }) =>
    kind === "putIfAbsent" ? { holdBefore: new Promise<void>((resolve) => gates.push(resolve)) } : undefined;
  return { h, gates };
}

test("a configuration is shown once it is durable, not when it is assigned", async () => {
  const { h, gates } = await withHangingPuts();
  const first = h.engine.streams.reconfigure(BASIN, STREAM, { retentionAgeSecs: 1 });
  await h.runtime.settle();
  const shown = h.engine.streams.get(BASIN, STREAM);
  const ensured = h.engine.streams.ensure(BASIN, STREAM, { retentionAgeSecs: 1 });
  await h.runtime.settle();
  const second = h.engine.streams.reconfigure(BASIN, STREAM, { retentionAgeSecs: 2 }).catch((error: unknown) => error);
  await h.runtime.settle();
  gates[0]();
  await h.until(first);
  assert.equal((await h.until(shown)).config.retentionAgeSecs, 1);
  assert.equal((await h.until(ensured)).config.retentionAgeSecs, 1);
  await h.runtime.advance(6_000);
  assert.ok(code("unavailable")(await second));
});

test("a deletion in flight is neither shown nor answered with", async () => {
  const { h, gates } = await withHangingPuts();
  const append = h.append({ bodies: ["a"] });
  await h.runtime.settle();
  const created = h.engine.streams.create(BASIN, STREAM, {}, undefined).catch((error: unknown) => error);
  const ensured = h.engine.streams.ensure(BASIN, STREAM, {});
  await h.runtime.settle();
  const deleted = h.engine.streams.delete(BASIN, STREAM).catch((error: unknown) => error);
  await h.runtime.settle();
  gates[0]();
  await h.until(append);
  assert.ok(code("resource_already_exists")(await h.until(created)));
  assert.equal((await h.until(ensured)).info.deletedAtMs, null);
  const page = await h.until(h.engine.streams.list(BASIN, { prefix: "", startAfter: "", limit: 10 }));
  assert.deepEqual(
    page.items.map((item) => item.deletedAtMs),
    [null],
  );
  await h.runtime.advance(6_000);
  assert.ok(code("unavailable")(await deleted));
});

test("a stream that is deleted before its creation is durable takes no configuration", async () => {
  const { h, gates } = await withHangingPuts();
  const created = h.engine.streams.create(BASIN, "short", {}, undefined);
  await h.runtime.settle();
  const reconfigured = h.engine.streams.reconfigure(BASIN, "short", { retentionAgeSecs: 1 });
  const answer = reconfigured.catch((error: unknown) => error);
  await h.runtime.settle();
  const deleted = h.engine.streams.delete(BASIN, "short");
  await h.runtime.settle();
  for (const open of gates) open();
  await h.until(Promise.all([created, deleted]));
  assert.ok(code("stream_deletion_pending")(await h.until(answer)));
});

test("an append counts with all the memory that it holds, not with its records alone", async () => {
  const { h, gates } = await withHangingPuts();
  const input = inputOf({ bodies: ["small"] });
  const padded = {
    ...input,
    batch: { ...input.batch, bytes: Buffer.concat([input.batch.bytes, Buffer.alloc(1_000_000)]) },
  };
  const append = h.engine.append(BASIN, STREAM, padded, { config: {} });
  await h.runtime.settle();
  assert.ok(h.engine.stats().inFlightAppendBytes > 1_000_000);
  gates[0]();
  await h.until(append);
  assert.equal(h.engine.stats().inFlightAppendBytes, 0);
});

test("a record as long as the wire lets through is read back", async () => {
  const h = await (await Harness.open()).withStream();
  // Many headers without values take few metered bytes and many of the wire.
  const header = Buffer.from([0x12, 5, 0x0a, 1, 0x78, 0x12, 0]);
  const headers = Buffer.concat(
    Array.from({ length: Math.floor((MAX_STORED_RECORD_BYTES - 8) / header.length) }, () => header),
  );
  const body = Buffer.alloc(MAX_STORED_RECORD_BYTES - headers.length - 2, "b");
  const record = Buffer.concat([headers, Buffer.from([0x1a, body.length]), body]);
  const length = Buffer.from([
    (record.length & 0x7f) | 0x80,
    ((record.length >>> 7) & 0x7f) | 0x80,
    ((record.length >>> 14) & 0x7f) | 0x80,
    record.length >>> 21,
  ]);
  const input = parseAppendInput(Buffer.concat([Buffer.from([0x0a]), length, record]));
  assert.equal(input.batch.spans[1] - input.batch.spans[0], MAX_STORED_RECORD_BYTES);
  await h.until(h.engine.append(BASIN, STREAM, input, { config: {} }));
  await h.until(h.append({ bodies: ["next"] }));
  assert.deepEqual(await h.readAll(), [body.toString(), "next"]);
});

test("a start that fails behind the takeover leaves nothing that goes on by itself", async () => {
  const memory = new MemoryStore({ exclusive: false });
  const before = await (await Harness.open(memory)).withStream();
  await before.until(before.engine.close());
  const runtime = new VirtualRuntime({ seed: 2 });
  // The account's records are not to be had; nor is anything that is written about them taken.
  const store = new FaultyStore(memory, runtime, ({ kind }) =>
    kind === "getRange" ? { failBefore: "unavailable" } : undefined,
  );
  const h = Harness.start(store, runtime);
  await assert.rejects(h.until(h.engine.started), code("unavailable"));
  await h.until(h.engine.close());
  assert.equal(runtime.pendingTimers, 0);
  assert.equal(h.halts.length, 0, "who waits for the start is told by it");
});

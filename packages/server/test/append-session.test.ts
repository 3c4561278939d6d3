// What an append session tells its client when something fails, and what it holds on to. Virtual time, handlers without HTTP.
import assert from "node:assert/strict";
import { PassThrough } from "node:stream";
import { test } from "node:test";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { zstdCompressSync } from "node:zlib";
import { type AppendAck, DEFAULT_BASIN_CONFIG, Engine, EngineError, type StreamAppender } from "@tailrace/engine";
import { FaultyStore, MemoryStore } from "@tailrace/engine/object-store";
import { VirtualRuntime } from "@tailrace/engine/runtime";
import type { AppendInput } from "@tailrace/engine/wire";
import { Access, FULL_SCOPE } from "../src/access/access.ts";
import { Audit } from "../src/access/audit.ts";
import type { SessionOutput, SessionRequest } from "../src/api-request.ts";
import type { Context } from "../src/context.ts";
import { Drain } from "../src/drain.ts";
import { Metrics } from "../src/metrics.ts";
import { DEFAULT_PRICES } from "../src/prices.ts";
import { AppendQuotas } from "../src/quota/append-quotas.ts";
import { AppendSession } from "../src/s2s/append-session.ts";
import { FrameDecoder, frameHeader } from "../src/s2s/frame.ts";
import { FrameMemory } from "../src/s2s/frame-memory.ts";
import { FairShare } from "../src/session/fair-share.ts";
import { Unfinished } from "../src/unfinished.ts";

const BASIN = "test-basin";
const STREAM = "events";

/** An AppendInput frame of one record of one byte, perhaps under a condition. */
function appendFrame(matchSeqNum?: number): Uint8Array {
  const record = [0x0a, 3, 0x1a, 1, 0x78];
  const body = Uint8Array.from(matchSeqNum === undefined ? record : [...record, 0x10, matchSeqNum]);
  return Buffer.concat([frameHeader(body.length, "none"), body]);
}

/** What a client sees of a session: acknowledgements, and how it ended. */
class Client implements SessionOutput {
  closed = false;
  readonly share = new FairShare();
  acks = 0;
  terminal: { status: number; body: unknown } | undefined;
  readonly #decoder = new FrameDecoder();

  get ended(): boolean {
    return this.terminal !== undefined;
  }

  onClose(): void {}

  write(pieces: readonly Uint8Array[]): undefined {
    for (const piece of pieces) {
      for (const frame of this.#decoder.push(piece)) {
        if (!frame.terminal) this.acks += 1;
        else {
          const body = Buffer.from(frame.body);
          this.terminal = { status: body.readUInt16BE(0), body: JSON.parse(body.subarray(2).toString()) };
        }
      }
    }
    return undefined;
  }
}

async function setup() {
  const runtime = new VirtualRuntime({ seed: 1 });
  const store = new FaultyStore(new MemoryStore({ exclusive: false }), runtime);
  const engine = await runtime.until(Engine.open({ runtime, store }));
  await runtime.until(engine.basins.ensure(BASIN, DEFAULT_BASIN_CONFIG));
  await runtime.until(engine.streams.ensure(BASIN, STREAM, {}));
  const context: Context = {
    engine,
    runtime,
    metrics: new Metrics(() => engine.stats(), { counts: {} }, runtime.branches),
    drain: new Drain(),
    audit: new Audit({ info: () => undefined }, runtime),
    prices: DEFAULT_PRICES,
    quotas: new AppendQuotas({ perBasin: {}, perToken: {} }, runtime),
    unfinished: new Unfinished(),
    frameMemory: new FrameMemory(),
  };
  return { runtime, store, engine, context };
}

async function* stream(...frames: Uint8Array[]): AsyncGenerator<Uint8Array> {
  yield* frames;
}

function requestOf({ runtime }: Context, chunks: AsyncIterable<Uint8Array>): SessionRequest {
  const access = new Access({ who: "root", key: null, scope: FULL_SCOPE, expiresAtMs: null, namespace: "" }, runtime);
  return { access, chunks, method: "POST", operation: "append", resource: null, span: undefined };
}

test("a failed condition is not told before the state that it rests on, whoever else in the session failed with it", async () => {
  const { runtime, store, engine, context } = await setup();
  store.hook = ({ kind }) => (kind === "putIfAbsent" ? { failBefore: "unavailable" } : undefined);
  const appender = await engine.openAppender(BASIN, STREAM, { config: {} });
  // The second contradicts the first, which never becomes durable; the third only follows.
  const client = new Client();
  const frames = [appendFrame(), appendFrame(0), appendFrame()];
  await runtime.until(
    new AppendSession(context, requestOf(context, stream(...frames)), BASIN, appender, undefined).run(client),
  );
  assert.equal(client.acks, 0);
  assert.equal(client.terminal?.status, 503);
});

test("an append of unknown outcome is not told as a refusal of what came after it", async () => {
  const { runtime, store, engine, context } = await setup();
  store.hook = ({ kind }) => (kind === "putIfAbsent" ? { failBefore: "unavailable" } : undefined);
  const appender = await engine.openAppender(BASIN, STREAM, { config: {} });
  const client = new Client();
  // An empty batch: 422 promises that nothing happened, and of the append before it that is not known.
  const empty = Buffer.concat([frameHeader(0, "none")]);
  await runtime.until(
    new AppendSession(context, requestOf(context, stream(appendFrame(), empty)), BASIN, appender, undefined).run(
      client,
    ),
  );
  assert.equal(client.terminal?.status, 503);
});

test("the earliest failure is told, in whatever order they come", async () => {
  const { runtime, context } = await setup();
  const failures: ((error: Error) => void)[] = [];
  const appender: StreamAppender = {
    append: () => new Promise<AppendAck>((_, reject) => failures.push(reject)),
    close: () => undefined,
  };
  const client = new Client();
  const run = new AppendSession(
    context,
    requestOf(context, stream(appendFrame(), appendFrame())),
    BASIN,
    appender,
    undefined,
  ).run(client);
  await runtime.settle();
  failures[1](new EngineError("hot_server", "no room"));
  await runtime.settle();
  assert.equal(client.ended, false);
  failures[0](new EngineError("unavailable", "unknown"));
  await runtime.until(run);
  assert.deepEqual(client.terminal?.body, { code: "unavailable", message: "unknown" });
});

test("nothing is acknowledged behind an append that was not", async () => {
  const { runtime, context } = await setup();
  const at = { seqNum: 1, timestamp: 1n };
  const appends: { resolve: (ack: AppendAck) => void; reject: (error: Error) => void }[] = [];
  const appender: StreamAppender = {
    append: () => new Promise((resolve, reject) => appends.push({ resolve, reject })),
    close: () => undefined,
  };
  const client = new Client();
  const frames = [appendFrame(), appendFrame(), appendFrame()];
  const run = new AppendSession(context, requestOf(context, stream(...frames)), BASIN, appender, undefined).run(client);
  await runtime.settle();
  appends[0].resolve({ start: at, end: at, tail: at, place: 0 });
  // Its outcome is unknown by now; it and the next one become durable later all the same.
  appends[1].reject(new EngineError("unavailable", "unknown"));
  await runtime.settle();
  appends[2].resolve({ start: at, end: at, tail: at, place: 0 });
  await runtime.until(run);
  assert.equal(client.acks, 1);
  assert.equal(client.terminal?.status, 503);
});

test("what an append came in is used again once it is settled, and no sooner", async () => {
  const { runtime, context } = await setup();
  const at = { seqNum: 1, timestamp: 1n };
  const appends: {
    input: AppendInput;
    settle: { resolve: (ack: AppendAck) => void; reject: (error: Error) => void };
  }[] = [];
  const appender: StreamAppender = {
    append: (input) => new Promise((resolve, reject) => appends.push({ input, settle: { resolve, reject } })),
    close: () => undefined,
  };
  const frameMemory = new FrameMemory(8);
  const pipe = new PassThrough();
  const run = new AppendSession({ ...context, frameMemory }, requestOf(context, pipe), BASIN, appender, undefined).run(
    new Client(),
  );
  const send = async (seqNum: number) => {
    pipe.write(appendFrame(seqNum));
    await new Promise((resolve) => setImmediate(resolve));
    await runtime.settle();
  };
  await send(1);
  await send(2);
  const [first, second] = appends.map(({ input }) => input.batch.bytes);
  assert.notEqual(first.buffer, second.buffer);
  appends[1].settle.resolve({ start: at, end: at, tail: at, place: 0 });
  await runtime.settle();
  await send(3);
  assert.equal(appends[2].input.batch.bytes.buffer, second.buffer);
  assert.equal(appends[0].input.matchSeqNum, 1);
  assert.equal(first.at(-1), 1);
  appends[0].settle.reject(new EngineError("unavailable", "unknown"));
  appends[2].settle.reject(new EngineError("unavailable", "unknown"));
  await runtime.until(run);
  assert.equal(frameMemory.freeBytes, 2 * first.buffer.byteLength);
});

test("a frame that is inflated when its session has ended is not appended: its outcome is told already", async () => {
  const { runtime, context } = await setup();
  let appends = 0;
  const appender: StreamAppender = {
    append: () => {
      appends += 1;
      return Promise.reject(new EngineError("unavailable", "unknown"));
    },
    close: () => undefined,
  };
  const body = zstdCompressSync(appendFrame().subarray(4));
  const pipe = new PassThrough();
  const client = new Client();
  const session = new AppendSession(context, requestOf(context, pipe), BASIN, appender, undefined);
  const run = session.run(client);
  const held = Promise.withResolvers<void>();
  const { threads } = runtime;
  const decompress = threads.decompress.bind(threads);
  threads.decompress = (...input) => held.promise.then(() => decompress(...input));
  pipe.write(Buffer.concat([frameHeader(body.length, "zstd"), body]));
  await new Promise((resolve) => setImmediate(resolve));
  context.drain.begin();
  held.resolve();
  await runtime.until(run);
  assert.equal(appends, 0);
  assert.equal(client.terminal?.status, 503);
});

test("a session holds nothing on to what it has read", async () => {
  const { runtime, context } = await setup();
  const at = { seqNum: 1, timestamp: 1n };
  const appender: StreamAppender = {
    append: async () => ({ start: at, end: at, tail: at, place: 0 }),
    close: () => undefined,
  };
  setFlagsFromString("--expose-gc");
  const gc = runInNewContext("gc") as () => void;
  const heapBytes: number[] = [];
  // A byte at a time: many reads, few appends.
  async function* chunks(): AsyncGenerator<Uint8Array> {
    const frame = appendFrame();
    for (let i = 0; i < 4_000; i += 1) {
      for (const byte of frame) yield Uint8Array.of(byte);
      await runtime.settle();
      if (i !== 1_000 && i !== 3_999) continue;
      await new Promise((resolve) => setImmediate(resolve));
      gc();
      heapBytes.push(process.memoryUsage().heapUsed);
    }
  }
  await new AppendSession(context, requestOf(context, chunks()), BASIN, appender, undefined).run(new Client());
  const grownBytes = heapBytes[1] - heapBytes[0];
  assert.ok(grownBytes < 1_000_000, `${grownBytes} bytes after 27,000 reads`);
});

// Where a byte is touched (docs/performance.md), counted: how often the bytes of records are copied on their way from a session's pieces to the
// object store, and from there, or from memory, to a reader. What the store itself does with them is its own business.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { DEFAULT_BASIN_CONFIG, Engine, type ReadOptions } from "@tailrace/engine";
import { MemoryStore } from "@tailrace/engine/object-store";
import { VirtualRuntime } from "@tailrace/engine/runtime";
import { Access, FULL_SCOPE } from "../src/access/access.ts";
import { Audit } from "../src/access/audit.ts";
import type { SessionOutput, SessionRequest } from "../src/api-request.ts";
import type { Context } from "../src/context.ts";
import { Drain } from "../src/drain.ts";
import { Metrics } from "../src/metrics.ts";
import { DEFAULT_PRICES } from "../src/prices.ts";
import { AppendQuotas } from "../src/quota/append-quotas.ts";
import { AppendSession } from "../src/s2s/append-session.ts";
import { frameHeader } from "../src/s2s/frame.ts";
import { FrameMemory } from "../src/s2s/frame-memory.ts";
import { ReadSession } from "../src/s2s/read-session.ts";
import { FairShare } from "../src/session/fair-share.ts";
import { Unfinished } from "../src/unfinished.ts";

const BASIN = "test-basin";
const STREAM = "events";
const BODY_BYTES = 8 * 1024;
const RECORDS = 100;
const PAYLOAD_BYTES = RECORDS * BODY_BYTES;
/** As a network gives them. */
const PIECE_BYTES = 16 * 1024;
/** Headers of records, frames, entries and objects. */
const BESIDE = 0.05;

/** Counts the bytes that are copied from one piece of memory into another, but not in `apart`. Of the ways there are, it does not see loops over
 * single bytes, which are for a few, and `new Uint8Array(array)`. */
class CopyCounter {
  bytes = 0;
  #apart = 0;
  readonly #restore: (() => void)[] = [];

  install(): void {
    const lengthOf = (source: ArrayLike<number>) => source.length;
    this.#wrap(Uint8Array.prototype, "set", (_, [source]) => lengthOf(source as Uint8Array));
    this.#wrap(Uint8Array.prototype, "slice", (_, __, made) => lengthOf(made as Uint8Array));
    this.#wrap(Uint8Array, "from", (_, __, made) => lengthOf(made as Uint8Array));
    this.#wrap(Buffer.prototype, "copy", (_, __, copied) => copied as number);
    this.#wrap(Buffer, "from", (_, [source], made) => (ArrayBuffer.isView(source) ? lengthOf(made as Buffer) : 0));
    this.#wrap(ArrayBuffer.prototype, "slice", (_, __, made) => (made as ArrayBuffer).byteLength);
    const concat = Buffer.concat;
    // It copies by ways of its own, one of which may be counted already.
    Buffer.concat = (list, totalLength) => {
      const joined = this.apart(() => concat(list, totalLength));
      if (this.#apart === 0) this.bytes += joined.length;
      return joined;
    };
    this.#restore.push(() => {
      Buffer.concat = concat;
    });
  }

  uninstall(): void {
    for (const restore of this.#restore) restore();
  }

  apart<T>(work: () => T): T {
    this.#apart += 1;
    try {
      return work();
    } finally {
      this.#apart -= 1;
    }
  }

  #wrap(owner: object, name: string, bytesOf: (self: unknown, args: unknown[], result: unknown) => number): void {
    const descriptor = Object.getOwnPropertyDescriptor(owner, name);
    const inherited = Reflect.get(owner, name) as (...args: unknown[]) => unknown;
    const counter = this;
    Object.defineProperty(owner, name, {
      configurable: true,
      writable: true,
      value(this: unknown, ...args: unknown[]) {
        const result = inherited.apply(this, args);
        if (counter.#apart === 0) counter.bytes += bytesOf(this, args, result);
        return result;
      },
    });
    this.#restore.push(() => {
      if (descriptor === undefined) Reflect.deleteProperty(owner, name);
      else Object.defineProperty(owner, name, descriptor);
    });
  }
}

const counter = new CopyCounter();
before(() => counter.install());
after(() => counter.uninstall());

/** How many times over the payload was copied meanwhile. */
async function copiesDuring(work: () => Promise<void>): Promise<number> {
  const from = counter.bytes;
  await work();
  return (counter.bytes - from) / PAYLOAD_BYTES;
}

function assertCopies(measured: number, copies: number): void {
  assert.ok(Math.abs(measured - copies) < BESIDE, `copied ${measured.toFixed(3)} times over, not ${copies}`);
}

class UncountedStore extends MemoryStore {
  override putIfAbsent(key: string, parts: readonly Uint8Array[]): Promise<void> {
    return counter.apart(() => super.putIfAbsent(key, parts));
  }
}

/** Takes what a session writes, and looks at nothing. */
class Taker implements SessionOutput {
  closed = false;
  readonly share: FairShare;
  bytes = 0;

  constructor(share = new FairShare()) {
    this.share = share;
  }

  onClose(): void {}

  write(pieces: readonly Uint8Array[]): undefined {
    for (const piece of pieces) this.bytes += piece.length;
    return undefined;
  }
}

/** One AppendInput in protobuf: records of one body each. */
function appendFrame(): Uint8Array {
  const varint = (value: number) => [(value & 0x7f) | 0x80, value >>> 7];
  const record = Buffer.concat([Buffer.from([0x1a, ...varint(BODY_BYTES)]), Buffer.alloc(BODY_BYTES, 0x78)]);
  const tagged = Buffer.concat([Buffer.from([0x0a, ...varint(record.length)]), record]);
  const body = Buffer.concat(Array.from({ length: RECORDS }, () => tagged));
  return Buffer.concat([frameHeader(body.length, "none"), body]);
}

async function* inPieces(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += PIECE_BYTES) yield bytes.subarray(at, at + PIECE_BYTES);
}

async function setup(store: MemoryStore = new UncountedStore({ exclusive: false })) {
  const runtime = new VirtualRuntime({ seed: 1 });
  const engine = await runtime.until(Engine.open({ runtime, store }));
  await runtime.until(engine.basins.ensure(BASIN, DEFAULT_BASIN_CONFIG));
  await runtime.until(engine.streams.ensure(BASIN, STREAM, {}));
  const context: Context = {
    engine,
    runtime,
    metrics: new Metrics(() => engine.stats(), { counts: {} }, runtime.branches, false),
    drain: new Drain(),
    audit: new Audit({ info: () => undefined }, runtime),
    prices: DEFAULT_PRICES,
    quotas: new AppendQuotas({ perBasin: {}, perToken: {} }, runtime),
    unfinished: new Unfinished(),
    frameMemory: new FrameMemory(),
  };
  const access = new Access({ who: "root", key: null, scope: FULL_SCOPE, expiresAtMs: null, namespace: "" }, runtime);
  const requestOf = (bytes: Uint8Array): SessionRequest => ({
    access,
    chunks: inPieces(bytes),
    method: "POST",
    operation: "append",
    resource: null,
    span: undefined,
  });
  const append = async () => {
    const appender = await engine.openAppender(BASIN, STREAM, { config: {} });
    const session = new AppendSession(context, requestOf(appendFrame()), BASIN, appender, undefined);
    await runtime.until(session.run(new Taker()));
  };
  const readAll = async () => {
    const options: ReadOptions = {
      start: { kind: "seq_num", seqNum: 0 },
      clamp: false,
      count: RECORDS,
      bytes: undefined,
      until: undefined,
      waitMs: undefined,
      mode: "session",
    };
    const reader = await runtime.until(engine.openReader(BASIN, STREAM, options, { config: {} }));
    const taker = new Taker();
    await runtime.until(new ReadSession(context, requestOf(new Uint8Array(0)), reader, undefined).run(taker));
    assert.ok(taker.bytes > PAYLOAD_BYTES);
  };
  /** A session that follows from the tail on. */
  const follow = async (share: FairShare) => {
    const options: ReadOptions = {
      start: { kind: "tail_offset", offset: 0 },
      clamp: false,
      count: undefined,
      bytes: undefined,
      until: undefined,
      waitMs: undefined,
      mode: "session",
    };
    const reader = await runtime.until(engine.openReader(BASIN, STREAM, options, { config: {} }));
    const taker = new Taker(share);
    void new ReadSession(context, requestOf(new Uint8Array(0)), reader, undefined).run(taker);
    await runtime.settle();
    return taker;
  };
  return { store, runtime, engine, append, readAll, follow };
}

test("an appended record is copied twice: into its frame, and into the chunk", async () => {
  const { append } = await setup();
  const frame = await copiesDuring(async () => void appendFrame());
  assertCopies((await copiesDuring(append)) - frame, 2);
});

test("a record that is still in memory is read without a copy", async () => {
  const { append, readAll } = await setup();
  await append();
  assertCopies(await copiesDuring(readAll), 0);
});

test("a record that has left memory is read without another copy than the store's", async () => {
  const { store, runtime, engine, append } = await setup();
  await append();
  await runtime.until(engine.close());
  const restarted = await setup(store);
  assertCopies(await copiesDuring(restarted.readAll), 0);
});

test("a crowd of followers shares the copy that it is given where there is little room", async () => {
  const { append, follow } = await setup();
  const crowd = new FairShare();
  for (let i = 0; i < 1000; i += 1) crowd.enter();
  assert.ok(crowd.scarce);
  const takers = await Promise.all(Array.from({ length: 10 }, () => follow(crowd)));
  const frame = await copiesDuring(async () => void appendFrame());
  assertCopies((await copiesDuring(append)) - frame, 2 + 1);
  for (const taker of takers) assert.ok(taker.bytes > PAYLOAD_BYTES);
});

test("a copy too many is seen", async () => {
  const bytes = Buffer.alloc(PAYLOAD_BYTES);
  for (const copy of [
    () => new Uint8Array(PAYLOAD_BYTES).set(bytes),
    () => bytes.copy(Buffer.alloc(PAYLOAD_BYTES)),
    () => Buffer.from(bytes),
    () => Uint8Array.from(bytes),
    () => new Uint8Array(bytes).slice(),
    () => Buffer.concat([bytes]),
  ])
    assertCopies(await copiesDuring(async () => void copy()), 1);
});

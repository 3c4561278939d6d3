// Encrypted streams under virtual time: what is stored, what comes out, and what every misuse is answered with.
import assert from "node:assert/strict";
import { before, describe, test } from "node:test";
import fc from "fast-check";
import type { StreamCipher } from "../config.ts";
import { DEFAULT_STREAM_CONFIG } from "../config.ts";
import type { ReadOptions } from "../engine-api.ts";
import { EngineError } from "../errors.ts";
import { loadAegis, type Runtime, VirtualRuntime } from "../runtime/index.ts";
import { Chunk } from "../shard/chunk.ts";
import { SlabAllocator } from "../shard/slab.ts";
import { sequence } from "../stream/sequencer.ts";
import { Stream } from "../stream/stream.ts";
import { BASIN, Harness, recordsOf, STREAM, sharedStore } from "../testing/harness.ts";
import { inputOf } from "../testing/inputs.ts";
import {
  type AppendInput,
  parseAppendInputJson,
  readBatchJson,
  storedBatchBytes,
  writeStoredBatch,
} from "../wire/index.ts";
import { EncryptionKey, EncryptionKeyError } from "./encryption-key.ts";
import { openRun } from "./open-batch.ts";
import { sealInput } from "./seal-batch.ts";
import { streamEncryption } from "./stream-encryption.ts";

const CIPHERS: readonly StreamCipher[] = ["aegis-256", "aes-256-gcm"];
const keyOf = (byte: number) => new EncryptionKey(Buffer.alloc(32, byte).toString("base64"));
const KEY = keyOf(1);
const OTHER_KEY = keyOf(2);

before(loadAegis);

async function encrypted(
  cipher: StreamCipher,
  store = sharedStore(),
  runtime = new VirtualRuntime({ seed: 1 }),
): Promise<Harness> {
  const h = await Harness.open(store, runtime);
  await h.until(
    h.engine.basins.ensure(BASIN, {
      defaultStreamConfig: {},
      createStreamOnAppend: false,
      createStreamOnRead: false,
      streamCipher: cipher,
    }),
  );
  await h.until(h.engine.streams.ensure(BASIN, STREAM, {}));
  return h;
}

function append(h: Harness, input: AppendInput, encryptionKey: EncryptionKey | undefined = KEY) {
  return h.until(h.engine.append(BASIN, STREAM, input, { config: {}, encryptionKey }));
}

async function open(h: Harness, options: Partial<ReadOptions>, encryptionKey: EncryptionKey | undefined = KEY) {
  const whole: ReadOptions = {
    start: { kind: "seq_num", seqNum: 0 },
    clamp: false,
    count: undefined,
    bytes: undefined,
    until: undefined,
    waitMs: 0,
    mode: "session",
    ...options,
  };
  return h.until(h.engine.openReader(BASIN, STREAM, whole, { config: {}, encryptionKey }));
}

const code = (expected: string) => (error: unknown) => error instanceof EngineError && error.code === expected;

const json = (records: object[]) => parseAppendInputJson(Buffer.from(JSON.stringify({ records })), "raw");

for (const cipher of CIPHERS) {
  describe(cipher, () => {
    test("records come back as they were appended, commands stay commands, bounds count the plaintext", async () => {
      const h = await encrypted(cipher);
      const records = [
        { headers: [["name", "value"]], body: "a secret body" },
        { headers: [["", "fence"]], body: "token" },
        { body: "" },
        { headers: [["only", "headers"]] },
      ];
      await append(h, json(records));
      assert.equal((await h.until(h.engine.streams.get(BASIN, STREAM))).info.cipher, cipher);
      const reader = await open(h, {});
      const event = await h.until(reader.next());
      assert.ok(event.kind === "batch");
      const expected = records.map(({ body, ...rest }, seqNum) => ({
        seq_num: seqNum,
        timestamp: Number(recordsOf(event.slices)[0].timestamp),
        ...rest,
        ...(body === undefined || body === "" ? {} : { body }),
      }));
      assert.deepEqual(JSON.parse(readBatchJson(event.slices, null, "raw")).records, expected);
      const first = 8 + 2 + 9 + 13;
      assert.equal(event.meteredBytes, first + (8 + 2 + 5 + 5) + 8 + (8 + 2 + 11));
      // The fence took effect although nothing of the batch but it is in the clear.
      await assert.rejects(append(h, { ...json([{}]), fencingToken: "wrong" }));
      const cut = await h.until((await open(h, { bytes: first + 19 })).next());
      assert.ok(cut.kind === "batch");
      assert.equal(cut.count, 1);
      assert.equal(cut.meteredBytes, first);
    });

    test("neither text nor key is in the store, and another process reads it with the key", async () => {
      const store = sharedStore();
      const h = await encrypted(cipher, store);
      await append(h, json([{ headers: [["needle-name", "needle-value"]], body: "needle-body" }]));
      const needles = ["needle", Buffer.alloc(32, 1).toString("latin1"), Buffer.alloc(32, 1).toString("base64")];
      let objects = 0;
      for (const key of await store.list("")) {
        const bytes = Buffer.from(await store.get(key));
        objects += 1;
        for (const needle of needles) assert.equal(bytes.includes(needle, 0, "latin1"), false, `${key}: ${needle}`);
      }
      assert.ok(objects > 2);
      const next = await Harness.open(store, new VirtualRuntime({ seed: 2 }));
      const event = await next.until((await open(next, {})).next());
      assert.ok(event.kind === "batch");
      assert.equal(recordsOf(event.slices)[0].body, "needle-body");
    });

    test("a key is needed even for commands, and for reads; another one is taken by appends and refused by reads", async () => {
      const h = await encrypted(cipher);
      const missing = (error: unknown) => error instanceof EncryptionKeyError && error.reason === "missing";
      const malformed = (error: unknown) => error instanceof EncryptionKeyError && error.reason === "malformed";
      const fence = json([{ headers: [["", "fence"]], body: "" }]);
      const without = { config: {} };
      await assert.rejects(h.until(h.engine.append(BASIN, STREAM, fence, without)), missing);
      await assert.rejects(h.until(h.engine.openAppender(BASIN, STREAM, without)), missing);
      await assert.rejects(open(h, {}, new EncryptionKey("AAAA")), malformed);
      for (const text of ["?", "AAAA", Buffer.alloc(31).toString("base64"), `${"A".repeat(43)}`, `${"A".repeat(42)}==`])
        await assert.rejects(append(h, fence, new EncryptionKey(text)), malformed);
      assert.equal((await h.until(h.engine.checkTail(BASIN, STREAM))).seqNum, 0);

      await append(h, json([{ body: "mine" }, { body: "mine too" }]));
      await append(h, json([{ body: "theirs" }]), OTHER_KEY);
      const reader = await open(h, {});
      const event = await h.until(reader.next());
      assert.ok(event.kind === "batch");
      // What the key opens is delivered; then it ends, for good.
      assert.deepEqual(
        recordsOf(event.slices).map(({ body }) => body),
        ["mine", "mine too"],
      );
      assert.equal(event.count, 2);
      assert.equal(event.lastSeqNum, 1);
      assert.equal(event.meteredBytes, 8 + 4 + 8 + 8);
      await assert.rejects(h.until(reader.next()), code("decryption_failed"));
      await assert.rejects(h.until(reader.next()), code("decryption_failed"));
      assert.equal(h.engine.stats().activeReaders, 0);
      await assert.rejects(
        h.until((await open(h, { start: { kind: "seq_num", seqNum: 2 } })).next()),
        code("decryption_failed"),
      );
      const theirs = await h.until((await open(h, { start: { kind: "seq_num", seqNum: 2 } }, OTHER_KEY)).next());
      assert.ok(theirs.kind === "batch");
    });

    test("an appender's batches keep their order, whether they are sealed here or on a thread", async () => {
      const runtime = new VirtualRuntime({ seed: 1 });
      const { threads, timers } = runtime;
      // A thread that takes its time with large jobs: the later, the sooner it is done.
      let delayMs = 1000;
      const slow: Runtime["threads"]["seal"] = (job) => {
        if (job.plain.length < 100) return threads.seal(job);
        delayMs -= 100;
        return new Promise((resolve) => timers.set(delayMs, () => resolve(threads.seal(job))));
      };
      Object.assign(runtime, { threads: { ...threads, seal: slow } });
      const h = await encrypted(cipher, sharedStore(), runtime);
      const appender = await h.until(h.engine.openAppender(BASIN, STREAM, { config: {}, encryptionKey: KEY }));
      const bodies = ["small 0", `large 1 ${"x".repeat(200)}`, "small 2", `large 3 ${"x".repeat(200)}`, "small 4"];
      const acks = await h.until(Promise.all(bodies.map((body) => appender.append(json([{ body }])))));
      assert.deepEqual(
        acks.map((ack) => ack.start.seqNum),
        [0, 1, 2, 3, 4],
      );
      const event = await h.until((await open(h, {})).next());
      assert.ok(event.kind === "batch");
      assert.deepEqual(
        recordsOf(event.slices).map(({ body }) => body),
        bodies,
      );
    });

    test("the cipher is the stream's for good, whatever becomes of the basin's", async () => {
      const h = await encrypted(cipher);
      await h.until(h.engine.basins.reconfigure(BASIN, { streamCipher: null }));
      await h.until(h.engine.streams.ensure(BASIN, STREAM, { storageClass: "standard" }));
      await h.until(h.engine.streams.ensure(BASIN, "later", {}));
      const cipherOf = async (stream: string) => (await h.until(h.engine.streams.get(BASIN, stream))).info.cipher;
      assert.equal(await cipherOf(STREAM), cipher);
      assert.equal(await cipherOf("later"), null);
      // In the clear, any key is ignored.
      await h.until(
        h.engine.append(BASIN, "later", json([{ body: "x" }]), { config: {}, encryptionKey: new EncryptionKey("?") }),
      );
      assert.deepEqual(await h.readAll(0, "later"), ["x"]);
    });

    test("whatever is appended is read, and opens only as what it was: key, stream, incarnation, basin", async () => {
      const runtime = new VirtualRuntime({ seed: 7 });
      const streamOf = (id: number, basin: number) =>
        new Stream(
          Buffer.alloc(16, id),
          Buffer.alloc(16, basin).toString("hex"),
          STREAM,
          0,
          DEFAULT_STREAM_CONFIG,
          cipher,
          "",
        );
      const encryption = (id: number, basin: number, key: EncryptionKey) => {
        const bound = streamEncryption(runtime, streamOf(id, basin), key);
        assert.ok(bound !== undefined);
        return bound;
      };
      const own = encryption(1, 1, KEY);
      await fc.assert(
        fc.asyncProperty(
          fc.array(
            fc.record({
              headers: fc.array(fc.tuple(fc.string({ minLength: 1, maxLength: 20 }), fc.string({ maxLength: 20 })), {
                maxLength: 3,
              }),
              body: fc.string({ maxLength: 300 }),
            }),
            { minLength: 1, maxLength: 8 },
          ),
          fc.integer({ min: 0, max: 2 ** 40 }),
          async (records, firstSeqNum) => {
            const input = json(records);
            const timestamps = Uint32Array.of(5, 6);
            const store = ({ batch }: AppendInput) => {
              const stored = new Uint8Array(storedBatchBytes(batch, firstSeqNum, timestamps));
              writeStoredBatch(stored, 0, batch, firstSeqNum, timestamps);
              return stored;
            };
            const clear = store(input);
            const sealed = store(await sealInput(own, input));
            const opened = await openRun(own, [sealed]);
            assert.deepEqual(Buffer.from(opened.run), Buffer.from(clear));
            assert.equal(opened.meteredBytes, input.batch.meteredBytes);
            assert.equal(opened.count, records.length);
            for (const other of [encryption(2, 1, KEY), encryption(1, 2, KEY), encryption(1, 1, OTHER_KEY)]) {
              const foreign = await openRun(other, [sealed]);
              assert.equal(foreign.failed, true);
              assert.equal(foreign.count, 0);
            }
            // The key is a stream's own already; what a record is bound to differs as well.
            const swapped = await openRun({ ...own, context: encryption(2, 1, KEY).context }, [sealed]);
            assert.equal(swapped.failed, true);
          },
        ),
        { numRuns: 40, endOnFailure: true },
      );
    });
  });
}

test("AES-256-GCM seals up to sequence number 2^32 - 1 and no further; commands and AEGIS-256 go on", () => {
  const at = (cipher: StreamCipher | null, nextSeqNum: number, input: AppendInput) => {
    const stream = new Stream(Buffer.alloc(16, 1), "00", STREAM, 0, DEFAULT_STREAM_CONFIG, cipher, "");
    stream.assigned.nextSeqNum = nextSeqNum;
    return sequence(stream, input, 1, new Chunk(0), new SlabAllocator()).nextSeqNum;
  };
  const one = inputOf({ bodies: ["a"] });
  const two = inputOf({ bodies: ["a", "b"] });
  const trailing = inputOf({ bodies: ["a", "f"], commands: [{ kind: "fence", index: 1, token: "f" }] });
  const command = inputOf({ bodies: ["f"], commands: [{ kind: "fence", index: 0, token: "f" }] });
  const last = 2 ** 32 - 1;
  assert.equal(at("aes-256-gcm", last, one), last + 1);
  assert.equal(at("aes-256-gcm", last - 1, two), last + 1);
  assert.equal(at("aes-256-gcm", last, trailing), last + 2);
  assert.equal(at("aes-256-gcm", last + 1, command), last + 2);
  assert.throws(() => at("aes-256-gcm", last, two), code("invalid"));
  assert.throws(() => at("aes-256-gcm", last + 1, one), code("invalid"));
  assert.throws(() => at("aes-256-gcm", last + 1, trailing), code("invalid"));
  assert.equal(at("aegis-256", last + 1, one), last + 2);
  assert.equal(at(null, last + 1, one), last + 2);
});

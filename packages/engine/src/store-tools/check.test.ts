// A check finds a healthy store clean, also while it is in use, and names whatever is planted: each kind of damage, and garbage apart from it.
import assert from "node:assert/strict";
import { test } from "node:test";
import { crc32 } from "node:zlib";
import { FaultyStore, MemoryStore } from "../object-store/index.ts";
import { systemRuntime, VirtualRuntime } from "../runtime/index.ts";
import { CHUNK_HEADER_BYTES, ENTRY_HEADER_BYTES, encodeLogObjectHeader, entryBytes } from "../shard/chunk-format.ts";
import { manifestKey, segmentKey, segmentPrefix, walKey, walPrefix } from "../shard/keys.ts";
import { encodeManifest, type Manifest, newestManifest } from "../shard/manifest.ts";
import { Harness, sharedStore } from "../testing/harness.ts";
import { readSample, SAMPLE_LIMITS, writeSample } from "../testing/sample-store.ts";
import { type CheckReport, checkStore } from "./check.ts";

async function sample(): Promise<MemoryStore> {
  const store = new MemoryStore({ exclusive: false });
  await writeSample(store);
  return store;
}

function check(view: MemoryStore): Promise<CheckReport> {
  return checkStore({ runtime: systemRuntime, view });
}

async function manifestOf(store: MemoryStore): Promise<Manifest> {
  const manifest = await newestManifest(store, 0);
  assert.ok(manifest !== undefined);
  return manifest;
}

function segmentKeys({ segments }: Manifest): string[] {
  return segments.map(({ epoch, incarnation, number }) => segmentKey(0, epoch, incarnation, number));
}

/** The last chunk of the log that has records. */
async function lastChunk(store: MemoryStore): Promise<string> {
  for (const key of (await store.list(walPrefix(0))).toReversed()) if ((await store.get(key)).length > 200) return key;
  throw new Error("there is none");
}

async function rewrite(
  store: MemoryStore,
  key: string,
  change: (bytes: Buffer) => Uint8Array | undefined,
): Promise<void> {
  const bytes = Buffer.from(await store.get(key));
  await store.put(key, [change(bytes) ?? bytes]);
}

const flipAt = (offset: number) => (bytes: Buffer) => {
  bytes[offset < 0 ? bytes.length + offset : offset] ^= 0x10;
  return undefined;
};

/** Rewrites a chunk's content with all its checksums right, as a writer with a bug would. */
function rewriteEntries(change: (content: Buffer) => Buffer): (bytes: Buffer) => Uint8Array {
  return (bytes) => {
    const content = change(Buffer.from(bytes.subarray(CHUNK_HEADER_BYTES)));
    let contentCrc = 0;
    let entryCount = 0;
    for (let at = 0; at < content.length; at += entryBytes(content, at)) {
      content.writeUInt32LE(crc32(content.subarray(at + 4, at + entryBytes(content, at))), at);
      contentCrc = crc32(content.subarray(at, at + 4), contentCrc);
      entryCount += 1;
    }
    const header = encodeLogObjectHeader({
      kind: "chunk",
      place: Number(bytes.readBigUInt64LE(8)),
      epoch: Number(bytes.readBigUInt64LE(16)),
      incarnation: bytes.subarray(24, 40),
      nextPlace: Number(bytes.readBigUInt64LE(40)),
      entryCount,
      contentBytes: content.length,
      contentCrc,
    });
    return Buffer.concat([header, content]);
  };
}

test("a healthy store is clean, whoever has crashed on it", async () => {
  const store = await sample();
  const report = await check(store);
  assert.deepEqual(report.damage.told, []);
  assert.ok(report.segments > 3 && report.records > 100 && report.streams >= 10, JSON.stringify(report));
  assert.equal(report.epoch, 3);
  assert.deepEqual(report.garbage.orphanedSegments, []);
  const bytes = (await store.listObjects("")).reduce((sum, object) => sum + object.bytes, 0);
  assert.ok(report.bytes <= bytes && report.bytes > bytes / 2, `${report.bytes} of ${bytes}`);
});

test("a store that nobody has written to is clean, and one without a deployment cannot be checked", async () => {
  const store = sharedStore() as MemoryStore;
  await assert.rejects(check(store), /holds no deployment/);
  await Harness.open(store);
  assert.deepEqual((await check(store)).damage.told, []);
});

interface Plant {
  readonly what: string;
  /** Answers the key that must be named. */
  readonly plant: (store: MemoryStore) => Promise<string>;
  readonly says: RegExp;
}

const PLANTS: readonly Plant[] = [
  {
    what: "a bit of a record in the log",
    plant: async (store) => {
      const key = await lastChunk(store);
      await rewrite(store, key, flipAt(CHUNK_HEADER_BYTES + ENTRY_HEADER_BYTES + 3));
      return key;
    },
    says: /checksum of the entry/,
  },
  {
    what: "a bit of a chunk's header",
    plant: async (store) => {
      const key = await lastChunk(store);
      await rewrite(store, key, flipAt(20));
      return key;
    },
    says: /header's checksum/,
  },
  {
    what: "a chunk without its end",
    plant: async (store) => {
      const key = await lastChunk(store);
      await rewrite(store, key, (bytes) => bytes.subarray(0, -7));
      return key;
    },
    says: /bytes long/,
  },
  {
    what: "a chunk under another's place",
    plant: async (store) => {
      const key = await lastChunk(store);
      const place = Number(key.slice(-16));
      await store.put(key, [await store.get(walKey(0, place - 1))]);
      return key;
    },
    says: /it says that it belongs to place/,
  },
  {
    what: "a hole in the log",
    plant: async (store) => {
      const manifest = await manifestOf(store);
      // A window or more stands behind it, after a takeover.
      await readSample(store, { streams: [], gone: [], wallMs: Date.UTC(2027, 0, 1) });
      const key = walKey(0, manifest.logStart);
      await store.delete(key);
      return key;
    },
    says: /it is missing/,
  },
  {
    what: "records that jump, under right checksums",
    plant: async (store) => {
      const key = await lastChunk(store);
      const jump = (content: Buffer) => {
        content.writeUInt32LE(content.readUInt32LE(32) + 1, 32);
        return content;
      };
      await rewrite(store, key, rewriteEntries(jump));
      return key;
    },
    says: /begins at \d+, not \d+/,
  },
  {
    what: "records that are not what their entry says",
    plant: async (store) => {
      const key = await lastChunk(store);
      const lessByOne = (content: Buffer) => {
        content.writeUInt16LE(2, 10);
        return content;
      };
      await rewrite(store, key, rewriteEntries(lessByOne));
      return key;
    },
    says: /has 1 records, not 2/,
  },
  {
    what: "an entry of a stream that was never created",
    plant: async (store) => {
      const key = await lastChunk(store);
      const others = (content: Buffer) => {
        content.fill(0xee, 16, 32);
        return content;
      };
      await rewrite(store, key, rewriteEntries(others));
      return key;
    },
    says: /never created/,
  },
  {
    what: "an entry of a kind that is not known",
    plant: async (store) => {
      const key = await lastChunk(store);
      const unknown = (content: Buffer) => {
        content[8] = 77;
        return content;
      };
      await rewrite(store, key, rewriteEntries(unknown));
      return key;
    },
    says: /unknown kind 77/,
  },
  {
    what: "a chunk of an epoch that is over",
    plant: async (store) => {
      const { logStart } = await manifestOf(store);
      const key = walKey(0, logStart);
      await rewrite(store, key, (bytes) =>
        Buffer.concat([
          encodeLogObjectHeader({
            kind: "chunk",
            place: logStart,
            epoch: 1,
            incarnation: bytes.subarray(24, 40),
            nextPlace: logStart + 1,
            entryCount: bytes.readUInt32LE(48),
            contentBytes: bytes.readUInt32LE(52),
            contentCrc: bytes.readUInt32LE(56),
          }),
          bytes.subarray(CHUNK_HEADER_BYTES),
        ]),
      );
      return key;
    },
    says: /it is of epoch 1, in the log of epoch 3/,
  },
  {
    what: "a bit of the manifest",
    plant: async (store) => {
      const key = manifestKey(0, (await manifestOf(store)).version);
      await rewrite(store, key, flipAt(30));
      return key;
    },
    says: /its checksum is wrong/,
  },
  {
    what: "a marker that is gone",
    plant: async (store) => {
      const key = manifestKey(0, (await manifestOf(store)).markers[1]);
      await store.delete(key);
      return key;
    },
    says: /missing, and marks an epoch/,
  },
  {
    what: "a fence that is gone",
    plant: async (store) => {
      const key = walKey(0, (await manifestOf(store)).fences[0]);
      await store.delete(key);
      return key;
    },
    says: /missing, and is a fence/,
  },
  {
    what: "a fence that is none",
    plant: async (store) => {
      const manifest = await manifestOf(store);
      const key = walKey(0, manifest.fences[0]);
      await rewrite(store, key, flipAt(0));
      return key;
    },
    says: /does not start like a log object/,
  },
  {
    what: "a segment that is gone",
    plant: async (store) => {
      const [key] = segmentKeys(await manifestOf(store));
      await store.delete(key);
      return key;
    },
    says: /it is missing/,
  },
  {
    what: "a bit of a segment's footer",
    plant: async (store) => {
      const [, key] = segmentKeys(await manifestOf(store));
      await rewrite(store, key, flipAt(-10));
      return key;
    },
    says: /footer's checksum/,
  },
  {
    what: "a bit of a segment's index",
    plant: async (store) => {
      const [, key] = segmentKeys(await manifestOf(store));
      await rewrite(store, key, flipAt(-70));
      return key;
    },
    says: /index's checksum/,
  },
  {
    what: "a bit of a segment's catalog",
    plant: async (store) => {
      const { segments } = await manifestOf(store);
      const { bytes, metaBytes, epoch, incarnation, number } = segments[1];
      const key = segmentKey(0, epoch, incarnation, number);
      await rewrite(store, key, flipAt(bytes - metaBytes + 60));
      return key;
    },
    says: /checksum of the entry/,
  },
  {
    what: "a bit of a segment's records",
    plant: async (store) => {
      const [key] = segmentKeys(await manifestOf(store));
      await rewrite(store, key, flipAt(ENTRY_HEADER_BYTES + 5));
      return key;
    },
    says: /the run at 0 .*checksum/,
  },
  {
    what: "a segment without its end",
    plant: async (store) => {
      const [key] = segmentKeys(await manifestOf(store));
      await rewrite(store, key, (bytes) => bytes.subarray(0, -100));
      return key;
    },
    says: /does not end like a segment/,
  },
  {
    what: "a segment under another's name",
    plant: async (store) => {
      const [one, other] = segmentKeys(await manifestOf(store));
      const { segments } = await manifestOf(store);
      const manifest = await manifestOf(store);
      const [first, second, ...rest] = segments;
      const renamed = { ...first, bytes: second.bytes, metaBytes: second.metaBytes };
      await store.put(one, [await store.get(other)]);
      await store.put(manifestKey(0, manifest.version), [
        encodeManifest({ ...manifest, segments: [renamed, second, ...rest] }),
      ]);
      return one;
    },
    says: /it says that it is number/,
  },
  {
    what: "a segment that is not named, so that records are missing",
    plant: async (store) => {
      const manifest = await manifestOf(store);
      const [first, , ...rest] = manifest.segments;
      await store.put(manifestKey(0, manifest.version), [encodeManifest({ ...manifest, segments: [first, ...rest] })]);
      return segmentKeys(manifest)[2];
    },
    says: /records of stream [0-9a-f]{32} before \d+ are missing/,
  },
  {
    what: "a bit of deployment.json",
    plant: async (store) => {
      const json = (await store.get("deployment.json")).toString();
      await store.put("deployment.json", [Buffer.from(json.replace('"leaseMs": 1500', '"leaseMs": 1501'))]);
      return "deployment.json";
    },
    says: /its checksum is wrong/,
  },
];

for (const { what, plant, says } of PLANTS)
  test(`${what} is found and named`, async () => {
    const store = await sample();
    const key = await plant(store);
    const { damage } = await check(store);
    const named = damage.told.filter((each) => each.key === key);
    assert.ok(
      named.some((each) => says.test(each.what)),
      `${key} is not named so:\n${damage.told.map((each) => `${each.key}: ${each.what}`).join("\n")}`,
    );
  });

test("what lies about is told apart from damage", async () => {
  const store = await sample();
  const manifest = await manifestOf(store);
  const { incarnation } = manifest;
  const orphan = segmentKey(0, 1, "ab".repeat(16), 77);
  const underWay = segmentKey(0, manifest.epoch, incarnation, manifest.nextSegment);
  await store.put(orphan, [Buffer.from("an orphan")]);
  await store.put(underWay, [Buffer.from("on its way")]);
  await store.put(walKey(0, 3), [Buffer.from("flushed long ago")]);
  await store.put("probe-0123456789abcdef", [Buffer.from("x")]);
  await store.put(manifestKey(0, manifest.version - 1), [Buffer.from("followed")]);
  const { damage, garbage } = await check(store);
  assert.deepEqual(damage.told, []);
  assert.deepEqual(
    garbage.orphanedSegments.map(({ key }) => key),
    [orphan],
  );
  assert.deepEqual(
    garbage.unnamedSegments.map(({ key }) => key),
    [underWay],
  );
  assert.ok(garbage.flushedChunks.some(({ key }) => key === walKey(0, 3)));
  assert.deepEqual(
    garbage.oldManifests.map(({ key }) => key),
    [manifestKey(0, manifest.version - 1)],
  );
  assert.deepEqual(
    garbage.strangers.map(({ key }) => key),
    ["probe-0123456789abcdef"],
  );
});

test("a store in use is clean: what is flushed and collected meanwhile is looked for in the newer manifest", async () => {
  const store = sharedStore() as MemoryStore;
  const h = await (await Harness.open(store, new VirtualRuntime({ seed: 1 }), SAMPLE_LIMITS)).withStream();
  const append = () => h.until(h.append({ bodies: ["x".repeat(100)] }));
  for (let i = 0; i < 40; i += 1) await append();
  // Each request of the check finds the store further on, and what it was about to read perhaps collected.
  const runtime = new VirtualRuntime({ seed: 5 });
  let requests = 0;
  class Moving extends MemoryStore {
    override async get(key: string): Promise<Uint8Array> {
      await move();
      return store.get(key);
    }
    override async getRange(key: string, offset: number, length: number): Promise<Uint8Array> {
      await move();
      return store.getRange(key, offset, length);
    }
    override list(prefix: string, after?: string): Promise<string[]> {
      return store.list(prefix, after);
    }
    override listObjects(prefix: string, after?: string) {
      return store.listObjects(prefix, after);
    }
  }
  let moving = Promise.resolve();
  const move = () => {
    requests += 1;
    if (requests % 7 !== 0 || requests > 60) return moving;
    moving = moving.then(async () => {
      for (let i = 0; i < 20; i += 1) await append();
      await h.runtime.advance(80_000);
    });
    return moving;
  };
  const report = await checkStore({ runtime, view: new Moving() });
  assert.deepEqual(report.damage.told, []);
  assert.ok(report.restarts > 0, "nothing has moved");
  assert.equal(h.halts.length, 0);
});

test("what a listing has passed over, because it was put while that went on, is not missing", async () => {
  const store = await sample();
  // A takeover behind it, so that the places stand a window or more before the end.
  await readSample(store, { streams: [], gone: [], wallMs: Date.UTC(2027, 0, 1) });
  const { logStart } = await manifestOf(store);
  for (const passedOver of [[logStart], [logStart + 1, logStart + 2], [logStart, logStart + 1, logStart + 3]]) {
    const hidden = new Set(passedOver.map((place) => walKey(0, place)));
    const runtime = new VirtualRuntime({ seed: 1 });
    const view = Object.assign(new FaultyStore(store, runtime), {
      list: async (prefix: string, after?: string) =>
        (await store.list(prefix, after)).filter((key) => !hidden.has(key)),
      listObjects: (prefix: string, after?: string) => store.listObjects(prefix, after),
    });
    const report = await runtime.until(checkStore({ runtime, view }));
    assert.deepEqual(report.damage.told, []);
    assert.equal(report.logEnd, (await check(store)).logEnd, "it goes on to the end");
  }
});

test("a store that does not answer cannot be checked", async () => {
  const store = await sample();
  const runtime = new VirtualRuntime({ seed: 1 });
  const faulty = new FaultyStore(store, runtime, ({ key }) =>
    key.startsWith(segmentPrefix(0)) && key !== segmentPrefix(0) ? { failBefore: "unavailable" } : undefined,
  );
  const view = Object.assign(faulty, {
    listObjects: (prefix: string, after?: string) => store.listObjects(prefix, after),
  });
  await assert.rejects(runtime.until(checkStore({ runtime, view })), /unavailable/);
});

test("a segment that is gone is not called missing while nobody can tell whether a manifest names it", async () => {
  const store = await sample();
  const [gone] = segmentKeys(await manifestOf(store));
  const runtime = new VirtualRuntime({ seed: 1 });
  let looks = 0;
  const faulty = new FaultyStore(store, runtime, ({ key, kind }) => {
    if (looks === 2 && kind === "list") return { failBefore: "unavailable" };
    if (kind === "getRange" && key === gone) looks += 1;
    // The survey has had its catalog; now that its records are wanted, it is gone, and no manifest can be listed.
    if (looks === 2) void store.delete(gone);
    return undefined;
  });
  const view = Object.assign(faulty, {
    listObjects: (prefix: string, after?: string) => store.listObjects(prefix, after),
  });
  await assert.rejects(runtime.until(checkStore({ runtime, view })), /unavailable/);
});

test("entries that are rewritten keep their form", async () => {
  const store = await sample();
  const key = await lastChunk(store);
  const before = Buffer.from(await store.get(key));
  await rewrite(
    store,
    key,
    rewriteEntries((content) => content),
  );
  assert.ok(before.equals(await store.get(key)));
});

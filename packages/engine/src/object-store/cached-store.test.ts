// A cache on a disk in front of a store: the same bytes always, from the disk where they are there and whole, within its bound, through whatever becomes
// of its files.
import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { systemRuntime, VirtualRuntime } from "../runtime/index.ts";
import { CACHE_BLOCK_BYTES, CachedStore } from "./cached-store.ts";
import { describeStoreContract, kind } from "./contract.ts";
import { CountingStore } from "./counting-store.ts";
import { DiskCache } from "./disk-cache/disk-cache.ts";
import { FaultyStore } from "./faulty-store.ts";
import { MemoryStore } from "./memory-store.ts";
import type { ObjectStore } from "./object-store.ts";
import { StoreOpenError } from "./store-open-error.ts";

const temporary = mkdtempSync(join(tmpdir(), "tailrace-disk-cache-"));
after(() => rmSync(temporary, { recursive: true }));
let directories = 0;
const MUCH = 1024 * CACHE_BLOCK_BYTES;
const BLOCK = CACHE_BLOCK_BYTES;

interface Cached {
  readonly directory: string;
  readonly cache: DiskCache;
  readonly memory: MemoryStore;
  readonly counting: CountingStore;
  readonly store: CachedStore;
}

async function cached(
  maxBytes = MUCH,
  {
    directory = join(temporary, String(directories++)),
    memory = new MemoryStore(),
    through = (store: ObjectStore) => store,
  } = {},
): Promise<Cached> {
  const cache = DiskCache.open(directory, maxBytes);
  await cache.ready;
  const counting = new CountingStore(memory, { clock: systemRuntime.clock });
  const store = new CachedStore(through(counting), { cache, isImmutable: (key) => key.startsWith("kept/") });
  return { directory, cache, memory, counting, store };
}

/** Every byte says where it is. */
function object(bytes: number, salt = 0): Uint8Array {
  const words = new Uint32Array(Math.ceil(bytes / 4));
  for (let i = 0; i < words.length; i += 1) words[i] = Math.imul(i + salt + 1, 2654435761);
  return new Uint8Array(words.buffer, 0, bytes);
}

/** What was put is on the disk: a cache that is closed has written all. */
async function reopened(it: Cached, maxBytes = MUCH): Promise<Cached> {
  await it.cache.close();
  return cached(maxBytes, { directory: it.directory, memory: it.memory });
}

function files(directory: string): string[] {
  return readdirSync(join(directory, "blocks")).map((name) => join(directory, "blocks", name));
}

describeStoreContract("CachedStore", async () => {
  const directory = join(temporary, "contract");
  const cache = DiskCache.open(directory, MUCH);
  const store = new CachedStore(new MemoryStore(), { cache, isImmutable: (key) => key.startsWith("kept/") });
  return { store, end: () => store.close() };
});

describe("CachedStore", () => {
  it("answers every range as the store does, the first time and again, and asks for it once", async () => {
    const bytes = object(3 * BLOCK + 1_000);
    const first = await cached();
    await first.memory.put("kept/a", [bytes]);
    const ranges: [number, number][] = [
      [0, 10],
      [BLOCK - 5, 10],
      [0, 3 * BLOCK + 1_000],
      [3 * BLOCK, 5_000],
      [3 * BLOCK + 999, 1],
      [BLOCK, BLOCK],
      [2 * BLOCK + 7, 10 * BLOCK],
      [5 * BLOCK, 10],
      [3, 0],
    ];
    const check = async ({ store }: Cached) => {
      for (const [offset, length] of ranges) {
        const found = await store.getRange("kept/a", offset, length);
        assert.equal(Buffer.compare(found, bytes.subarray(offset, offset + length)), 0, `${offset} ${length}`);
        if (length > 0) assert.equal(found.buffer.byteLength, found.length, "nothing else is kept in memory with it");
      }
    };
    await check(first);
    const second = await reopened(first);
    await check(second);
    // What is beyond the end is asked for each time, and so is nothing.
    assert.ok(second.counting.counts.getRange <= 3, String(second.counting.counts.getRange));
    assert.ok(second.cache.counts.hits > 10);
    await second.store.close();
  });

  it("asks for neighbours with one request, and for what is on its way not again", async () => {
    const it = await cached();
    await it.memory.put("kept/a", [object(8 * BLOCK)]);
    await Promise.all([
      it.store.getRange("kept/a", 0, 8 * BLOCK),
      it.store.getRange("kept/a", 10, 100),
      it.store.getRange("kept/a", BLOCK, 3 * BLOCK),
    ]);
    assert.equal(it.counting.counts.getRange, 1);
    await it.store.close();
  });

  it("leaves alone what may change, and whole objects", async () => {
    const it = await cached();
    await it.memory.put("other/a", [object(10)]);
    await it.memory.put("kept/a", [object(10)]);
    for (let i = 0; i < 3; i += 1) {
      await it.store.getRange("other/a", 0, 10);
      await it.store.get("kept/a");
    }
    assert.deepEqual([it.counting.counts.getRange, it.counting.counts.get], [3, 3]);
    assert.equal(it.cache.counts.hits + it.cache.counts.misses, 0);
    await it.store.close();
    assert.deepEqual(files(it.directory), []);
  });

  it("takes no damaged file for what it was, and asks the store", async () => {
    const bytes = object(4 * BLOCK);
    let it = await cached();
    await it.memory.put("kept/a", [bytes]);
    await it.store.getRange("kept/a", 0, 4 * BLOCK);
    it = await reopened(it);
    const [bit, cut, empty, swapped] = files(it.directory).toSorted();
    const damaged = readFileSync(bit);
    damaged[4_711] ^= 1;
    writeFileSync(bit, damaged);
    truncateSync(cut, 1_000);
    truncateSync(empty, 0);
    const other = object(BLOCK, 5);
    await it.memory.put("kept/b", [other]);
    await it.store.getRange("kept/b", 0, BLOCK);
    it = await reopened(it);
    const ofOther = files(it.directory).find((path) => path.includes("kept+b")) ?? "";
    // Whole, and another's.
    writeFileSync(swapped, readFileSync(ofOther));
    assert.equal(Buffer.compare(await it.store.getRange("kept/a", 0, 4 * BLOCK), bytes), 0);
    assert.equal(it.cache.counts.damaged, 4);
    it = await reopened(it);
    assert.equal(Buffer.compare(await it.store.getRange("kept/a", 0, 4 * BLOCK), bytes), 0);
    assert.deepEqual([it.cache.counts.damaged, it.cache.counts.hits, it.counting.counts.getRange], [0, 4, 0]);
    await it.store.close();
  });

  it("keeps within its bound, and what was used last", async () => {
    const maxBytes = 10 * (BLOCK + 8);
    let it = await cached(maxBytes);
    await it.memory.put("kept/a", [object(40 * BLOCK)]);
    for (let block = 0; block < 40; block += 1) {
      await it.store.getRange("kept/a", block * BLOCK, 1);
      await it.store.getRange("kept/a", 0, 1);
      // Each is on the disk before the next is asked for.
      if (block % 5 === 4) {
        const size = () => files(it.directory).reduce((sum, path) => sum + statSync(path).size, 0);
        it = await reopened(it, maxBytes);
        assert.ok(size() <= maxBytes && it.cache.bytes === size(), `${size()} of ${maxBytes}`);
      }
    }
    const before = it.counting.counts.getRange;
    await it.store.getRange("kept/a", 0, 1);
    assert.equal(it.counting.counts.getRange, before, "what is used all the time stays");
    it = await reopened(it, 2 * (BLOCK + 8));
    assert.equal(files(it.directory).length, 2, "also when there is less room than before");
    await it.store.close();
  });

  it("forgets what is deleted, and sweeps what a crash has left", async () => {
    let it = await cached();
    for (const key of ["kept/a", "kept/b", "kept/c"]) {
      await it.memory.put(key, [object(2 * BLOCK)]);
      await it.store.getRange(key, 0, 2 * BLOCK);
    }
    it = await reopened(it);
    await it.store.delete("kept/a");
    await it.store.deleteMany(["kept/b", "kept/never"]);
    await assert.rejects(it.store.getRange("kept/a", 0, 10), kind("absent"));
    writeFileSync(join(it.directory, "blocks", "kept+c+0.7.tmp"), "half");
    it = await reopened(it);
    assert.deepEqual(
      files(it.directory)
        .map((path) => path.slice(path.lastIndexOf("/") + 1))
        .toSorted(),
      ["kept+c+0", "kept+c+1"],
    );
    await it.store.close();
  });

  it("is one process's", async () => {
    const it = await cached();
    assert.throws(() => DiskCache.open(it.directory, MUCH), StoreOpenError);
    await it.store.close();
    await DiskCache.open(it.directory, MUCH).close();
  });

  it("goes on without a disk that takes nothing", async () => {
    const it = await cached();
    await it.memory.put("kept/a", [object(2 * BLOCK)]);
    rmSync(join(it.directory, "blocks"), { recursive: true });
    for (let i = 0; i < 3; i += 1) assert.equal((await it.store.getRange("kept/a", 0, 2 * BLOCK)).length, 2 * BLOCK);
    await it.store.close();
    assert.ok(it.cache.counts.unkept > 0);
  });

  it("tells everybody who waits that a get has failed, and asks again the next time", async () => {
    const runtime = new VirtualRuntime({ seed: 1 });
    let fails = true;
    const it = await cached(MUCH, {
      through: (store) => new FaultyStore(store, runtime, () => (fails ? { failBefore: "unavailable" } : undefined)),
    });
    await it.memory.put("kept/a", [object(BLOCK)]);
    const asked = [it.store.getRange("kept/a", 0, 10), it.store.getRange("kept/a", 20, 10)];
    for (const each of asked) await assert.rejects(each, kind("unavailable"));
    fails = false;
    assert.equal((await it.store.getRange("kept/a", 0, 10)).length, 10);
    await it.store.close();
  });
});

// Races between takers, each stopped at the step where it hurts. Virtual time, one store in memory.
import assert from "node:assert/strict";
import { test } from "node:test";
import { SILENT_LOGGER } from "../logger.ts";
import { FaultyStore, MemoryStore, type ObjectStore, type StoreOperation } from "../object-store/index.ts";
import { VirtualRuntime } from "../runtime/index.ts";
import { Harness } from "../testing/harness.ts";
import { encodeLogObjectHeader, type LogObjectKind } from "./chunk-format.ts";
import { manifestKey, manifestPrefix, walKey, walPrefix } from "./keys.ts";
import { encodeManifest, loadManifest, NO_MANIFEST, newestManifestVersion } from "./manifest.ts";
import { takeOver } from "./takeover.ts";

/** A taker that sleeps before the first operation that `when` picks, until it is woken. */
function sleeper(memory: MemoryStore, seed: number, when: (operation: StoreOperation) => boolean) {
  const runtime = new VirtualRuntime({ seed });
  const { store, wake, slept } = sleepingStore(memory, runtime, when);
  const harness = Harness.start(store, runtime);
  return { harness, wake, slept };
}

/** A store that holds up the first operation that `when` picks, until `wake`. */
function sleepingStore(memory: MemoryStore, runtime: VirtualRuntime, when: (operation: StoreOperation) => boolean) {
  let wake = () => {};
  const held = new Promise<void>((resolve) => {
    wake = resolve;
  });
  let slept = false;
  const store = new FaultyStore(memory, runtime, (operation) => {
    if (slept || !when(operation)) return undefined;
    slept = true;
    return { holdBefore: held };
  });
  return { store, wake: () => wake(), slept: () => slept };
}

test("a taker that loses the race for the fence reads what won it, and goes on from there", async () => {
  const memory = new MemoryStore({ exclusive: false });
  const first = await (await Harness.open(memory)).withStream();
  await first.until(first.append({ bodies: ["a"] }));
  const late = sleeper(memory, 2, ({ kind, key }) => kind === "putIfAbsent" && key.startsWith(walPrefix(0)));
  await late.harness.runtime.settle();
  assert.ok(late.slept());
  const winner = await Harness.open(memory, new VirtualRuntime({ seed: 3 }));
  await winner.until(winner.append({ bodies: ["b"] }));
  late.wake();
  await late.harness.until(late.harness.engine.started);
  assert.deepEqual(await late.harness.readAll(), ["a", "b"]);
  assert.equal((await late.harness.until(late.harness.append({ bodies: ["c"] }))).start.seqNum, 2);
  await assert.rejects(winner.until(winner.append({ bodies: ["never"] })));
  assert.equal(winner.halts[0]?.name, "DeposedError");
});

test("a taker that slept behind its fence sees the later epoch's marker, and starts over", async () => {
  const memory = new MemoryStore({ exclusive: false });
  const first = await (await Harness.open(memory)).withStream();
  await first.until(first.append({ bodies: ["a"] }));
  let fenced = false;
  const late = sleeper(memory, 2, ({ kind, key }) => {
    if (kind === "putIfAbsent" && key.startsWith(walPrefix(0))) fenced = true;
    return fenced && kind === "list" && key.startsWith(manifestPrefix(0));
  });
  await late.harness.runtime.settle();
  assert.ok(late.slept());
  const other = await Harness.open(memory, new VirtualRuntime({ seed: 3 }));
  await other.until(other.append({ bodies: ["b"] }));
  late.wake();
  await late.harness.until(late.harness.engine.started);
  assert.deepEqual(await late.harness.readAll(), ["a", "b"]);
  // Epochs of markers never go back: 1, then 3 for who overtook, then 4 for who started over.
  const epochs: number[] = [];
  const newest = (await newestManifestVersion(memory, 0)) ?? -1;
  for (let version = 0; version <= newest; version += 1) epochs.push((await loadManifest(memory, 0, version)).epoch);
  assert.deepEqual(epochs, [1, 3, 4]);
});

test("what an old owner had in flight beyond the fence is void", async () => {
  const memory = new MemoryStore({ exclusive: false });
  const runtime = new VirtualRuntime({ seed: 1 });
  const store = new FaultyStore(memory, runtime);
  const old = await (await Harness.open(store, runtime)).withStream();
  await old.until(old.append({ bodies: ["a"] }));
  // The put of one chunk never arrives, that of the next one does.
  let puts = 0;
  store.hook = ({ kind, key }) => {
    if (kind !== "putIfAbsent" || !key.startsWith(walPrefix(0))) return undefined;
    puts += 1;
    return puts === 1 ? { holdBefore: new Promise(() => {}) } : undefined;
  };
  const lost = old.append({ bodies: ["lost"] }).catch((error: unknown) => error);
  await runtime.settle();
  const beyond = old.append({ bodies: ["void"] }).catch((error: unknown) => error);
  await runtime.settle();
  assert.equal(puts, 2);
  const taker = await Harness.open(memory, new VirtualRuntime({ seed: 2 }));
  await taker.until(taker.append({ bodies: ["b"] }));
  assert.deepEqual(await taker.readAll(), ["a", "b"]);
  // And it stays void for whoever reads the log after that.
  const third = await Harness.open(memory, new VirtualRuntime({ seed: 3 }));
  assert.deepEqual(await third.readAll(), ["a", "b"]);
  await runtime.advance(6_000);
  assert.ok((await lost) instanceof Error);
  assert.ok((await beyond) instanceof Error);
});

test("a request that fails now and then does not end a takeover", async () => {
  const memory = new MemoryStore({ exclusive: false });
  const first = await (await Harness.open(memory)).withStream();
  for (let i = 0; i < 20; i += 1) await first.until(first.append({ bodies: [`${i}`] }));
  const runtime = new VirtualRuntime({ seed: 2 });
  const chance = new VirtualRuntime({ seed: 3 }).random;
  const flaky = (store: MemoryStore) =>
    new FaultyStore(store, runtime, () => (chance.fraction() < 0.2 ? { failBefore: "unavailable" } : undefined));
  const next = Harness.start(flaky(memory), runtime);
  await next.until(next.engine.started);
  await next.until(Harness.start(flaky(new MemoryStore()), runtime).engine.started);
  assert.equal(next.engine.stats().streams, 2);
});

test("a store that only fails is given up, at founding and at taking over", async () => {
  const memory = new MemoryStore({ exclusive: false });
  await (await Harness.open(memory)).withStream();
  for (const store of [memory, new MemoryStore()]) {
    for (const kind of ["get", "list", "putIfAbsent"]) {
      for (const error of ["unavailable", "ambiguous"] as const) {
        const runtime = new VirtualRuntime({ seed: 2 });
        const faulty = new FaultyStore(store, runtime, (operation) =>
          operation.kind === kind ? { failBefore: error } : undefined,
        );
        const { engine } = Harness.start(faulty, runtime);
        await assert.rejects(runtime.until(engine.started), { name: "ObjectStoreError" });
        assert.ok(runtime.clock.monotonicMs() < 10_000);
      }
    }
  }
});

/** A log of bare objects, laid out by hand as owners, takers and collectors that are not here would have left it. */
class BareLog {
  readonly memory = new MemoryStore({ exclusive: false });
  readonly deployment = { format: 1, id: "", shards: 1, window: 16, leaseMs: 1_500, leaseMarginMs: 250 };

  async put(kind: LogObjectKind, place: number, epoch: number, owner: number): Promise<void> {
    const header = encodeLogObjectHeader({
      kind,
      place,
      epoch,
      incarnation: new Uint8Array(16).fill(owner),
      nextPlace: kind === "fence" ? place + this.deployment.window : place + 1,
      entryCount: 0,
      contentBytes: 0,
      contentCrc: 0,
    });
    await this.memory.put(walKey(0, place), [header]);
  }

  async putManifest(version: number, epoch: number, logStart: number, fences: number[]): Promise<void> {
    const predecessor = version === 0 ? null : version - 1;
    const manifest = encodeManifest({ ...NO_MANIFEST, version, predecessor, epoch, incarnation: "", logStart, fences });
    await this.memory.put(manifestKey(0, version), [manifest]);
  }

  places(after: number): Promise<string[]> {
    return this.memory.list(walPrefix(0), walKey(0, after));
  }

  /** Resolves with the takeover and the places of the chunks that count. */
  async takeOver(store: ObjectStore, runtime: VirtualRuntime) {
    let applied: number[] = [];
    const takeover = await takeOver({
      runtime,
      store,
      logger: SILENT_LOGGER,
      shard: 0,
      deployment: this.deployment,
      incarnation: new Uint8Array(16).fill(255),
      begin: async () => {
        applied = [];
      },
      apply: (_key, header) => applied.push(header.place),
    });
    return { ...takeover, applied };
  }

  /** A taker that sleeps when it has loaded the newest manifest, until it is woken. */
  async sleepingTaker() {
    const runtime = new VirtualRuntime({ seed: 1 });
    const { store, wake, slept } = sleepingStore(
      this.memory,
      runtime,
      ({ kind, key }) => kind === "list" && key.startsWith(walPrefix(0)),
    );
    const taking = this.takeOver(store, runtime);
    await runtime.settle();
    assert.ok(slept());
    return {
      wake: async () => {
        wake();
        return runtime.until(taking);
      },
    };
  }
}

test("a taker that has followed a fence in a collected place starts over", async () => {
  const log = new BareLog();
  await log.put("fence", 0, 1, 1);
  await log.put("chunk", 16, 1, 1);
  await log.putManifest(0, 1, 0, [0]);
  const taker = await log.sleepingTaker();
  // Another owner takes over, flushes what lies before its fence, collects it, and goes on. Only then does the fence of a third,
  // who had read the log long before, arrive in a place that is empty now.
  await log.put("fence", 17, 2, 2);
  await log.putManifest(1, 2, 0, [0, 17]);
  await log.putManifest(2, 2, 17, [0, 17]);
  await log.memory.delete(walKey(0, 16));
  await log.put("chunk", 33, 2, 2);
  await log.put("chunk", 34, 2, 2);
  await log.put("fence", 16, 2, 3);
  const { applied, nextPlace } = await taker.wake();
  assert.deepEqual(applied, [33, 34]);
  assert.equal(nextPlace, 35 + log.deployment.window);
  // Its fence stands where the log ends, and nowhere else: ahead of the end it would be a hole for all who come later.
  assert.deepEqual(
    await log.places(17),
    [33, 34, 35].map((place) => walKey(0, place)),
  );
});

test("what contradicts a fence in a collected place is no corruption", async () => {
  const log = new BareLog();
  await log.put("fence", 0, 1, 1);
  for (let place = 16; place < 40; place += 1) await log.put("chunk", place, 1, 1);
  await log.putManifest(0, 1, 0, [0]);
  const taker = await log.sleepingTaker();
  // As before; the first owner's later chunks are not all deleted yet.
  await log.put("fence", 40, 2, 2);
  await log.putManifest(1, 2, 0, [0, 40]);
  await log.putManifest(2, 2, 40, [0, 40]);
  await log.memory.delete(walKey(0, 16));
  await log.put("fence", 16, 2, 3);
  await log.put("chunk", 56, 2, 2);
  const { applied, nextPlace } = await taker.wake();
  assert.deepEqual(applied, [56]);
  assert.equal(nextPlace, 57 + log.deployment.window);
});

test("what contradicts the log is corruption where nothing was collected", async () => {
  const log = new BareLog();
  await log.put("fence", 0, 1, 1);
  await log.put("chunk", 16, 1, 1);
  await log.putManifest(0, 1, 0, [0]);
  const taker = await log.sleepingTaker();
  await log.put("chunk", 17, 2, 2);
  await assert.rejects(taker.wake(), (error: Error) => error.name === "CorruptObjectError");
});

test("a taker starts over when what stood in its fence's way is collected before it could be read", async () => {
  const log = new BareLog();
  await log.put("fence", 0, 1, 1);
  await log.put("chunk", 16, 1, 1);
  await log.putManifest(0, 1, 0, [0]);
  const chunkArrives = () => log.put("chunk", 17, 1, 1);
  const collected = async () => {
    await log.put("fence", 18, 2, 2);
    await log.putManifest(1, 2, 0, [0, 18]);
    await log.putManifest(2, 2, 18, [0, 18]);
    for (const place of [16, 17]) await log.memory.delete(walKey(0, place));
  };
  const runtime = new VirtualRuntime({ seed: 1 });
  const store = new FaultyStore(log.memory, runtime, ({ kind, key }) => {
    if (key !== walKey(0, 17)) return undefined;
    return { holdBefore: kind === "putIfAbsent" ? chunkArrives() : collected() };
  });
  const { applied, nextPlace } = await runtime.until(log.takeOver(store, runtime));
  assert.deepEqual(applied, []);
  assert.equal(nextPlace, 18 + 2 * log.deployment.window);
});

test("a taker starts over when the version that it has listed is collected before it could be read", async () => {
  const log = new BareLog();
  await log.put("fence", 0, 1, 1);
  await log.put("chunk", 16, 1, 1);
  await log.putManifest(0, 1, 0, [0]);
  await log.putManifest(1, 1, 0, [0]);
  const collected = async () => {
    await log.putManifest(2, 1, 0, [0]);
    await log.memory.delete(manifestKey(0, 1));
  };
  const runtime = new VirtualRuntime({ seed: 1 });
  const store = new FaultyStore(log.memory, runtime, ({ kind, key }) =>
    kind === "get" && key === manifestKey(0, 1) ? { holdBefore: collected() } : undefined,
  );
  const { applied, nextPlace } = await runtime.until(log.takeOver(store, runtime));
  assert.deepEqual(applied, [16]);
  assert.equal(nextPlace, 17 + log.deployment.window);
});

test("an object that the store has lost further back than a window is noticed, wherever it stood", async () => {
  for (let lost = 16; lost < 32; lost += 1) {
    const log = new BareLog();
    await log.put("fence", 0, 1, 1);
    for (let place = 16; place < 48; place += 1) await log.put("chunk", place, 1, 1);
    await log.putManifest(0, 1, 0, [0]);
    await log.memory.delete(walKey(0, lost));
    const before = await log.memory.list("");
    const runtime = new VirtualRuntime({ seed: 1 });
    await assert.rejects(runtime.until(log.takeOver(log.memory, runtime)), (error: Error) => {
      assert.equal(error.name, "CorruptObjectError", String(error));
      return error.message.includes(walKey(0, lost));
    });
    assert.deepEqual(await log.memory.list(""), before, "no fence was put into the hole");
  }
});

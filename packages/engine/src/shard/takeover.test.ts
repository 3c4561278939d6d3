// Races between takers, each stopped at the step where it hurts. Virtual time, one store in memory.
import assert from "node:assert/strict";
import { test } from "node:test";
import { FaultyStore, MemoryStore, type StoreOperation } from "../object-store/index.ts";
import { VirtualRuntime } from "../runtime/index.ts";
import { Harness } from "../testing/harness.ts";
import { manifestPrefix, walPrefix } from "./keys.ts";
import { loadManifest, newestManifestVersion } from "./manifest.ts";

/** A taker that sleeps before the first operation that `when` picks, until it is woken. */
function sleeper(memory: MemoryStore, seed: number, when: (operation: StoreOperation) => boolean) {
  const runtime = new VirtualRuntime({ seed });
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
  const harness = Harness.start(store, runtime);
  return { harness, wake: () => wake(), slept: () => slept };
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

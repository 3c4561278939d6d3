// A slow ranged get is asked for a second time, and the first answer counts; never more than a few in a hundred.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { systemRuntime, VirtualRuntime } from "../runtime/index.ts";
import { bytes, describeStoreContract, kind, text } from "./contract.ts";
import { type Fault, FaultyStore } from "./faulty-store.ts";
import { HedgedStore } from "./hedged-store.ts";
import { MemoryStore } from "./memory-store.ts";

describeStoreContract("HedgedStore", async () => {
  const store = new HedgedStore(new MemoryStore(), systemRuntime);
  return { store, end: () => store.close() };
});

async function hedged(fault: (index: number) => Fault | undefined) {
  const runtime = new VirtualRuntime({ seed: 1 });
  const memory = new MemoryStore();
  await memory.put("a", [bytes("abc")]);
  let index = 0;
  const faulty = new FaultyStore(memory, runtime, () => fault(index++));
  const store = new HedgedStore(faulty, runtime);
  const get = () => store.getRange("a", 0, 3);
  /** How long it takes. */
  const timed = async () => {
    const startMs = runtime.clock.monotonicMs();
    assert.equal(text(await runtime.until(get())), "abc");
    return runtime.clock.monotonicMs() - startMs;
  };
  return { runtime, store, get, timed, asked: () => index };
}

const USUAL: Fault = { delayBeforeMs: 20 };

describe("HedgedStore", () => {
  it("asks again when a get takes longer than almost all before, and takes the first answer", async () => {
    const slow = new Set([100]);
    const h = await hedged((index) => (slow.has(index) ? { delayBeforeMs: 5_000 } : USUAL));
    for (let i = 0; i < 100; i += 1) assert.equal(await h.timed(), 20);
    assert.equal(h.asked(), 100, "nothing is slow");
    assert.equal(await h.timed(), 40);
    assert.deepEqual(h.store.counts, { hedged: 1, won: 1 });
    assert.equal(h.asked(), 102);
  });

  it("takes the first answer also when it is the slow one's", async () => {
    const h = await hedged((index) => (index >= 100 ? { delayBeforeMs: index === 100 ? 50 : 5_000 } : USUAL));
    for (let i = 0; i < 100; i += 1) await h.timed();
    assert.equal(await h.timed(), 50);
    assert.deepEqual(h.store.counts, { hedged: 1, won: 0 });
  });

  it("asks twice for few, however slow the store has become", async () => {
    const h = await hedged((index) => (index < 200 ? USUAL : { delayBeforeMs: 1_000 }));
    for (let i = 0; i < 200; i += 1) await h.timed();
    const many = Array.from({ length: 1_000 }, () => h.get());
    await h.runtime.until(Promise.all(many));
    assert.ok(h.store.counts.hedged > 0 && h.store.counts.hedged <= 4 + 0.05 * 1_000, String(h.store.counts.hedged));
  });

  it("does not ask again before it knows what is usual", async () => {
    const h = await hedged((index) => (index === 20 ? { delayBeforeMs: 5_000 } : USUAL));
    for (let i = 0; i < 20; i += 1) await h.timed();
    assert.equal(await h.timed(), 5_000);
    assert.equal(h.store.counts.hedged, 0);
  });

  it("fails when both have failed, and not before", async () => {
    const faults: Fault[] = [];
    const h = await hedged((index) => (index < 100 ? USUAL : faults.shift()));
    for (let i = 0; i < 100; i += 1) await h.timed();
    faults.push({ delayBeforeMs: 50, failBefore: "unavailable" }, { delayBeforeMs: 100 });
    assert.equal(await h.timed(), 120, "the first has failed meanwhile");
    faults.push({ delayBeforeMs: 100 }, { delayBeforeMs: 20, failBefore: "unavailable" });
    assert.equal(await h.timed(), 100, "the second has failed");
    faults.push({ delayBeforeMs: 50, failBefore: "unavailable" }, { delayBeforeMs: 100, failBefore: "absent" });
    await assert.rejects(h.runtime.until(h.get()), kind("absent"));
    // A quick failure is nobody's to wait for.
    faults.push({ delayBeforeMs: 1, failBefore: "unavailable" });
    await assert.rejects(h.runtime.until(h.get()), kind("unavailable"));
    assert.equal(h.runtime.pendingTimers, 0);
  });
});

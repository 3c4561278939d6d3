// The stores that stand in front of others: what they count, and the faults that they inject.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { VirtualRuntime } from "../runtime/index.ts";
import { bytes, kind, text } from "./contract.ts";
import { CountingStore } from "./counting-store.ts";
import { type Fault, FaultyStore, type StoreOperation } from "./faulty-store.ts";
import { MemoryStore } from "./memory-store.ts";

describe("CountingStore", () => {
  it("counts requests by kind, and observes puts with their time and outcome", async () => {
    const runtime = new VirtualRuntime({ seed: 1 });
    const slow = new FaultyStore(new MemoryStore(), runtime, ({ kind }) =>
      kind === "put" ? { delayBeforeMs: 7 } : undefined,
    );
    const observed: unknown[] = [];
    const store = new CountingStore(slow, { clock: runtime.clock, onPut: (...put) => observed.push(put) });
    await store.putIfAbsent("a", [bytes("x")]);
    await assert.rejects(store.putIfAbsent("a", [bytes("x")]), kind("exists"));
    await runtime.until(store.put("a", [bytes("y")]));
    await store.get("a");
    await store.getRange("a", 0, 1);
    await store.getRange("a", 0, 1);
    await store.list("");
    await store.delete("a");
    await store.deleteMany(["a", "b"]);
    assert.deepEqual(store.counts, { put: 1, putIfAbsent: 2, get: 1, getRange: 2, list: 1, delete: 1, deleteMany: 1 });
    assert.deepEqual(observed, [
      [0, "putIfAbsent", true],
      [0, "putIfAbsent", false],
      [7, "put", true],
    ]);
  });
});

describe("CountingStore, of a store that deletes one object a request", () => {
  it("counts them all", async () => {
    const store = new CountingStore(new OneByOne(), { clock: new VirtualRuntime({ seed: 1 }).clock });
    await store.deleteMany(["a", "b", "c"]);
    assert.equal(store.counts.deleteMany, 3);
  });

  class OneByOne extends MemoryStore {
    override async deleteMany(keys: readonly string[]) {
      return { ...(await super.deleteMany(keys)), requests: keys.length };
    }
  }
});

describe("FaultyStore", () => {
  function faulty(fault: Fault) {
    const runtime = new VirtualRuntime({ seed: 1 });
    const inner = new MemoryStore();
    const operations: StoreOperation[] = [];
    const store = new FaultyStore(inner, runtime, (operation) => {
      operations.push(operation);
      return fault;
    });
    return { runtime, inner, operations, store };
  }

  it("tells the hook of every operation", async () => {
    const { store, operations } = faulty({});
    await store.putIfAbsent("a", [bytes("x")]);
    await store.list("p");
    assert.deepEqual(operations, [
      { kind: "putIfAbsent", key: "a", index: 0 },
      { kind: "list", key: "p", index: 1 },
    ]);
  });

  it("fails before the effect", async () => {
    const { store, inner } = faulty({ failBefore: "unavailable" });
    await assert.rejects(store.putIfAbsent("a", [bytes("x")]), kind("unavailable"));
    await assert.rejects(inner.get("a"), kind("absent"));
  });

  it("fails after the effect: a lost reply", async () => {
    const { store, inner } = faulty({ failAfter: "ambiguous" });
    await assert.rejects(store.putIfAbsent("a", [bytes("x")]), kind("ambiguous"));
    assert.equal(text(await inner.get("a")), "x");
  });

  it("deletes some of many, and says which not", async () => {
    const { store, inner, operations } = faulty({ onlyFirst: 1 });
    for (const key of ["a", "b", "c"]) await inner.put(key, [bytes(key)]);
    const { undeleted } = await store.deleteMany(["a", "b", "c"]);
    assert.deepEqual(operations, [{ kind: "deleteMany", key: "a", index: 0 }]);
    assert.deepEqual(await inner.list(""), ["b", "c"]);
    assert.deepEqual(
      undeleted.map(({ key, error }) => [key, error.kind]),
      [
        ["b", "unavailable"],
        ["c", "unavailable"],
      ],
    );
  });

  it("delays by virtual time, and hangs until released", async () => {
    const gate = Promise.withResolvers<void>();
    const { store, inner, runtime } = faulty({ delayBeforeMs: 10, holdAfter: gate.promise });
    let done = false;
    const put = store.putIfAbsent("a", [bytes("x")]).then(() => {
      done = true;
    });
    await runtime.advance(9);
    assert.deepEqual(await inner.list(""), []);
    await runtime.advance(1);
    assert.deepEqual(await inner.list(""), ["a"]);
    assert.equal(done, false);
    gate.resolve();
    await put;
  });

  it("lets an effect come after the answer, with the bytes of the call", async () => {
    const gate = Promise.withResolvers<void>();
    const { store, inner, runtime } = faulty({ answerEarly: "ambiguous", holdBefore: gate.promise });
    const buffer = Buffer.from("early");
    await assert.rejects(store.putIfAbsent("a", [buffer]), kind("ambiguous"));
    buffer.fill("x");
    assert.deepEqual(await inner.list(""), []);
    gate.resolve();
    await runtime.settle();
    assert.equal(text(await inner.get("a")), "early");
  });
});

// A damaged log that was cut off opens again with all that stood before the cut, and nobody who slept can go on behind it; nothing is cut off that
// is whole.
import assert from "node:assert/strict";
import { test } from "node:test";
import { CACHE_AGE_MS, COLLECT_GRACE_MS } from "../limits.ts";
import { FaultyStore, MemoryStore, type ObjectStore } from "../object-store/index.ts";
import { systemRuntime, VirtualRuntime } from "../runtime/index.ts";
import { CorruptObjectError } from "../shard/corrupt.ts";
import { DeposedError } from "../shard/deposed.ts";
import { numberOfKey, segmentPrefix, walKey, walPrefix } from "../shard/keys.ts";
import { newestManifest } from "../shard/manifest.ts";
import { BASIN, Harness } from "../testing/harness.ts";
import { checkStore } from "./check.ts";
import { planRepair, RepairError } from "./plan-repair.ts";
import { type RepairReport, repair } from "./repair.ts";

const LIMITS = { bytes: 10_000_000, chunks: 1_000, streams: 1_000 };
const FLUSHED = { bytes: 10_000_000, chunks: 20, streams: 1_000 };
const ALL_MOVED_MS = CACHE_AGE_MS + COLLECT_GRACE_MS + 1_000;
const WINDOW = 16;

/** An owner that has appended; which record went into which place. */
async function owner(store: ObjectStore, limits = LIMITS, runtime = new VirtualRuntime({ seed: 1 })) {
  const h = await (await Harness.open(store, runtime, limits)).withStream();
  return h;
}

async function appendAll(h: Harness, from: number, to: number): Promise<void> {
  for (let i = from; i < to; i += 1) await h.until(h.append({ bodies: [`${i}`] }));
}

async function places(memory: MemoryStore): Promise<number[]> {
  return (await memory.list(walPrefix(0))).map((key) => numberOfKey(key) ?? -1);
}

/** The place of the chunk that holds a record. */
async function placeOf(memory: MemoryStore, body: string): Promise<number> {
  for (const place of await places(memory)) {
    const bytes = Buffer.from(await memory.get(walKey(0, place)));
    if (bytes.includes(Buffer.from(`"\x00${body}`)) || bytes.subarray(-body.length).toString() === body) return place;
  }
  throw new Error(`no chunk holds ${body}`);
}

async function damage(
  memory: MemoryStore,
  place: number,
  how: "flipped" | "missing" | "torn" | "header",
): Promise<void> {
  const key = walKey(0, place);
  const bytes = Buffer.from(await memory.get(key));
  if (how === "missing") await memory.delete(key);
  else if (how === "torn") await memory.put(key, [bytes.subarray(0, bytes.length - 3)]);
  else {
    bytes[how === "header" ? 20 : bytes.length - 2] ^= 1;
    await memory.put(key, [bytes]);
  }
}

function repairAt(memory: MemoryStore, fromPlace: number, store: ObjectStore = memory): Promise<RepairReport> {
  return repair({ runtime: systemRuntime, store, view: memory, fromPlace });
}

async function damageOf(memory: MemoryStore): Promise<readonly { readonly key: string; readonly what: string }[]> {
  return (await checkStore({ runtime: systemRuntime, view: memory })).damage.told;
}

const numbers = (to: number) => Array.from({ length: to }, (_, i) => `${i}`);

for (const how of ["flipped", "missing", "torn", "header"] as const) {
  for (const limits of [LIMITS, FLUSHED]) {
    test(`a log with an object ${how}, ${limits === LIMITS ? "never flushed" : "flushed before"}, opens again with what stood before`, async () => {
      const memory = new MemoryStore({ exclusive: false });
      const h = await owner(memory, limits);
      await appendAll(h, 0, 76);
      const place = await placeOf(memory, "58");
      await damage(memory, place, how);
      await assert.rejects(Harness.open(memory, new VirtualRuntime({ seed: 2 })), CorruptObjectError);
      const plan = await planRepair({ runtime: systemRuntime, view: memory, fromPlace: place });
      assert.equal(plan.damagedPlace, place);
      const stream = plan.lostStreams.find(({ name }) => name === "events");
      assert.ok(stream !== undefined && stream.records >= 17 && stream.fromSeqNum <= 59, JSON.stringify(plan));
      const report = await repairAt(memory, place);
      assert.deepEqual(await damageOf(memory), []);
      const next = await Harness.open(
        memory,
        new VirtualRuntime({ seed: 2, wallMs: h.runtime.clock.wallMs() }),
        FLUSHED,
      );
      assert.deepEqual(await next.readAll(), numbers(58));
      await appendAll(next, 58, 120);
      await next.runtime.advance(ALL_MOVED_MS);
      assert.deepEqual(await next.readAll(), numbers(120));
      assert.deepEqual(await damageOf(memory), []);
      // It was flushed past the cut: what was cut off is collected, and the fences are there for good.
      const manifest = await newestManifest(memory, 0);
      assert.ok((manifest?.logStart ?? 0) > report.nextPlace);
      const there = new Set(await places(memory));
      for (const fence of manifest?.fences ?? []) assert.ok(there.has(fence), `fence ${fence}`);
      assert.ok(there.has(place) && there.has(report.nextPlace - 1));
      assert.deepEqual(next.halts, []);
    });
  }
}

test("an earlier place may be chosen, a later one not, nor one that the log does not lead over, nor one in segments", async () => {
  const memory = new MemoryStore({ exclusive: false });
  const h = await owner(memory, FLUSHED);
  await appendAll(h, 0, 30);
  await h.runtime.advance(ALL_MOVED_MS);
  const next = await Harness.open(memory, new VirtualRuntime({ seed: 2, wallMs: h.runtime.clock.wallMs() }), LIMITS);
  await appendAll(next, 30, 70);
  const place = await placeOf(memory, "50");
  await damage(memory, place, "flipped");
  const { logStart = 0, fences = [] } = (await newestManifest(memory, 0)) ?? {};
  const before = await memory.list("");
  for (const [wrong, why] of [
    [place + 1, /is damaged at place/],
    [logStart - 1, /has become segments/],
    [(fences.at(-1) ?? 0) + 3, /does not lead over place/],
  ] as const)
    await assert.rejects(repairAt(memory, wrong), (error) => error instanceof RepairError && why.test(error.message));
  assert.deepEqual(await memory.list(""), before, "nothing was changed");
  await repairAt(memory, await placeOf(memory, "40"));
  assert.deepEqual(await damageOf(memory), []);
  const last = await Harness.open(memory, new VirtualRuntime({ seed: 3, wallMs: next.runtime.clock.wallMs() }));
  assert.deepEqual(await last.readAll(), numbers(40));
});

test("what is whole is not cut off, and what is damaged elsewhere is not the log's to mend", async () => {
  const memory = new MemoryStore({ exclusive: false });
  const h = await owner(memory, FLUSHED);
  await appendAll(h, 0, 50);
  await h.runtime.advance(ALL_MOVED_MS);
  const place = (await newestManifest(memory, 0))?.logStart ?? 0;
  await assert.rejects(repairAt(memory, place), /not damaged/);
  const [segment] = await memory.list(segmentPrefix(0));
  await memory.delete(segment);
  await assert.rejects(
    repairAt(memory, place),
    (error) => error instanceof RepairError && error.message.includes(segment),
  );
});

test("an owner that sleeps through it wakes up deposed, wherever it stood, and acknowledges nothing behind the cut", async () => {
  // How many of its puts have arrived when it falls asleep, of those it has sent.
  for (const arrive of [0, 1, 2, 3]) {
    for (const cutBehind of [0, 1, 40]) {
      const memory = new MemoryStore({ exclusive: false });
      const runtime = new VirtualRuntime({ seed: 1 });
      const store = new FaultyStore(memory, runtime);
      const h = await owner(store, LIMITS, runtime);
      await appendAll(h, 0, 50);
      const hold = Promise.withResolvers<void>();
      let sent = 0;
      store.hook = ({ kind, key }) => {
        if (kind !== "putIfAbsent" || !key.startsWith(walPrefix(0))) return undefined;
        sent += 1;
        return sent <= arrive ? { holdAfter: hold.promise } : { holdBefore: hold.promise };
      };
      const acknowledged: number[] = [];
      for (let i = 50; i < 54; i += 1) {
        h.append({ bodies: [`${i}`] }).then(
          () => acknowledged.push(i),
          () => undefined,
        );
        await runtime.advance(1);
      }
      const last = (await places(memory)).at(-1) ?? 0;
      const cut = last - cutBehind;
      await damage(memory, cut, "flipped");
      const report = await repairAt(memory, cut);
      assert.deepEqual(await damageOf(memory), []);
      store.hook = () => undefined;
      hold.resolve();
      await runtime.advance(20_000);
      // What was in when the log was cut off was as good as acknowledged, and is lost with the rest; nothing has come since.
      assert.ok(
        acknowledged.every((i) => i < 50 + arrive),
        `${acknowledged.join()} of ${arrive}`,
      );
      assert.ok(h.halts[0] instanceof DeposedError, String(h.halts[0]));
      assert.ok(report.nextPlace > last + WINDOW);
      const next = await Harness.open(memory, new VirtualRuntime({ seed: 3, wallMs: runtime.clock.wallMs() }));
      const bodies = await next.readAll();
      assert.deepEqual(bodies, numbers(bodies.length));
      assert.ok(bodies.length >= 50 - cutBehind - 1, `${bodies.length} are left`);
      await next.until(next.append({ bodies: ["goes on"] }));
      assert.deepEqual(await damageOf(memory), []);
    }
  }
});

test("an owner that goes on while it is repaired is deposed, and the log is whole", async () => {
  const memory = new MemoryStore({ exclusive: false });
  const runtime = new VirtualRuntime({ seed: 1 });
  const h = await owner(memory, LIMITS, runtime);
  await appendAll(h, 0, 60);
  const place = await placeOf(memory, "30");
  await damage(memory, place, "flipped");
  let puts = 0;
  const store = new FaultyStore(memory, systemRuntime, ({ kind }) => {
    if (kind !== "putIfAbsent" || ++puts > 30) return undefined;
    // It gets in ahead of every fence, as long as it can.
    return {
      holdBefore: h.until(h.append({ bodies: ["beside"] })).then(
        () => undefined,
        () => undefined,
      ),
    };
  });
  await repairAt(memory, place, store);
  await h.until(h.append({ bodies: ["late"] })).catch(() => undefined);
  await runtime.advance(20_000);
  assert.ok(h.halts[0] instanceof DeposedError, String(h.halts[0]));
  assert.deepEqual(await damageOf(memory), []);
  const next = await Harness.open(memory, new VirtualRuntime({ seed: 3, wallMs: runtime.clock.wallMs() }));
  assert.deepEqual(await next.readAll(), numbers(30));
});

test("a repair that breaks off anywhere can be done again, and until it is done the log stays closed", async () => {
  const whole = new MemoryStore({ exclusive: false });
  const h = await owner(whole);
  await appendAll(h, 0, 60);
  const place = await placeOf(whole, "30");
  await damage(whole, place, "flipped");
  const copyOfWhole = async () => {
    const copy = new MemoryStore({ exclusive: false });
    for (const key of await whole.list("")) await copy.put(key, [await whole.get(key)]);
    return copy;
  };
  let breaks = true;
  for (let survived = 0; breaks; survived += 1) {
    const memory = await copyOfWhole();
    let left = survived;
    const store = new FaultyStore(memory, systemRuntime, ({ kind }) =>
      (kind === "put" || kind === "putIfAbsent") && left-- <= 0 ? { failBefore: "full" } : undefined,
    );
    breaks = await repairAt(memory, place, store).then(
      () => false,
      () => true,
    );
    if (!breaks) break;
    await assert.rejects(Harness.open(memory, new VirtualRuntime({ seed: 2 })), CorruptObjectError);
    await repairAt(memory, place);
    assert.deepEqual(await damageOf(memory), []);
    const next = await Harness.open(memory, new VirtualRuntime({ seed: 3, wallMs: h.runtime.clock.wallMs() }));
    assert.deepEqual(await next.readAll(), numbers(30));
  }
});

test("lost replies and refusals are no harm", async () => {
  for (const nth of [2, 3, 5]) {
    const memory = new MemoryStore({ exclusive: false });
    const h = await owner(memory);
    await appendAll(h, 0, 60);
    const place = await placeOf(memory, "30");
    await damage(memory, place, "flipped");
    let puts = 0;
    const store = new FaultyStore(memory, systemRuntime, ({ kind }) => {
      if (kind !== "put" && kind !== "putIfAbsent") return undefined;
      puts += 1;
      return puts % nth === 0 ? { failAfter: "ambiguous" } : puts % 7 === 0 ? { failBefore: "unavailable" } : undefined;
    });
    await repairAt(memory, place, store);
    assert.deepEqual(await damageOf(memory), []);
    const next = await Harness.open(memory, new VirtualRuntime({ seed: 3, wallMs: h.runtime.clock.wallMs() }));
    assert.deepEqual(await next.readAll(), numbers(30));
  }
});

test("streams, configurations and the account are those of the moment of the cut", async () => {
  const memory = new MemoryStore({ exclusive: false });
  const h = await owner(memory);
  await appendAll(h, 0, 20);
  const place = (await places(memory)).at(-1) ?? 0;
  await h.until(h.engine.streams.ensure(BASIN, "created-later", {}));
  await h.until(h.engine.streams.delete(BASIN, "events"));
  await appendLater(h);
  await damage(memory, place + 1, "flipped");
  const plan = await planRepair({ runtime: systemRuntime, view: memory, fromPlace: place + 1 });
  assert.ok(plan.lostStreams.some(({ name }) => name === "other"));
  await repairAt(memory, place + 1);
  const next = await Harness.open(memory, new VirtualRuntime({ seed: 3, wallMs: h.runtime.clock.wallMs() }));
  assert.deepEqual(await next.readAll(), numbers(20));
  await assert.rejects(next.until(next.engine.streams.get(BASIN, "created-later")));
});

async function appendLater(h: Harness): Promise<void> {
  await h.until(h.engine.streams.ensure(BASIN, "other", {}));
  for (let i = 0; i < 20; i += 1) await h.until(h.append({ bodies: [`${i}`] }, "other"));
}

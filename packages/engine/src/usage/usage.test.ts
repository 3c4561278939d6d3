// What was used is counted, kept and rolled up: through restarts and crashes, once each, and at no cost to who uses nothing.
import assert from "node:assert/strict";
import { test } from "node:test";
import { DEFAULT_BASIN_CONFIG } from "../config.ts";
import { CountingStore, FaultyStore, MemoryStore } from "../object-store/index.ts";
import { VirtualRuntime } from "../runtime/index.ts";
import { BASIN, Harness, STREAM, sharedStore } from "../testing/harness.ts";
import { inputOf } from "../testing/inputs.ts";
import { KEPT_SECS, levelsOf, MAX_ENTRIES, periodsOf, UsageHistory } from "./usage-history.ts";
import type { UsageInterval } from "./usage-record.ts";

const DAY_MS = 86_400_000;
const nowSecs = (h: Harness) => Math.floor(h.runtime.clock.wallMs() / 1000);

/** The last `secs`, by an interval. */
const last = (h: Harness, secs: number, interval: UsageInterval) => ({
  interval,
  fromSecs: nowSecs(h) - secs,
  toSecs: nowSecs(h),
});

async function sums(h: Harness, secs: number, interval: UsageInterval): Promise<Record<string, number>> {
  const used = await h.until(h.engine.usage.ofBasin(BASIN, last(h, secs, interval)));
  return Object.fromEntries([...used.sums].map(([key, values]) => [key, values.reduce((a, b) => a + b, 0)]));
}

const storage = async (h: Harness, secs: number) =>
  (await h.until(h.engine.usage.storageOfStream(BASIN, STREAM, last(h, secs, "minute")))).map(({ value }) => value);

test("appends, reads and operations are counted, by basin and by account", async () => {
  const h = await (await Harness.open()).withStream();
  await h.until(h.engine.streams.ensure(BASIN, "lazy", { storageClass: "standard" }));
  await h.until(h.append({ bodies: ["aa", "bb"] }));
  await h.until(h.append({ bodies: ["c"] }));
  await h.until(h.append({ bodies: ["d"] }, "lazy"));
  await h.read({ mode: "unary" });
  await h.read({ count: 2 });
  h.engine.usage.operation("list-streams", BASIN);
  h.engine.usage.operation("list-basins", null);
  h.engine.usage.operation("list-streams", "no-such-basin");
  const expected = {
    "append-bytes": 20 + 9 + 9,
    "append-ops:express": 2,
    "append-ops:standard": 1,
    "read-bytes": 29 + 20,
    "read-ops:unary": 1,
    "read-ops:streaming": 1,
    "op:list-streams": 1,
  };
  for (const interval of ["minute", "hour", "day"] as const) assert.deepEqual(await sums(h, 0, interval), expected);
  // Written, it is the same.
  await h.runtime.advance(61_000);
  for (const interval of ["minute", "hour", "day"] as const) assert.deepEqual(await sums(h, 120, interval), expected);
  const account = await h.until(h.engine.usage.ofAccount(last(h, 120, "hour")));
  assert.deepEqual([...account.sums.keys()], ["op:list-basins"]);
});

test("a session is one operation for each minute in which it does something", async () => {
  const h = await (await Harness.open()).withStream();
  const appender = await h.until(h.engine.openAppender(BASIN, STREAM, { config: {} }));
  for (let i = 0; i < 10; i += 1) {
    await h.until(appender.append(inputOf({ bodies: ["x"] })));
    await h.runtime.advance(15_000);
  }
  assert.equal((await sums(h, 600, "minute"))["append-ops:express"], 3);
});

test("what was written survives a crash, and all of it a clean end", async () => {
  const store = sharedStore();
  const h = await (await Harness.open(store)).withStream();
  await h.until(h.append({ bodies: ["a"] }));
  await h.runtime.advance(61_000);
  await h.until(h.append({ bodies: ["lost with the crash"] }));
  const next = await Harness.open(store, new VirtualRuntime({ seed: 2, wallMs: h.runtime.clock.wallMs() }));
  assert.deepEqual(await sums(next, 3600, "minute"), { "append-bytes": 9, "append-ops:express": 1 });
  await next.until(next.append({ bodies: ["b"] }));
  await next.until(next.engine.close());
  const third = await Harness.open(store, new VirtualRuntime({ seed: 3, wallMs: next.runtime.clock.wallMs() }));
  assert.deepEqual(await sums(third, 3600, "hour"), { "append-bytes": 18, "append-ops:express": 2 });
});

test("who uses nothing writes nothing", async () => {
  const runtime = new VirtualRuntime({ seed: 1 });
  const store = new CountingStore(new MemoryStore({ exclusive: false }), { clock: runtime.clock });
  const h = await (await Harness.open(store, runtime)).withStream();
  await h.until(h.engine.streams.reconfigure(BASIN, STREAM, { retentionAgeSecs: "infinite" }));
  await h.until(h.append({ bodies: ["a"] }));
  await h.runtime.advance(61_000);
  const requests = () => Object.values(store.counts).reduce((a, b) => a + b, 0);
  const before = requests();
  await h.runtime.advance(DAY_MS);
  assert.equal(requests(), before);
  assert.equal(h.runtime.pendingTimers, 0);
});

test("while the store takes nothing, usage is kept, and written once when it does again", async () => {
  const runtime = new VirtualRuntime({ seed: 1 });
  const inner = new MemoryStore({ exclusive: false });
  const store = new FaultyStore(inner, runtime);
  const h = await (await Harness.open(store, runtime)).withStream();
  await h.until(h.append({ bodies: ["a"] }));
  store.hook = ({ kind }) => (kind === "putIfAbsent" ? { failBefore: "unavailable" } : undefined);
  for (let i = 0; i < 5; i += 1) {
    h.engine.usage.operation("list-streams", BASIN);
    await h.runtime.advance(60_000);
  }
  store.hook = () => undefined;
  await h.runtime.advance(180_000);
  const expected = { "append-bytes": 9, "append-ops:express": 1, "op:list-streams": 5 };
  assert.deepEqual(await sums(h, 3600, "hour"), expected);
  const next = await Harness.open(inner, new VirtualRuntime({ seed: 2, wallMs: h.runtime.clock.wallMs() }));
  assert.deepEqual(await sums(next, 3600, "hour"), expected);
  assert.deepEqual(await sums(next, 3600, "minute"), expected);
});

test("an hour is not written down while a minute of it is still on its way", async () => {
  const hourMs = 1_767_225_600_000;
  const runtime = new VirtualRuntime({ seed: 1, wallMs: hourMs + 57 * 60_000 });
  const inner = new MemoryStore({ exclusive: false });
  const store = new FaultyStore(inner, runtime);
  const h = await (await Harness.open(store, runtime)).withStream();
  const until = (minute: number, second: number) =>
    h.runtime.advance(hourMs + (minute * 60 + second) * 1000 - runtime.clock.wallMs());
  const use = () => h.engine.usage.operation("list-streams", BASIN);
  use();
  await until(58, 58);
  use();
  // An append, and behind it the minute, are held up; the append gets through first, the rest just after the hour is to be written.
  const gates: (() => void)[] = [];
  store.hook = ({ kind }) =>
    kind === "putIfAbsent" ? { holdBefore: new Promise<void>((resolve) => gates.push(resolve)) } : undefined;
  const append = h.append({ bodies: ["a"] }).catch((error: unknown) => error);
  await until(60, 30);
  await append;
  assert.equal(gates.length, 2);
  use();
  await until(60, 59);
  gates[0]();
  await until(61, 2);
  store.hook = () => undefined;
  for (const open of gates) open();
  await until(64, 0);
  assert.equal((await sums(h, 7200, "hour"))["op:list-streams"], 3);
  const next = await Harness.open(inner, new VirtualRuntime({ seed: 2, wallMs: runtime.clock.wallMs() }));
  assert.equal((await sums(next, 7200, "hour"))["op:list-streams"], 3);
  assert.equal((await sums(next, 7200, "minute"))["op:list-streams"], 3);
});

test("hours and days are rolled up, kept when their minutes are gone, and the same after a restart", async () => {
  const store = sharedStore();
  const h = await (await Harness.open(store)).withStream();
  const days = KEPT_SECS.minute / 86_400 + 3;
  for (let hour = 0; hour < 24 * days; hour += 1) {
    h.engine.usage.operation("list-streams", BASIN);
    await h.runtime.advance(3_600_000);
  }
  const count = async (each: Harness, interval: UsageInterval) =>
    (await sums(each, 90 * 86_400, interval))["op:list-streams"];
  assert.equal(await count(h, "day"), 24 * days);
  assert.equal(await count(h, "hour"), 24 * days);
  const minutes = await count(h, "minute");
  assert.ok(minutes >= 24 * 3 && minutes <= 24 * 3 + 8, `${minutes}`);
  const next = await Harness.open(store, new VirtualRuntime({ seed: 2, wallMs: h.runtime.clock.wallMs() }));
  assert.equal(await count(next, "day"), 24 * days);
  assert.equal(await count(next, "hour"), 24 * days);
  const replayed = await count(next, "minute");
  assert.ok(replayed >= 24 * 3 && replayed <= 24 * 3.5, `${replayed}`);
  const perHour = await next.until(next.engine.usage.ofBasin(BASIN, last(next, 24 * 3600, "hour")));
  assert.equal(perHour.periods.length, 25);
});

test("storage is what is stored: appended, trimmed, deleted", async () => {
  const store = sharedStore();
  const h = await (await Harness.open(store)).withStream();
  assert.deepEqual(await storage(h, 0), [0]);
  await h.until(h.append({ bodies: ["12"] }));
  assert.deepEqual(await storage(h, 0), [10]);
  await h.runtime.advance(60_000);
  await h.until(h.append({ bodies: ["3456"] }));
  await h.runtime.advance(120_000);
  assert.deepEqual(await storage(h, 180), [10, 22, 22, 22]);
  const trim = { kind: "trim", index: 0, seqNum: 1 } as const;
  await h.until(h.append({ bodies: ["trimmer"], commands: [trim] }));
  assert.deepEqual(await storage(h, 0), [12 + 15]);
  await h.runtime.advance(60_000);
  const ofBasin = async (each: Harness) =>
    (await each.until(each.engine.usage.storageOfBasin(BASIN, last(each, 0, "hour")))).map(({ value }) => value);
  assert.deepEqual(await ofBasin(h), [27]);
  const next = await Harness.open(store, new VirtualRuntime({ seed: 2, wallMs: h.runtime.clock.wallMs() }));
  assert.deepEqual(await storage(next, 240), [10, 22, 22, 27, 27]);
  assert.deepEqual(await ofBasin(next), [27]);
  await next.until(next.engine.streams.delete(BASIN, STREAM));
  assert.deepEqual(await ofBasin(next), [0]);
});

test("what outlives its retention is no longer stored, whether anybody looks or not", async () => {
  const h = await (await Harness.open()).withStream();
  await h.until(h.engine.streams.ensure(BASIN, STREAM, { retentionAgeSecs: 3600 }));
  await h.until(h.append({ bodies: ["a"] }));
  await h.runtime.advance(3_600_000);
  assert.deepEqual(await storage(h, 0), [9]);
  await h.runtime.advance(DAY_MS);
  const ofBasin = await h.until(h.engine.usage.storageOfBasin(BASIN, last(h, DAY_MS / 1000 + 3600, "hour")));
  assert.equal(ofBasin[0].value, 9);
  assert.equal(ofBasin.at(-1)?.value, 0);
  assert.deepEqual(await storage(h, 0), [0]);
});

test("a basin was active if it had a stream in that time, also when it is gone", async () => {
  const h = await (await Harness.open()).withStream();
  await h.until(h.engine.basins.ensure("without-streams", DEFAULT_BASIN_CONFIG));
  const active = async (fromSecs: number, toSecs: number) => h.until(h.engine.usage.activeBasins(fromSecs, toSecs));
  await h.until(h.append({ bodies: ["a"] }));
  assert.deepEqual(await active(nowSecs(h) - 60, nowSecs(h)), [BASIN]);
  assert.deepEqual(await active(0, 3600), []);
  await h.runtime.advance(60_000);
  const then = nowSecs(h);
  await h.until(h.engine.basins.delete(BASIN));
  await h.runtime.advance(DAY_MS);
  assert.deepEqual(await active(then - 60, then), [BASIN]);
  assert.deepEqual(await active(nowSecs(h) - 60, nowSecs(h)), []);
});

test("totals sum what all basins used and stored", async () => {
  const h = await (await Harness.open()).withStream();
  await h.until(h.engine.basins.ensure("other-basin", DEFAULT_BASIN_CONFIG));
  await h.until(h.engine.streams.ensure("other-basin", STREAM, {}));
  await h.until(h.append({ bodies: ["a"] }));
  await h.until(h.engine.append("other-basin", STREAM, inputOf({ bodies: ["bb"] }), { config: {} }));
  await h.runtime.advance(3 * 3_600_000);
  const totals = await h.until(h.engine.usage.totals(last(h, 3 * 3600, "hour")));
  assert.deepEqual(
    totals.map(({ counts, storedBytes }) => [counts["append-bytes"] ?? 0, storedBytes]),
    [
      [19, 19],
      [0, 19],
      [0, 19],
      [0, 19],
    ],
  );
});

test("what has not changed for longer than is kept is still stored", async () => {
  const h = await (await Harness.open()).withStream();
  await h.until(h.engine.streams.ensure(BASIN, STREAM, { retentionAgeSecs: "infinite" }));
  await h.until(h.append({ bodies: ["a"] }));
  await h.runtime.advance(2 * 1000 * KEPT_SECS.hour);
  h.engine.usage.operation("list-streams", BASIN);
  await h.runtime.advance(61_000);
  const range = last(h, 0, "hour");
  assert.deepEqual(
    (await h.until(h.engine.usage.totals(range))).map(({ storedBytes }) => storedBytes),
    [9],
  );
  assert.deepEqual(
    (await h.until(h.engine.usage.storageOfBasin(BASIN, range))).map(({ value }) => value),
    [9],
  );
});

test("the history is bounded, and forgets the oldest first", () => {
  const history = new UsageHistory();
  const basins = Object.fromEntries(
    Array.from({ length: 499 }, (_, i) => [`${i}`, { name: `${i}`, counts: { x: 1 } }]),
  );
  const count = 450;
  for (let i = 0; i < count; i += 1)
    history.addMinute({ at: 60 * i, account: {}, basins: structuredClone(basins) }, { hour: -1, day: -1 });
  const { length } = history.records("minute");
  assert.ok(length <= MAX_ENTRIES / 500 + 1 && length >= MAX_ENTRIES / 500 - 1, `${length}`);
  assert.equal(history.records("minute").at(-1)?.at, 60 * (count - 1));
  assert.equal(history.records("day")[0].basins["7"].counts.x, count);
});

test("periods begin with the one that a range begins in; what stands carries on", () => {
  assert.deepEqual(periodsOf({ interval: "minute", fromSecs: 61, toSecs: 61 }), [60]);
  assert.deepEqual(periodsOf({ interval: "minute", fromSecs: 60, toSecs: 180 }), [60, 120]);
  assert.deepEqual(periodsOf({ interval: "hour", fromSecs: 3599, toSecs: 3601 }), [0, 3600]);
  const changes = [
    { at: 120, value: 1 },
    { at: 180, value: 2 },
    { at: 3600, value: 3 },
  ];
  assert.deepEqual(
    levelsOf(changes, [60, 120, 180, 240], "minute").map(({ value }) => value),
    [1, 2, 2],
  );
  assert.deepEqual(
    levelsOf(changes, [0, 3600, 7200], "hour").map(({ value }) => value),
    [2, 3, 3],
  );
});

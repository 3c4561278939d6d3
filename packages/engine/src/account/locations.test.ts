// Locations and storage classes: stored state that all owners agree on, and lingers that keep the order of a stream.
import assert from "node:assert/strict";
import { test } from "node:test";
import { DEFAULT_BASIN_CONFIG } from "../config.ts";
import { EngineError } from "../errors.ts";
import { VirtualRuntime } from "../runtime/index.ts";
import { BASIN, Harness, STREAM, sharedStore } from "../testing/harness.ts";
import { inputOf } from "../testing/inputs.ts";
import { Account, type AccountCommand } from "./account.ts";
import type { Location } from "./locations.ts";

const invalid = (error: unknown) => error instanceof EngineError && error.code === "invalid";

function location(name: string, classes: Readonly<Record<string, number>>): Location {
  const storageClasses = Object.entries(classes).map(([each, lingerMs]) => ({ name: each, lingerMs }));
  return { name, isPrivate: false, storageClasses, defaultStorageClass: storageClasses[0].name };
}

const FAST = location("fast", { express: 0, cheap: 700 });
const SLOW = location("slow", { standard: 250 });

/** Virtual milliseconds until an append is acknowledged. */
async function ackMs(h: Harness, stream: string): Promise<number> {
  const fromMs = h.runtime.clock.monotonicMs();
  await h.until(h.append({ bodies: ["x"] }, stream));
  return h.runtime.clock.monotonicMs() - fromMs;
}

test("a class is a linger, of the basin's location; what is not given is the location's default", async () => {
  const h = await (await Harness.open()).withStream();
  assert.equal(await ackMs(h, STREAM), 0);
  await h.until(h.engine.streams.ensure(BASIN, "lingering", { storageClass: "standard" }));
  assert.equal(await ackMs(h, "lingering"), 100);
  const local = (await h.until(h.engine.locations.list()))[0];
  await h.until(h.engine.locations.define([local, SLOW]));
  const elsewhere = await h.until(h.engine.basins.create("slow-basin", DEFAULT_BASIN_CONFIG, undefined, "slow"));
  assert.equal(elsewhere.info.location, "slow");
  const { config } = await h.until(h.engine.streams.ensure("slow-basin", "s", {}));
  assert.equal(config.storageClass, "standard");
  const fromMs = h.runtime.clock.monotonicMs();

  await h.until(h.engine.append("slow-basin", "s", inputOf({ bodies: ["x"] }), { config: {} }));
  assert.equal(h.runtime.clock.monotonicMs() - fromMs, 250);
});

test("a change of class acts on later appends, and breaks no order", async () => {
  const h = await (await Harness.open()).withStream();
  await h.until(h.engine.streams.reconfigure(BASIN, STREAM, { storageClass: "standard" }));
  const fromMs = h.runtime.clock.monotonicMs();
  const lingering = h.append({ bodies: ["first"] });
  const changed = h.engine.streams.reconfigure(BASIN, STREAM, { storageClass: "express" });
  const later = h.append({ bodies: ["second"] });
  const acks = await h.until(Promise.all([lingering, later]));
  await h.until(changed);
  assert.deepEqual(
    acks.map((ack) => ack.start.seqNum),
    [0, 1],
  );
  assert.equal(h.runtime.clock.monotonicMs() - fromMs, 0, "what lingered rides along with what does not");
  await h.until(h.engine.streams.reconfigure(BASIN, STREAM, { storageClass: "standard" }));
  assert.equal(await ackMs(h, STREAM), 100);
  assert.deepEqual(await h.readAll(), ["first", "second", "x"]);
});

test("what a location does not offer is refused: of streams, of basins' defaults, and unknown locations", async () => {
  const h = await (await Harness.open()).withStream();
  const { engine } = h;
  const refused = (promise: Promise<unknown>) => assert.rejects(h.until(promise), invalid);
  await refused(engine.streams.create(BASIN, "new", { storageClass: "cheap" }, undefined));
  await refused(engine.streams.ensure(BASIN, STREAM, { storageClass: "cheap" }));
  await refused(engine.streams.reconfigure(BASIN, STREAM, { storageClass: "cheap" }));
  await refused(engine.basins.reconfigure(BASIN, { defaultStreamConfig: { storageClass: "cheap" } }));
  await refused(engine.basins.create("other-basin", DEFAULT_BASIN_CONFIG, undefined, "nowhere"));
  await refused(engine.basins.ensure("other-basin", DEFAULT_BASIN_CONFIG, "nowhere"));
  await refused(engine.basins.ensure(BASIN, DEFAULT_BASIN_CONFIG, "slow"));
  await refused(engine.locations.setDefault("nowhere"));
  const cheap = { ...DEFAULT_BASIN_CONFIG, defaultStreamConfig: { storageClass: "cheap" } };
  await refused(engine.basins.ensure("other-basin", cheap));
  await assert.rejects(h.until(engine.basins.get("other-basin")));
  assert.equal((await h.until(engine.basins.get(BASIN))).info.location, "local");
});

test("locations are stored: the next owner knows them, the default, and where each basin is", async () => {
  const store = sharedStore();
  const h = await (await Harness.open(store)).withStream();
  const local = (await h.until(h.engine.locations.list()))[0];
  await h.until(h.engine.locations.define([FAST, local]));
  assert.equal((await h.until(h.engine.locations.getDefault())).name, "local");
  await h.until(h.engine.locations.setDefault("fast"));
  await h.until(h.engine.basins.create("fast-basin", DEFAULT_BASIN_CONFIG, undefined));
  const next = await Harness.open(store, new VirtualRuntime({ seed: 2 }));
  const { engine } = next;
  assert.deepEqual(await next.until(engine.locations.list()), [FAST, local]);
  assert.deepEqual(await next.until(engine.locations.getDefault()), FAST);
  assert.equal((await next.until(engine.basins.get("fast-basin"))).info.location, "fast");
  assert.equal((await next.until(engine.basins.get(BASIN))).info.location, "local");
  await next.until(engine.streams.ensure("fast-basin", "s", { storageClass: "cheap" }));
});

test("locations that basins need cannot be taken away; classes that streams have linger on as the default", async () => {
  const h = await (await Harness.open()).withStream();
  const { engine } = h;
  await assert.rejects(h.until(engine.locations.define([FAST])), invalid);
  const local = location("local", { quick: 30, express: 0, odd: 60 });
  await h.until(engine.locations.define([local]));
  await h.until(engine.streams.ensure(BASIN, "odd", { storageClass: "odd" }));
  const defaults = { ...DEFAULT_BASIN_CONFIG, defaultStreamConfig: { storageClass: "express" } };
  await h.until(engine.basins.ensure(BASIN, defaults));
  await assert.rejects(h.until(engine.locations.define([location("local", { quick: 30 })])), invalid);
  await h.until(engine.locations.define([location("local", { quick: 30, express: 0 })]));
  assert.equal(await ackMs(h, "odd"), 30);
  // It may keep what it has; it may not get it again.
  await h.until(engine.streams.reconfigure(BASIN, "odd", { retentionAgeSecs: "infinite" }));
  await assert.rejects(h.until(engine.streams.ensure(BASIN, "other", { storageClass: "odd" })), invalid);
});

test("what earlier builds stored about basins is read as it was meant", () => {
  const stored = [
    '{"kind":"create","id":"aa","name":"first-basin","atMs":1,"idempotencyKey":"k","config":{"defaultStreamConfig":{"storageClass":"standard"},"createStreamOnAppend":true,"createStreamOnRead":false}}',
    '{"kind":"ensure","id":"bb","name":"other-basin","atMs":2,"config":{"defaultStreamConfig":{},"createStreamOnAppend":false,"createStreamOnRead":false}}',
    '{"kind":"reconfigure","name":"first-basin","patch":{"createStreamOnRead":true}}',
    '{"kind":"delete","name":"other-basin","atMs":3}',
    '{"kind":"remove","id":"bb","name":"other-basin"}',
  ];
  const account = new Account();
  const kinds = stored.map((command) => account.apply(JSON.parse(command) as AccountCommand).kind);
  assert.deepEqual(kinds, ["created", "created", "updated", "deleted", "removed"]);
  assert.deepEqual(JSON.parse(JSON.stringify([...account.basins.tree.values()])), [
    {
      id: "aa",
      name: "first-basin",
      createdAtMs: 1,
      idempotencyKey: "k",
      location: "local",
      config: {
        defaultStreamConfig: { storageClass: "standard" },
        createStreamOnAppend: true,
        createStreamOnRead: true,
      },
      deletedAtMs: null,
    },
  ]);
  assert.equal(account.lingerMs("aa", "standard"), 100);
  assert.equal(account.lingerMs("bb", "standard"), 0);
});

test("a deposed owner does not say that locations are what somebody wants them to be", async () => {
  const store = sharedStore();
  const h = await Harness.open(store);
  const locations = await h.until(h.engine.locations.list());
  await h.runtime.advance(10_000);
  const next = await Harness.open(store, new VirtualRuntime({ seed: 2 }));
  await next.until(next.engine.locations.define([...locations, FAST]));
  await assert.rejects(
    h.until(h.engine.locations.define(locations)),
    (error) => error instanceof EngineError && error.code === "unavailable",
  );
});

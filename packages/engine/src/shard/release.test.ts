// The end of an owner: what is in the log when it has released its shard, and what it may still say then. Virtual time.
import assert from "node:assert/strict";
import { test } from "node:test";
import { EngineError } from "../errors.ts";
import { FaultyStore, MemoryStore } from "../object-store/index.ts";
import { VirtualRuntime } from "../runtime/index.ts";
import { BASIN, Harness, STREAM } from "../testing/harness.ts";
import { verifyLogObject } from "./chunk-format.ts";
import { walPrefix } from "./keys.ts";

const WAL = walPrefix(0);
const MIB = 1024 * 1024;

function code(expected: string) {
  return (error: unknown) => error instanceof EngineError && error.code === expected;
}

function gate(): { held: Promise<void>; open: () => void } {
  let open = () => {};
  const held = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { held, open };
}

async function faulty(): Promise<{ h: Harness; store: FaultyStore; memory: MemoryStore }> {
  const runtime = new VirtualRuntime({ seed: 1 });
  const memory = new MemoryStore({ exclusive: false });
  const store = new FaultyStore(memory, runtime);
  const h = await (await Harness.open(store, runtime)).withStream();
  return { h, store, memory };
}

test("appends that waited for room when the shard was released are refused, not acknowledged into the release", async () => {
  const { h, store, memory } = await faulty();
  const puts = gate();
  store.hook = ({ kind }) => (kind === "putIfAbsent" ? { holdBefore: puts.held } : undefined);
  // More than one stream may have in flight.
  const body = "x".repeat(MIB - 100);
  const appends: Promise<unknown>[] = [];
  for (let i = 0; i < 120; i += 1) {
    appends.push(
      h.append({ bodies: [body] }).then(
        (ack) => ack.start.seqNum,
        (error: unknown) => error,
      ),
    );
  }
  await h.runtime.settle();
  assert.ok(h.engine.stats().waitingAppendBytes > 0);
  const closed = h.engine.close();
  await h.runtime.settle();
  puts.open();
  store.hook = () => undefined;
  await h.until(closed);
  const outcomes = await h.until(Promise.all(appends));
  const acknowledged = outcomes.filter((outcome) => typeof outcome === "number");
  assert.ok(acknowledged.length < 120);
  for (const outcome of outcomes) assert.ok(typeof outcome === "number" || code("server_draining")(outcome));
  const last = (await memory.list(WAL)).at(-1) ?? "";
  const header = verifyLogObject(last, Number(last.slice(WAL.length)), await memory.get(last));
  assert.equal(header.kind, "release");
  assert.equal(header.entryCount, 0);
  const next = await Harness.open(memory, new VirtualRuntime({ seed: 2 }));
  assert.equal((await next.readAll()).length, acknowledged.length);
});

test("a look ahead that was under way at the release earns nothing", async () => {
  const { h, store, memory } = await faulty();
  const reader = await h.until(
    h.engine.openReader(
      BASIN,
      STREAM,
      {
        start: { kind: "seq_num", seqNum: 0 },
        clamp: false,
        count: undefined,
        bytes: undefined,
        until: undefined,
        waitMs: undefined,
        mode: "session",
      },
      { config: {} },
    ),
  );
  await h.runtime.advance(10_000);
  const look = gate();
  const release = gate();
  store.hook = ({ kind }) => {
    if (kind === "get") return { holdAfter: look.held };
    // The release is in its place at once, and its owner hears of that much later.
    return kind === "putIfAbsent" ? { holdAfter: release.held } : undefined;
  };
  // The look ahead finds the place empty, and its answer is on its way when the owner releases the shard.
  const event = reader.next().then(
    (told) => told.kind,
    (error: unknown) => error,
  );
  await h.runtime.settle();
  const closed = h.engine.close();
  await h.runtime.settle();
  const taker = await Harness.open(memory, new VirtualRuntime({ seed: 2 }));
  await taker.until(taker.append({ bodies: ["news"] }));
  look.open();
  await h.runtime.settle();
  assert.ok(code("server_draining")(await h.until(event)));
  release.open();
  await h.until(closed);
});

test("an owner that could not put its release stops trying", async () => {
  const { h, store } = await faulty();
  let puts = 0;
  store.hook = ({ kind }) => {
    if (kind !== "putIfAbsent") return undefined;
    puts += 1;
    return { failBefore: "unavailable" };
  };
  await assert.rejects(h.until(h.engine.close()), code("unavailable"));
  const tried = puts;
  await h.runtime.advance(60_000);
  assert.ok(puts <= tried + 1, `${puts - tried} more puts`);
  assert.equal(h.runtime.pendingTimers, 0);
});

test("an owner that was deposed a moment ago answers nothing, whatever is left of its lease", async () => {
  const { h, store, memory } = await faulty();
  await h.runtime.advance(10_000);
  const look = gate();
  store.hook = ({ kind }) => (kind === "get" ? { holdBefore: look.held } : undefined);
  const answer = h.engine.checkTail(BASIN, STREAM).catch((error: unknown) => error);
  await h.runtime.settle();
  store.hook = () => undefined;
  await h.until(h.append({ bodies: ["earns a lease"] }));
  const taker = Harness.start(memory, new VirtualRuntime({ seed: 2 }));
  await taker.runtime.settle();
  const append = h.append({ bodies: ["never"] }).catch((error: unknown) => error);
  await h.runtime.settle();
  assert.equal(h.halts[0]?.name, "DeposedError");
  look.open();
  assert.ok(code("unavailable")(await h.until(answer)));
  assert.ok(code("unavailable")(await h.until(append)));
});

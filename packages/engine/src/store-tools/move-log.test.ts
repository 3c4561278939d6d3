// The log is moved while nobody serves: all that was there is there afterwards, wherever it broke off and was gone on with; and whoever slept through it
// comes to nothing in the log that was left.
import assert from "node:assert/strict";
import { test } from "node:test";
import { DeploymentError, readDeployment } from "../deployment.ts";
import { viewWithLog } from "../log-home.ts";
import {
  FaultyStore,
  MemoryStore,
  type ObjectStore,
  ObjectStoreError,
  type StoreOperation,
} from "../object-store/index.ts";
import { VirtualRuntime } from "../runtime/index.ts";
import { DEPLOYMENT_KEY, walPrefix } from "../shard/keys.ts";
import { BASIN, Harness, STREAM } from "../testing/harness.ts";
import { readSample, SAMPLE_LIMITS, type Sample, writeSample } from "../testing/sample-store.ts";
import { checkStore } from "./check.ts";
import { copyStore } from "./copy-store.ts";
import { CopyTarget } from "./copy-target.ts";
import { LogMoveError, type MoveLogReport, moveLog } from "./move-log.ts";
import { StoreInUseError } from "./tenure.ts";

interface Move {
  readonly from?: ObjectStore | undefined;
  readonly to?: ObjectStore | undefined;
  readonly deposesOwner?: boolean;
  readonly seed?: number;
}

function move(store: ObjectStore, { from, to, deposesOwner = false, seed = 77 }: Move): Promise<MoveLogReport> {
  const runtime = new VirtualRuntime({ seed });
  return runtime.until(moveLog({ runtime, store, from, to, deposesOwner }));
}

/** Whether the sample is all there: sound where it lies, and in a copy that is served. */
async function isWhole(main: MemoryStore, log: MemoryStore | undefined, sample: Sample, seed = 50): Promise<void> {
  const runtime = new VirtualRuntime({ seed });
  const deployment = await readDeployment(main, "");
  const view = viewWithLog(main, log, deployment.log);
  const { damage } = await checkStore({ runtime, view });
  assert.deepEqual(damage.told, []);
  const copy = new MemoryStore();
  const target = await CopyTarget.claim({ runtime, store: copy, view: copy, resumes: false }, deployment);
  await runtime.until(copyStore({ runtime, source: view, target, deployment }));
  assert.deepEqual(await readSample(copy, sample), sample);
}

/** A store that is not the one before by its name. */
class NamedStore extends MemoryStore {
  override readonly description: "memory:";
  constructor(name: string) {
    super({ exclusive: false });
    this.description = `memory:${name}` as "memory:";
  }
}

test("into a store of its own, on into another one, and back: all is there each time", async () => {
  const main = new MemoryStore({ exclusive: false });
  const sample = await writeSample(main);
  const a = new NamedStore("a");
  const b = new NamedStore("b");
  const first = await move(main, { to: a, seed: 1 });
  assert.ok(first.moved && first.objects > 5 && first.undeleted.length === 0);
  await isWhole(main, a, sample);
  const fencesLeft = await main.list(walPrefix(0));
  assert.ok(fencesLeft.length > 0 && fencesLeft.length < first.objects, "only fences are left");
  // Served in between.
  const h = await Harness.open(
    main,
    new VirtualRuntime({ seed: 5, wallMs: sample.wallMs }),
    SAMPLE_LIMITS,
    undefined,
    a,
  );
  await h.until(h.engine.close());
  await move(main, { from: a, to: b, seed: 2 });
  await isWhole(main, b, sample);
  await move(main, { from: b, to: undefined, seed: 3 });
  await isWhole(main, undefined, sample);
  await move(main, { to: a, seed: 4 });
  await isWhole(main, a, sample);
  const again = await Harness.open(
    main,
    new VirtualRuntime({ seed: 6, wallMs: sample.wallMs }),
    SAMPLE_LIMITS,
    undefined,
    a,
  );
  await again.until(again.append({ bodies: ["more"] }, "more").catch(() => undefined));
  await again.until(again.engine.close());
  await isWhole(main, a, sample);
});

test("it lies there already, somebody serves, or it is somewhere else: nothing is changed", async () => {
  const main = new MemoryStore({ exclusive: false });
  await writeSample(main, { released: false });
  const a = new NamedStore("a");
  const before = await main.list("");
  await assert.rejects(move(main, { to: undefined }), LogMoveError);
  await assert.rejects(move(main, { to: a }), StoreInUseError);
  await assert.rejects(move(main, { from: a, to: undefined }), DeploymentError);
  assert.deepEqual(await main.list(""), before);
  await move(main, { to: a, deposesOwner: true });
  await assert.rejects(move(main, { from: a, to: a }), LogMoveError);
  await assert.rejects(move(main, { to: new NamedStore("b") }), DeploymentError);
});

test("wherever it breaks off, it is gone on with; no server starts before, and none with what it had", async () => {
  let steps = 0;
  for (let end = 0; ; end += 1) {
    const main = new MemoryStore({ exclusive: false });
    const sample = await writeSample(main, { appends: 24 });
    const a = new NamedStore("a");
    const runtime = new VirtualRuntime({ seed: 60 });
    // From some operation on nothing has any effect any more, as after a crash.
    let left = end;
    const dying = (store: MemoryStore) =>
      new FaultyStore(store, runtime, () => {
        if (left <= 0) return { failBefore: "denied" };
        left -= 1;
        return undefined;
      });
    const broken = await runtime
      .until(moveLog({ runtime, store: dying(main), from: undefined, to: dying(a), deposesOwner: false }))
      .then(
        (report) => report,
        (error: unknown) => error,
      );
    if (!(broken instanceof ObjectStoreError) && (broken as MoveLogReport).undeleted.length === 0) break;
    steps += 1;
    // As somebody who has not looked: it starts as it was before it began, or not at all.
    const unaware = Harness.start(main, new VirtualRuntime({ seed: 61, wallMs: sample.wallMs }), SAMPLE_LIMITS);
    const started = await unaware.until(
      unaware.engine.started.then(
        () => true,
        (error: unknown) => {
          assert.ok(error instanceof DeploymentError, String(error));
          return false;
        },
      ),
    );
    await unaware.until(unaware.engine.close());
    const isOver = JSON.parse(Buffer.from(await main.get(DEPLOYMENT_KEY)).toString()).log !== undefined;
    assert.ok(!(started && isOver));
    if (!isOver) await move(main, { to: a, seed: 62, deposesOwner: true });
    await isWhole(main, a, sample);
  }
  assert.ok(steps > 30, `only ${steps}`);
});

test("it is taken back before all is there, and not any more after that", async () => {
  const main = new MemoryStore({ exclusive: false });
  const sample = await writeSample(main);
  const runtime = new VirtualRuntime({ seed: 60 });
  const full = new FaultyStore(new NamedStore("full"), runtime, ({ key }) =>
    key.includes("/wal/") ? { failBefore: "full" } : undefined,
  );
  await assert.rejects(
    runtime.until(moveLog({ runtime, store: main, from: undefined, to: full, deposesOwner: false })),
    ObjectStoreError,
  );
  const blocked = Harness.start(main, new VirtualRuntime({ seed: 61 }));
  await assert.rejects(blocked.until(blocked.engine.started), /was being moved, and that was not finished/);
  const back = await move(main, { to: undefined, seed: 62 });
  assert.equal(back.moved, false);
  await isWhole(main, undefined, sample);
  // Or on to somewhere else.
  await assert.rejects(
    runtime.until(moveLog({ runtime, store: main, from: undefined, to: full, deposesOwner: true })),
    ObjectStoreError,
  );
  const a = new NamedStore("a");
  await move(main, { to: a, seed: 63, deposesOwner: true });
  await isWhole(main, a, sample);
});

test("a taker that slept anywhere in its takeover does not go on in the log that was left", async () => {
  let woken = 0;
  for (let at = 0; ; at += 1) {
    const main = new MemoryStore({ exclusive: false });
    const sample = await writeSample(main, { appends: 12 });
    const runtime = new VirtualRuntime({ seed: 70, wallMs: sample.wallMs });
    const { store, wake, slept } = sleeping(main, runtime, (_, index) => index === at);
    const late = Harness.start(store, runtime, SAMPLE_LIMITS);
    await runtime.settle();
    if (!slept()) break;
    const a = new NamedStore("a");
    await move(main, { to: a, seed: 71, deposesOwner: true });
    const owner = await Harness.open(
      main,
      new VirtualRuntime({ seed: 72, wallMs: sample.wallMs }),
      SAMPLE_LIMITS,
      undefined,
      a,
    );
    await owner.withStream();
    await owner.until(owner.append({ bodies: ["kept"] }));
    wake();
    const outcome = await runtime.until(
      late.engine.started
        .then(
          () => late.append({ bodies: ["lost"] }),
          (error: unknown) => error,
        )
        .catch((error: unknown) => error),
    );
    assert.ok(outcome instanceof Error, "it has acknowledged what nobody will find");
    // Who was there first may have been deposed, and nothing of what it said is lost.
    await owner.until(owner.engine.close().catch(() => undefined));
    const last = await Harness.open(
      main,
      new VirtualRuntime({ seed: 73, wallMs: sample.wallMs }),
      SAMPLE_LIMITS,
      undefined,
      a,
    );
    const bodies = await last.readAll(0, STREAM);
    assert.equal(bodies.at(-1), "kept", `woken at ${at}`);
    woken += 1;
  }
  assert.ok(woken > 10, `only ${woken}`);
});

test("an owner that slept acknowledges nothing more, and answers nothing", async () => {
  const main = new MemoryStore({ exclusive: false });
  const sample = await writeSample(main);
  const old = await Harness.open(main, new VirtualRuntime({ seed: 80, wallMs: sample.wallMs }), SAMPLE_LIMITS);
  await old.withStream();
  const a = new NamedStore("a");
  await move(main, { to: a, seed: 81, deposesOwner: true });
  const owner = await Harness.open(
    main,
    new VirtualRuntime({ seed: 82, wallMs: sample.wallMs }),
    SAMPLE_LIMITS,
    undefined,
    a,
  );
  const { tail } = { tail: await owner.until(owner.engine.checkTail(BASIN, STREAM)) };
  await old.runtime.advance(10_000);
  await assert.rejects(old.until(old.engine.checkTail(BASIN, STREAM)));
  await assert.rejects(old.until(old.append({ bodies: ["never"] })));
  assert.deepEqual(await owner.until(owner.engine.checkTail(BASIN, STREAM)), tail);
});

/** A store that holds up one operation, until `wake`. */
function sleeping(
  memory: MemoryStore,
  runtime: VirtualRuntime,
  when: (operation: StoreOperation, index: number) => boolean,
) {
  const held = Promise.withResolvers<void>();
  let slept = false;
  let operations = 0;
  const store = new FaultyStore(memory, runtime, (operation) => {
    if (slept || !when(operation, operations++)) return undefined;
    slept = true;
    return { holdBefore: held.promise };
  });
  return { store, wake: () => held.resolve(), slept: () => slept };
}

// Leadership over a simulated log: who is elected, what a deposed leader can still do (nothing), and when a term ends.
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { DeposedError, NotLeaderError, OutcomeUnknownError, StoppedError } from "../errors.ts";
import { fenceOf } from "../log/log.ts";
import { decodeRecord } from "../record/envelope.ts";
import { Cluster } from "../testing/cluster.ts";
import { type Ledger, ledger } from "../testing/ledger.ts";
import { SimulatedStream } from "../testing/simulated-log.ts";

const ids = (state: Ledger) => [...state.ids];
const LEASE_MS = 3000;
const as = (holder: string) => ({ holder, leaseMs: LEASE_MS });
const single = () => ({ ...ledger(), singleWriter: true });

test("the first to try leads, everybody knows, and only it can write", async () => {
  const cluster = new Cluster();
  const [one, two] = [await cluster.open(single()), await cluster.open(single())];
  const leadership = await cluster.time.until(one.lead(as("one")));
  assert.ok(leadership.held);
  assert.equal((await cluster.time.until(leadership.propose({ id: 1 }))).result, 0);
  await cluster.time.until(two.read(ids));
  for (const replica of [one, two]) assert.deepEqual(replica.leader, { holder: "one", token: leadership.token });
  for (const replica of [one, two]) {
    await assert.rejects(replica.propose({ id: 2 }), NotLeaderError);
    await assert.rejects(
      replica.transact(() => ({ id: 3 })),
      NotLeaderError,
    );
  }
});

test("a leader that renews stays, however idle; one that falls silent is followed by another after its lease", async () => {
  const cluster = new Cluster();
  const [one, two] = [await cluster.open(single()), await cluster.open(single())];
  const first = await cluster.time.until(one.lead(as("one")));
  let second: Awaited<ReturnType<typeof two.lead>> | undefined;
  const waiting = two.lead(as("two")).then((won) => {
    second = won;
  });
  await cluster.time.passMs(20 * LEASE_MS);
  assert.ok(first.held && second === undefined);
  await cluster.time.until(one.abort());
  assert.equal(first.held, false);
  const beganMs = cluster.time.monotonicMs();
  await cluster.time.until(waiting);
  const waitedMs = cluster.time.monotonicMs() - beganMs;
  assert.ok(waitedMs <= 2 * LEASE_MS, `${waitedMs} ms`);
  assert.equal(two.leader?.holder, "two");
});

test("a leader that resigns is followed at once", async () => {
  const cluster = new Cluster();
  const [one, two] = [await cluster.open(single()), await cluster.open(single())];
  const first = await cluster.time.until(one.lead(as("one")));
  const waiting = two.lead(as("two"));
  const last = first.propose({ id: 1 });
  await cluster.time.until(first.resign());
  assert.equal((await last).result, 0);
  await assert.rejects(first.propose({ id: 2 }), DeposedError);
  const beganMs = cluster.time.monotonicMs();
  const second = await cluster.time.until(waiting);
  assert.ok(cluster.time.monotonicMs() - beganMs < LEASE_MS);
  assert.equal((await cluster.time.until(second.propose({ id: 3 }))).result, 1);
});

test("a deposed leader that does not know it yet can write nothing, and is told so", async () => {
  const cluster = new Cluster();
  const log = cluster.stream.connect();
  const [one, two] = [await cluster.open(single(), { log, proposalTimeoutMs: 600_000 }), await cluster.open(single())];
  const first = await cluster.time.until(one.lead({ holder: "one", leaseMs: 600_000 }));
  await cluster.time.until(first.propose({ id: 1 }));
  // It hears nothing of the log any more, and still can send.
  log.frozenUntilMs = cluster.time.monotonicMs() + 60_000;
  // As an operator would, or a leader by another build's rules.
  cluster.stream.take({
    entries: [{ headers: [[new Uint8Array(0), Buffer.from("fence")]], body: Buffer.from("other") }],
  });
  const tail = cluster.stream.tail;
  const late = [2, 3, 4].map((id) => first.propose({ id }));
  const told = Promise.all(late.map((each) => assert.rejects(each, DeposedError)));
  await cluster.time.passMs(30_000);
  assert.equal(cluster.stream.tail, tail);
  await cluster.time.passMs(60_000);
  await told;
  assert.ok((await first.lost) instanceof DeposedError);
  assert.deepEqual(await cluster.time.until(two.read(ids)), [1]);
});

test("a candidate that lags deposes nobody: its fence counts only where it has seen everything", async () => {
  const cluster = new Cluster();
  const log = cluster.stream.connect();
  const [one, two] = [await cluster.open(single()), await cluster.open(single(), { log })];
  const first = await cluster.time.until(one.lead(as("one")));
  await cluster.time.until(two.read(ids));
  log.frozenUntilMs = cluster.time.monotonicMs() + 5 * LEASE_MS;
  const controller = new AbortController();
  const waiting = two.lead({ ...as("two"), signal: controller.signal });
  waiting.catch(() => undefined);
  await cluster.time.passMs(10 * LEASE_MS);
  assert.ok(first.held);
  assert.equal(two.leader?.holder, "one");
  controller.abort();
  await assert.rejects(cluster.time.until(waiting));
});

test("a leader that cannot renew stops in time, before anybody else may lead", async () => {
  const cluster = new Cluster();
  const [one, two] = [await cluster.open(single(), { proposalTimeoutMs: 100 }), await cluster.open(single())];
  const first = await cluster.time.until(one.lead(as("one")));
  await cluster.time.until(first.propose({ id: 1 }));
  const waiting = two.lead(as("two"));
  cluster.stream.weather.down = true;
  cluster.stream.wakeAll();
  const lostMs = cluster.time.until(first.lost.then(() => cluster.time.monotonicMs()));
  const beganMs = cluster.time.monotonicMs();
  assert.ok((await lostMs) - beganMs <= LEASE_MS);
  await assert.rejects(first.propose({ id: 2 }), DeposedError);
  cluster.stream.weather.down = false;
  await cluster.time.until(waiting);
});

test("a wait to lead can be left, and ends with its replica", async () => {
  const cluster = new Cluster();
  const [one, two] = [await cluster.open(single()), await cluster.open(single())];
  await cluster.time.until(one.lead(as("one")));
  const controller = new AbortController();
  const left = two.lead({ ...as("two"), signal: controller.signal });
  await cluster.time.passMs(100);
  controller.abort(new Error("changed my mind"));
  await assert.rejects(cluster.time.until(left), /changed my mind/);
  const stopped = two.lead(as("two"));
  const told = assert.rejects(stopped, StoppedError);
  await cluster.time.until(two.abort());
  await told;
  await cluster.time.until(one.abort());
  await cluster.time.passMs(10 * LEASE_MS);
  assert.equal(cluster.time.pendingTimers, 0);
});

test("who leads is part of a snapshot", async () => {
  const cluster = new Cluster();
  const snapshots = new SimulatedStream(cluster.time);
  const options = () => ({ snapshots: { log: snapshots.connect(), everyRecords: 10 } });
  const one = await cluster.open(single(), options());
  const leadership = await cluster.time.until(one.lead(as("one")));
  for (let id = 0; cluster.stream.first < 3; id += 1) {
    await cluster.time.until(leadership.propose({ id }));
    await cluster.time.passMs(100);
  }
  const fresh = await cluster.open(single(), options());
  assert.deepEqual(fresh.leader, { holder: "one", token: leadership.token });
});

test("whatever the network does, nothing of a term is appended after the next began, and nothing counts twice", async () => {
  let terms = 0;
  let deposed = 0;
  await fc.assert(
    fc.asyncProperty(fc.integer(), fc.constantFrom(0, 0.05, 0.2), async (seed, loss) => {
      const cluster = new Cluster(seed);
      cluster.stream.weather.delayMs = 50;
      const replicas = [await cluster.open(single()), await cluster.open(single()), await cluster.open(single())];
      cluster.stream.weather.loss = loss;
      const outcomes = new Map<number, "applied" | "none" | "unknown">();
      let next = 0;
      let over = false;
      const lane = async (index: number) => {
        while (!over) {
          const leadership = await replicas[index].lead({ holder: `${index}`, leaseMs: 1000 });
          const pending: Promise<void>[] = [];
          for (let i = 0; i < 20 && !leadership.over && !over; i += 1) {
            const id = next++;
            pending.push(
              leadership.propose({ id }).then(
                () => void outcomes.set(id, "applied"),
                (error: unknown) => {
                  if (error instanceof DeposedError) deposed += 1;
                  outcomes.set(id, error instanceof OutcomeUnknownError ? "unknown" : "none");
                },
              ),
            );
            await new Promise<void>((resolve) => cluster.time.setTimer(cluster.time.fraction() * 300, resolve));
          }
          // Some resign, some are just not heard of again for a while.
          if (cluster.time.fraction() < 0.5) await leadership.resign().catch(() => undefined);
          else {
            cluster.stream.weather.down = true;
            cluster.stream.wakeAll();
            cluster.time.setTimer(cluster.time.fraction() * 3000, () => {
              cluster.stream.weather.down = false;
            });
            const passed = new Promise<void>((resolve) => cluster.time.setTimer(5000, resolve));
            await Promise.race([leadership.lost, passed]);
            if (!leadership.over) await leadership.resign().catch(() => undefined);
          }
          await Promise.all(pending);
        }
      };
      const lanes = replicas.map((_, index) => lane(index));
      await cluster.time.passMs(30_000);
      over = true;
      cluster.stream.weather.loss = 0;
      await cluster.time.until(Promise.all(lanes));
      const state = await cluster.time.until(replicas[0].read(ids));
      assert.equal(new Set(state).size, state.length);
      for (const [id, outcome] of outcomes) {
        if (outcome !== "unknown") assert.equal(state.includes(id), outcome === "applied", `${id}: ${outcome}`);
      }
      let fenced = -1;
      for (const record of cluster.stream.records) {
        if (fenceOf(record) !== undefined) fenced = record.seqNum;
        const decoded = decodeRecord(record);
        if (decoded?.kind === "term") terms += 1;
        if (decoded?.kind === "command")
          assert.ok(decoded.session > fenced, `${record.seqNum} is of a term that was over`);
      }
      for (const replica of replicas) await cluster.time.until(replica.abort());
    }),
    { numRuns: 20 },
  );
  assert.ok(terms > 60 && deposed > 0, `${terms} terms, ${deposed} deposed`);
});

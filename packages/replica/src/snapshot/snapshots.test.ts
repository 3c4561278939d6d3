// Snapshots over a simulated log: when they are taken, what is trimmed for them, and what is done about bad ones.
import assert from "node:assert/strict";
import { test } from "node:test";
import { ReplicatedState } from "../apply/replicated-state.ts";
import { BadSnapshotError, LogTrimmedError, ResultUnavailableError, StoppedError, VersionError } from "../errors.ts";
import { SNAPSHOT_PIECE_BYTES } from "../limits.ts";
import { decodeRecord, encodeRecord, type WholeRecord } from "../record/envelope.ts";
import type { Replica, ReplicaOptions } from "../replica.ts";
import { Cluster } from "../testing/cluster.ts";
import { type Entry, type Ledger, ledger } from "../testing/ledger.ts";
import { SimulatedStream } from "../testing/simulated-log.ts";

const ids = (state: Ledger) => [...state.ids];

class SnapshotCluster extends Cluster {
  readonly snapshots = new SimulatedStream(this.time, this.stream.weather);
  readonly problems: unknown[] = [];
  #next = 0;

  start(machine = ledger(), options: Partial<ReplicaOptions> = {}): Promise<Replica<Ledger, Entry, number>> {
    return this.open(machine, {
      snapshots: { log: this.snapshots.connect(), everyRecords: 10 },
      onProblem: (problem) => this.problems.push(problem),
      ...options,
    });
  }

  /** Until there is one more snapshot in the log. */
  async snapshot(replica: Replica<Ledger, Entry, number>): Promise<void> {
    const before = this.announced;
    for (let i = 0; this.announced === before; i += 1) {
      assert.ok(i < 100, "no snapshot comes");
      await this.propose(replica, 3);
      await this.time.passMs(500);
    }
    await this.time.passMs(500);
  }

  async propose(replica: Replica<Ledger, Entry, number>, count: number): Promise<void> {
    for (let i = 0; i < count; i += 1) await this.time.until(replica.propose({ id: this.#next++ }));
  }

  get announced(): number {
    return this.stream.records.filter((record) => decodeRecord(record)?.kind === "snapshot").length;
  }

  get wholes(): WholeRecord[] {
    return this.snapshots.records.map(decodeRecord).filter((record) => record?.kind === "whole");
  }

  /** All ids proposed. */
  get all(): number[] {
    return Array.from({ length: this.#next }, (_, id) => id);
  }

  read(replica: Replica<Ledger, Entry, number>): Promise<number[]> {
    return this.time.until(replica.read(ids));
  }
}

test("a snapshot is taken while writes go on, and a replica starts from it", async () => {
  const cluster = new SnapshotCluster();
  const replica = await cluster.start();
  await cluster.snapshot(replica);
  assert.equal(cluster.stream.first, 0);
  let applied = 0;
  const machine = ledger();
  const fresh = await cluster.start({
    ...machine,
    apply: (...args) => {
      applied += 1;
      return machine.apply(...args);
    },
  });
  assert.deepEqual(await cluster.read(fresh), cluster.all);
  assert.ok(applied < cluster.all.length);
  assert.deepEqual(cluster.problems, []);
});

test("a snapshot is of the record where it was asked for, though its chunks are taken later and by a generator", () => {
  const machine = ledger();
  const { take } = machine.snapshots;
  machine.snapshots.take = function* (state, version) {
    yield* take(state, version);
  };
  const kept = ReplicatedState.initial(machine);
  const record = (id: number) => ({
    ...encodeRecord({ kind: "command", session: 0, counter: id, version: 1, command: machine.encode({ id }, 1) }),
    seqNum: id + 1,
    timestampMs: 0,
  });
  const open = encodeRecord({
    kind: "open",
    nonce: new Uint8Array(16),
    machine: "ledger",
    version: 1,
    maxSessions: 1024,
  });
  kept.apply({ ...open, seqNum: 0, timestampMs: 0 });
  kept.apply(record(0));
  const image = kept.image(machine.snapshots, 1);
  kept.apply(record(1));
  assert.equal([...image].length, 2);
});

test("one of several replicas takes each snapshot", async () => {
  const cluster = new SnapshotCluster();
  const replicas = [await cluster.start(), await cluster.start(), await cluster.start()];
  for (let i = 0; i < 5; i += 1) await cluster.snapshot(replicas[i % 3]);
  const due = Math.floor(cluster.stream.tail / 10);
  assert.ok(cluster.announced <= due, `${cluster.announced} of at most ${due}`);
});

test("the log is trimmed below the second newest snapshot, and never below the newest alone", async () => {
  const cluster = new SnapshotCluster();
  const replica = await cluster.start();
  for (let i = 1; i <= 4; i += 1) {
    await cluster.snapshot(replica);
    const wholes = cluster.wholes;
    const second = wholes.at(-2);
    assert.equal(cluster.stream.first, second?.next ?? 0);
    assert.equal(cluster.snapshots.first, second?.first ?? 0);
  }
  assert.deepEqual(await cluster.read(await cluster.start()), cluster.all);
});

test("a bad snapshot is told about, and the one before is taken: another checksum, a missing piece, chunks that make no sense", async () => {
  for (const damage of ["checksum", "piece", "chunks", "early end"] as const) {
    const cluster = new SnapshotCluster();
    const replica = await cluster.start();
    await cluster.snapshot(replica);
    await cluster.snapshot(replica);
    const newest = cluster.wholes.at(-1);
    assert.ok(newest !== undefined);
    const at = cluster.snapshots.records.findIndex(
      (record) => record.seqNum >= newest.first && decodeRecord(record)?.kind === "piece",
    );
    const piece = cluster.snapshots.records[at];
    const body = Uint8Array.from(piece.body);
    // Another digit: it could be restored, and would be wrong.
    if (damage === "checksum") body[body.length - 2] ^= 1;
    if (damage === "chunks") body.fill(0x20);
    const damaged = damage === "early end" ? body.subarray(0, -3) : body;
    cluster.snapshots.records[at] = damage === "piece" ? { ...piece, headers: [] } : { ...piece, body: damaged };
    assert.deepEqual(await cluster.read(await cluster.start()), cluster.all);
    assert.equal(cluster.problems.length, 1, damage);
    assert.ok(cluster.problems[0] instanceof BadSnapshotError);
  }
});

test("pieces without an end, of who crashed while writing, are passed over", async () => {
  const cluster = new SnapshotCluster();
  const replica = await cluster.start();
  await cluster.snapshot(replica);
  const nonce = new Uint8Array(16);
  for (let index = 0; index < 100; index += 1) {
    cluster.snapshots.take({ entries: [encodeRecord({ kind: "piece", nonce, index, bytes: new Uint8Array(9) })] });
  }
  assert.deepEqual(await cluster.read(await cluster.start()), cluster.all);
});

test("a connection that breaks does not make a snapshot bad", async () => {
  const cluster = new SnapshotCluster(7);
  const replica = await cluster.start();
  await cluster.snapshot(replica);
  await cluster.snapshot(replica);
  cluster.stream.weather.loss = 0.3;
  for (let i = 0; i < 10; i += 1) {
    assert.deepEqual(await cluster.read(await cluster.start(ledger(), { readTimeoutMs: 600_000 })), cluster.all);
  }
  assert.ok(!cluster.problems.some((problem) => problem instanceof BadSnapshotError));
});

test("a snapshot of many pieces is written piece by piece and restored", async () => {
  const cluster = new Cluster();
  const snapshots = new SimulatedStream(cluster.time);
  const size = 3 * SNAPSHOT_PIECE_BYTES + 1000;
  const machine = {
    ...ledger(),
    snapshots: {
      take: ({ ids }: Ledger) => [new Uint8Array(size).fill(7), Buffer.from(JSON.stringify(ids))],
      async restore(chunks: AsyncIterable<Uint8Array>): Promise<Ledger> {
        const [filler, last] = await Array.fromAsync(chunks);
        assert.ok(filler.length === size && filler.every((byte) => byte === 7));
        return { ids: JSON.parse(Buffer.from(last).toString()), positions: [] };
      },
    },
  };
  const options = () => ({ snapshots: { log: snapshots.connect(), everyBytes: 100 } });
  const replica = await cluster.open(machine, options());
  for (let id = 0; id < 10; id += 1) await cluster.time.until(replica.propose({ id }));
  await cluster.time.passMs(5000);
  const pieces = snapshots.records.filter((record) => decodeRecord(record)?.kind === "piece");
  assert.ok(pieces.length >= 4);
  const fresh = await cluster.open(machine, options());
  assert.deepEqual((await cluster.time.until(fresh.read(ids))).length, 10);
});

test("a replica that was trimmed past goes on from a snapshot; what it had proposed counted once, and it says what it does not know", async () => {
  const cluster = new SnapshotCluster();
  const log = cluster.stream.connect();
  const [one, two] = [await cluster.start(), await cluster.start(ledger(), { log, proposalTimeoutMs: 600_000 })];
  await cluster.propose(two, 1);
  const watch = two.watch((state) => state.ids.length);
  await watch.next();
  log.frozenUntilMs = cluster.time.monotonicMs() + 60_000;
  const proposed = two.propose({ id: 1000 });
  const unseen = assert.rejects(proposed, ResultUnavailableError);
  for (let i = 0; i < 3; i += 1) await cluster.snapshot(one);
  assert.ok(two.next < cluster.stream.first);
  log.frozenUntilMs = 0;
  await cluster.time.passMs(60_000);
  await unseen;
  const state = await cluster.read(two);
  assert.deepEqual(state, await cluster.read(one));
  assert.equal(state.filter((id) => id === 1000).length, 1);
  assert.ok(Number((await watch.next()).value?.value) > 1);
  // It goes on under its old session, in order.
  await cluster.propose(two, 2);
});

test("a later version's snapshot, or another machine's, is not restored", async () => {
  const cluster = new SnapshotCluster();
  const replica = await cluster.start({ ...ledger(), version: 2 });
  await cluster.snapshot(replica);
  for (const machine of [ledger(), { ...ledger(), name: "another", version: 2 }]) {
    await assert.rejects(
      cluster.start(machine),
      (error) => error instanceof StoppedError && error.cause instanceof VersionError,
    );
  }
});

test("where the log was trimmed and no snapshot is good, a replica says so", async () => {
  const cluster = new SnapshotCluster();
  const replica = await cluster.start();
  for (let i = 0; i < 3; i += 1) await cluster.snapshot(replica);
  cluster.snapshots.records.forEach((record, i) => {
    cluster.snapshots.records[i] = { ...record, body: new Uint8Array(3) };
  });
  await assert.rejects(cluster.start({ ...ledger(), name: "" }), (error) => error instanceof StoppedError);
  const empty = new SimulatedStream(cluster.time);
  await assert.rejects(
    cluster.start(ledger(), { snapshots: { log: empty.connect() } }),
    (error) => error instanceof StoppedError && error.cause instanceof LogTrimmedError,
  );
});

test("a snapshot that cannot be written is given up, and proposals do not notice", async () => {
  const cluster = new SnapshotCluster();
  const log = cluster.snapshots.connect();
  log.append = () => Promise.reject(new Error("no room"));
  const replica = await cluster.start(ledger(), { snapshots: { log, everyRecords: 10 } });
  for (let i = 0; i < 30; i += 1) {
    await cluster.propose(replica, 1);
    await cluster.time.passMs(300);
  }
  assert.ok(cluster.problems.length > 0);
  assert.deepEqual(await cluster.read(replica), cluster.all);
});

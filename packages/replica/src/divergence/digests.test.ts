// Replicas whose states differ, on purpose: the one that is not like the rest stops, and says so.
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { ReplicatedState } from "../apply/replicated-state.ts";
import { DivergenceError, StoppedError } from "../errors.ts";
import { decodeRecord, encodeRecord } from "../record/envelope.ts";
import type { Replica } from "../replica.ts";
import { Cluster } from "../testing/cluster.ts";
import { type Entry, type Ledger, type LedgerMachine, ledger, Witness } from "../testing/ledger.ts";
import { SimulatedStream } from "../testing/simulated-log.ts";
import { mostSaid } from "./digests.ts";

const ids = (state: Ledger) => [...state.ids];

/** Applies one command otherwise than all others. */
function faulty(at: number): LedgerMachine {
  const machine = ledger(new Witness());
  return {
    ...machine,
    apply(state, command, position) {
      const result = machine.apply(state, command, position);
      if (command.id === at) state.ids[state.ids.length - 1] = -1;
      return result;
    },
  };
}

async function fleet(machines: readonly LedgerMachine[]) {
  const cluster = new Cluster();
  const problems: unknown[][] = machines.map(() => []);
  const replicas: Replica<Ledger, Entry, number>[] = [];
  for (const [i, machine] of machines.entries()) {
    const onProblem = (problem: unknown) => problems[i].push(problem);
    replicas.push(await cluster.open(machine, { digestEveryRecords: 10, onProblem }));
  }
  const propose = async (from: number, count: number, via = 0) => {
    for (let id = from; id < from + count; id += 1) {
      await cluster.time.until(replicas[via].propose({ id }));
      await cluster.time.passMs(100);
    }
    await cluster.time.passMs(5000);
  };
  return { cluster, replicas, problems, propose };
}

const digests = ({ stream }: Cluster) => stream.records.filter((record) => decodeRecord(record)?.kind === "digest");

test("replicas that agree say so now and then, and nothing more", async () => {
  const { cluster, problems, propose } = await fleet([ledger(), ledger(), ledger()]);
  await propose(0, 40);
  assert.ok(digests(cluster).length >= 6);
  // They do not beget themselves: an idle log stays idle.
  const { tail } = cluster.stream;
  await cluster.time.passMs(600_000);
  assert.ok(cluster.stream.tail - tail <= 1);
  assert.deepEqual(problems, [[], [], []]);
});

test("a replica that starts compares what is past, and says nothing about it", async () => {
  const { cluster, propose } = await fleet([ledger(), ledger(), ledger()]);
  await propose(0, 40);
  const before = digests(cluster).length;
  const late = await cluster.open(ledger(), { digestEveryRecords: 10 });
  const wrong = await cluster.open(faulty(3), { digestEveryRecords: 10 });
  const { cause } = await cluster.time.until(wrong.stopped);
  assert.ok(cause instanceof DivergenceError);
  assert.equal(digests(cluster).length, before);
  assert.equal((await cluster.time.until(late.read(ids))).length, 40);
});

test("of three the one that differs stops, whoever it is, and the others go on and hear of it", async () => {
  for (const bad of [0, 1, 2]) {
    const machines = [0, 1, 2].map((i) => (i === bad ? faulty(3) : ledger()));
    const good = (bad + 1) % 3;
    const { cluster, replicas, problems, propose } = await fleet(machines);
    await propose(0, 30, good);
    const { cause } = await cluster.time.until(replicas[bad].stopped);
    assert.ok(cause instanceof DivergenceError && cause.next > 0);
    await assert.rejects(replicas[bad].read(ids, { consistency: "eventual" }), StoppedError);
    assert.equal((await cluster.time.until(replicas[good].read(ids))).length, 30);
    assert.ok(problems[good].some((problem) => problem instanceof DivergenceError));
  }
});

test("of two that differ one goes on: the one that was first to say its digest", async () => {
  const { cluster, replicas, propose } = await fleet([ledger(), faulty(3)]);
  await propose(0, 12).catch(() => undefined);
  const stopped = await cluster.time.until(Promise.race(replicas.map(({ stopped }) => stopped)));
  assert.ok(stopped.cause instanceof DivergenceError);
});

test("a session table that differs is another digest, though the machine's state is the same", () => {
  const [one, two] = [ReplicatedState.initial(ledger()), ReplicatedState.initial(ledger())];
  const at = { seqNum: 0, timestampMs: 0 };
  const open = { kind: "open", nonce: new Uint8Array(16), machine: "ledger", version: 1, maxSessions: 1024 } as const;
  one.apply({ ...encodeRecord(open), ...at });
  two.apply({ headers: [], body: new Uint8Array(0), ...at });
  assert.deepEqual(one.state, two.state);
  assert.notDeepEqual(one.digest(), two.digest());
});

test("a replica that starts from a snapshot compares what it has with what the others say behind it", async () => {
  const { cluster, propose } = await fleet([ledger(), ledger()]);
  const stream = new SimulatedStream(cluster.time);
  const options = () => ({ snapshots: { log: stream.connect(), everyRecords: 15 }, digestEveryRecords: 1000 });
  const taking = await cluster.open(ledger(), options());
  await propose(100, 30);
  assert.ok(stream.tail > 0);
  const machine = ledger(new Witness());
  const { restore } = machine.snapshots;
  machine.snapshots.restore = async (chunks, version) => {
    const state = await restore(chunks, version);
    state.ids[0] = -1;
    return state;
  };
  const wrong = await cluster.open(machine, options());
  await cluster.time.passMs(10_000);
  const { cause } = await cluster.time.until(wrong.stopped);
  assert.ok(cause instanceof DivergenceError);
  assert.ok((await cluster.time.until(taking.read(ids))).length >= 30);
});

test("most said is said most often, or first", () => {
  assert.equal(mostSaid(["a", "b", "b"]), "b");
  assert.equal(mostSaid(["b", "a", "a", "b"]), "b");
  assert.equal(mostSaid([]), undefined);
  fc.assert(
    fc.property(fc.array(fc.constantFrom("a", "b", "c"), { minLength: 1 }), (said) => {
      const count = (digest: string) => said.filter((each) => each === digest).length;
      const most = mostSaid(said);
      assert.ok(most !== undefined && said.every((each) => count(each) <= count(most)));
    }),
  );
});

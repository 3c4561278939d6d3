// Replicas over a real server through the official SDK: what they promise survives kill -9, broken connections and slow networks.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { S2 } from "@s2-dev/streamstore";
import { LogError, OutcomeUnknownError, Replica, StoppedError } from "../src/index.ts";
import { type Entry, type Ledger, ledger, Witness } from "../src/testing/ledger.ts";
import { RealLog } from "./support.ts";

let real: RealLog;
before(async () => {
  real = await RealLog.start();
});
after(() => real.stop());

type LedgerReplica = Replica<Ledger, Entry, number>;

const ids = (state: Ledger) => [...state.ids];
/** More than any test here takes. */
const PATIENCE = { proposalTimeoutMs: 60_000, readTimeoutMs: 60_000 };

/** Proposes one after the other until told to stop; ids of `lane` rise. Notes what was acknowledged. */
async function proposeUntil(
  replica: LedgerReplica,
  lane: number,
  stopped: () => boolean,
  acknowledged: Map<number, number>,
) {
  for (let i = 0; !stopped(); i += 1) {
    const id = lane * 1_000_000 + i;
    const { result } = await replica.propose({ id });
    acknowledged.set(id, result);
  }
}

/** What a fresh replica finds is what was acknowledged, once each, in each lane's order, and what all others have. */
async function verify(stream: string, witness: Witness, replicas: LedgerReplica[], acknowledged: Map<number, number>) {
  const fresh = await Replica.open(ledger(witness), { log: await real.log(stream), ...PATIENCE });
  const state = await fresh.read(ids);
  assert.equal(new Set(state).size, state.length);
  for (const [id, index] of acknowledged) assert.equal(state[index], id);
  const last = new Map<number, number>();
  for (const id of state) {
    const lane = Math.floor(id / 1_000_000);
    assert.ok(id > (last.get(lane) ?? -1));
    last.set(lane, id);
  }
  for (const replica of replicas) assert.deepEqual(await replica.read(ids), state);
  await Promise.all([fresh, ...replicas].map((replica) => replica.close()));
}

test("a server that is killed and restarted under proposals costs time, and nothing else", async () => {
  const witness = new Witness();
  const replicas: LedgerReplica[] = [];
  for (let i = 0; i < 3; i += 1) {
    replicas.push(await Replica.open(ledger(witness), { log: await real.log("killed"), ...PATIENCE }));
  }
  const acknowledged = new Map<number, number>();
  let stopped = false;
  const lanes = Array.from({ length: 12 }, (_, lane) =>
    proposeUntil(replicas[lane % 3], lane, () => stopped, acknowledged),
  );
  for (let kill = 0; kill < 2; kill += 1) {
    const before = acknowledged.size;
    while (acknowledged.size < before + 200) await replicas[0].read(() => undefined);
    await real.restart();
  }
  stopped = true;
  await Promise.all(lanes);
  await verify("killed", witness, replicas, acknowledged);
});

test("cut connections and lost answers double nothing and lose nothing", async () => {
  const witness = new Witness();
  const proxy = await real.proxy();
  const replicas = [
    await Replica.open(ledger(witness), { log: await real.log("cut", proxy), ...PATIENCE }),
    await Replica.open(ledger(witness), { log: await real.log("cut", proxy), ...PATIENCE }),
  ];
  const acknowledged = new Map<number, number>();
  let stopped = false;
  const lanes = Array.from({ length: 8 }, (_, lane) =>
    proposeUntil(replicas[lane % 2], lane, () => stopped, acknowledged),
  );
  for (let cut = 0; cut < 6; cut += 1) {
    const before = acknowledged.size;
    while (acknowledged.size < before + 100) await replicas[cut % 2].read(() => undefined);
    if (cut % 2 === 0) proxy.cut(() => true);
    else proxy.loseReplies(() => true);
  }
  stopped = true;
  await Promise.all(lanes);
  await verify("cut", witness, replicas, acknowledged);
});

test("strong reads of a replica with a slow network see what another one was just told", async () => {
  const slow = await real.proxy();
  const [fast, late] = [
    await Replica.open(ledger(), { log: await real.log("slow"), ...PATIENCE }),
    await Replica.open(ledger(), { log: await real.log("slow", slow), ...PATIENCE }),
  ];
  slow.delayMs = 100;
  for (let id = 0; id < 5; id += 1) {
    const { position } = await fast.propose({ id });
    assert.deepEqual(await late.read(ids), [0, 1, 2, 3, 4].slice(0, id + 1));
    assert.equal((await late.read(ids, { consistency: { atLeast: position.seqNum } })).at(-1), id);
  }
  await Promise.all([fast.close(), late.close()]);
});

test("a follower goes on where a session ends at its bound, without a gap or a double", async () => {
  const size = 200_000;
  const sizes = {
    ...ledger(),
    encode: ({ id }: Entry) => {
      const bytes = new Uint8Array(size);
      new DataView(bytes.buffer).setUint32(0, id);
      return bytes;
    },
    decode: (bytes: Uint8Array) => ({ id: new DataView(bytes.buffer, bytes.byteOffset).getUint32(0) }),
  };
  const [one, two] = [
    await Replica.open(sizes, { log: await real.log("long"), ...PATIENCE }),
    await Replica.open(sizes, { log: await real.log("long"), ...PATIENCE }),
  ];
  const proposals = Array.from({ length: 60 }, (_, id) => one.propose({ id }));
  await Promise.all(proposals);
  assert.deepEqual(
    await two.read(ids),
    proposals.map((_, id) => id),
  );
  await Promise.all([one.close(), two.close()]);
});

test("what is open when a replica is aborted is told to be unknown", async () => {
  const replica = await Replica.open(ledger(), { log: await real.log("aborted"), ...PATIENCE });
  await replica.propose({ id: 0 });
  const sent = replica.propose({ id: 1 });
  await new Promise(setImmediate);
  const told = assert.rejects(sent, OutcomeUnknownError);
  await replica.abort();
  await told;
});

test("a stream that lets records age is no log", async () => {
  const client = real.client(await real.proxy());
  await new S2(client).basin("replica-tests").streams.create({ stream: "ageing" });
  await assert.rejects(real.log("ageing"), /infinite retention/);
});

test("a stream that is deleted, or made anew, stops its replicas", async () => {
  const client = real.client(await real.proxy());
  const { streams } = new S2(client).basin("replica-tests");
  const replica = await Replica.open(ledger(), { log: await real.log("gone"), ...PATIENCE });
  await replica.propose({ id: 1 });
  await replica.propose({ id: 2 });
  await streams.delete({ stream: "gone" });
  const { cause } = await replica.stopped;
  assert.ok(cause instanceof LogError && cause.failure === "refused", String(cause));
  await assert.rejects(replica.read(ids, { consistency: "eventual" }), StoppedError);
  await replica.close();

  const away = await real.proxy(() => reachable);
  let reachable = true;
  const old = await Replica.open(ledger(), { log: await real.log("anew", away), ...PATIENCE });
  await old.propose({ id: 1 });
  reachable = false;
  away.cut(() => true);
  await streams.delete({ stream: "anew" });
  while (
    await real.log("anew").then(
      () => false,
      () => true,
    )
  )
    await new Promise((resolve) => setTimeout(resolve, 100));
  reachable = true;
  assert.ok((await old.stopped).cause instanceof Error);
  await old.close();
});

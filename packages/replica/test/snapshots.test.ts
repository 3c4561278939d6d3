// Snapshots over a real server: large ones, a replica that is trimmed past, and bad ones.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { BadSnapshotError, type Log, type Machine, Replica, type ReplicaOptions, SnapshotMap } from "../src/index.ts";
import { encodeRecord } from "../src/record/envelope.ts";
import { RealLog } from "./support.ts";

let real: RealLog;
before(async () => {
  real = await RealLog.start();
});
after(() => real.stop());

type State = SnapshotMap<string, string>;

/** Sets a key; values are long, so that snapshots are large. */
const map: Machine<State, [string, string], number> = {
  name: "map",
  version: 1,
  initial: () => new SnapshotMap(),
  encode: (command) => Buffer.from(JSON.stringify(command)),
  decode: (bytes) => JSON.parse(Buffer.from(bytes).toString()),
  apply: (state, [key, value]) => state.set(key, value).size,
  snapshots: {
    take: (state) => encoded(state.freeze()),
    async restore(chunks) {
      const state: State = new SnapshotMap();
      for await (const chunk of chunks) {
        const [key, value] = JSON.parse(Buffer.from(chunk).toString());
        state.set(key, value);
      }
      return state;
    },
  },
};

function* encoded(entries: Iterable<readonly [string, string]>): Generator<Uint8Array> {
  for (const entry of entries) yield Buffer.from(JSON.stringify(entry));
}

const KEYS = 300;
const VALUE = "v".repeat(8192);

const all = (state: State) => Object.fromEntries(state);

test("large snapshots are taken under writes; who was trimmed past restores one; a bad one is passed over", async () => {
  let reachable = true;
  const far = await real.proxy(() => reachable);
  let problems: unknown[] = [];
  const open = async (log: Log, snapshots: Log, options: Partial<ReplicaOptions> = {}) =>
    Replica.open(map, {
      log,
      snapshots: { log: snapshots, everyRecords: 400 },
      readTimeoutMs: 30_000,
      onProblem: (problem) => problems.push(problem),
      ...options,
    });
  const writer = await open(await real.log("map"), await real.log("map.snapshots"));
  const laggard = await open(await real.log("map", far), await real.log("map.snapshots", far));
  reachable = false;
  far.cut(() => true);

  const log = await real.log("map");
  const expected: Record<string, string> = {};
  for (let round = 0; (await log.read(0)).at(0)?.seqNum === 0 || round < 3; round += 1) {
    assert.ok(round < 100, "nothing is trimmed");
    const writes = Array.from({ length: KEYS }, (_, i) => {
      const [key, value] = [`key ${i}`, `${round} ${VALUE}`];
      expected[key] = value;
      return writer.propose([key, value]);
    });
    await Promise.all(writes);
    // Time for a snapshot to be taken before the next is due.
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  assert.deepEqual(problems, []);
  assert.deepEqual(await writer.read(all), expected);

  reachable = true;
  assert.deepEqual(await laggard.read(all), expected);
  assert.ok(laggard.next > 0);

  const snapshots = await real.log("map.snapshots");
  await snapshots.append({
    entries: [
      encodeRecord({
        kind: "whole",
        nonce: new Uint8Array(16),
        machine: "map",
        version: 1,
        next: 1_000_000,
        first: await snapshots.checkTail(),
        pieces: 1,
        sha256: new Uint8Array(32),
      }),
    ],
  });
  problems = [];
  const fresh = await open(await real.log("map"), snapshots);
  assert.ok(problems.at(0) instanceof BadSnapshotError);
  assert.deepEqual(await fresh.read(all), expected);
  await Promise.all([writer.close(), laggard.close(), fresh.close(), log.close()]);
});

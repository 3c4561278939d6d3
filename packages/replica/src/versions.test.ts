// Builds of different versions on one log: a later one reads what earlier ones wrote, an earlier one stops before it could
// misunderstand, and a fleet is upgraded without stopping by writing the earlier version for a while.
import assert from "node:assert/strict";
import { test } from "node:test";
import { StoppedError, VersionError } from "./errors.ts";
import type { Machine } from "./machine.ts";
import { Cluster } from "./testing/cluster.ts";
import { SimulatedStream } from "./testing/simulated-log.ts";

interface Sum {
  total: number;
}

const text = (value: unknown) => new TextEncoder().encode(JSON.stringify(value));
const parsed = (bytes: Uint8Array) => JSON.parse(new TextDecoder().decode(bytes));

/** Version 1 adds; version 2 multiplies first, and its commands and snapshots are objects. */
const first: Machine<Sum, number, number> = {
  name: "sum",
  version: 1,
  initial: () => ({ total: 0 }),
  encode: text,
  decode: parsed,
  apply: (state, add) => {
    state.total += add;
    return state.total;
  },
  snapshots: {
    take: ({ total }) => [text(total)],
    restore: async (chunks) => ({ total: parsed((await Array.fromAsync(chunks))[0]) }),
  },
};

interface Step {
  readonly times: number;
  readonly add: number;
}

const second: Machine<Sum, Step, number> = {
  name: "sum",
  version: 2,
  initial: () => ({ total: 0 }),
  encode: ({ times, add }, version) => {
    if (version === 2) return text({ times, add });
    assert.equal(times, 1, "version 1 cannot multiply");
    return text(add);
  },
  decode: (bytes, version) => (version === 1 ? { times: 1, add: parsed(bytes) } : parsed(bytes)),
  apply: (state, { times, add }) => {
    state.total = state.total * times + add;
    return state.total;
  },
  snapshots: {
    take: ({ total }, version) => [text(version === 1 ? total : { total })],
    restore: async (chunks, version) => {
      const [chunk] = await Array.fromAsync(chunks);
      return version === 1 ? { total: parsed(chunk) } : parsed(chunk);
    },
  },
};

const total = ({ total }: Sum) => total;

test("a later build reads the log and the snapshots of an earlier one", async () => {
  const cluster = new Cluster();
  const snapshots = new SimulatedStream(cluster.time);
  const options = () => ({ snapshots: { log: snapshots.connect(), everyRecords: 5 } });
  const old = await cluster.open(first, options());
  for (let i = 1; i <= 20; i += 1) {
    await cluster.time.until(old.propose(i));
    await cluster.time.passMs(200);
  }
  assert.ok(cluster.stream.first > 0);
  const later = await cluster.open(second, options());
  assert.equal(await cluster.time.until(later.read(total)), 210);
});

test("a fleet is upgraded while it runs: later builds write the earlier version until all are later", async () => {
  const cluster = new Cluster();
  const snapshots = new SimulatedStream(cluster.time);
  const options = () => ({ snapshots: { log: snapshots.connect(), everyRecords: 5 } });
  const old = await cluster.open(first, options());
  const careful = await cluster.open(second, { ...options(), writeVersion: 1 });
  await cluster.time.until(old.propose(3));
  for (let i = 0; i < 20; i += 1) {
    await cluster.time.until(careful.propose({ times: 1, add: 1 }));
    await cluster.time.passMs(200);
  }
  assert.equal(await cluster.time.until(old.read(total)), 23);
  // Snapshots, too, are such that either reads them.
  assert.equal(await cluster.time.until((await cluster.open(first, options())).read(total)), 23);

  const later = await cluster.open(second, options());
  assert.equal((await cluster.time.until(later.propose({ times: 2, add: 0 }))).result, 46);
  const { cause } = await cluster.time.until(old.stopped);
  assert.ok(cause instanceof VersionError);
  assert.match(cause.message, /written by version 2 of "sum"; this build knows up to 1/);
  assert.equal(await cluster.time.until(careful.read(total)), 46);
  await assert.rejects(
    cluster.open(first, options()),
    (error) => error instanceof StoppedError && error.cause instanceof VersionError,
  );
});

test("a version that this build does not know cannot be written", async () => {
  const cluster = new Cluster();
  await assert.rejects(cluster.open(second, { writeVersion: 3 }), RangeError);
  await assert.rejects(cluster.open(second, { writeVersion: 0 }), RangeError);
});

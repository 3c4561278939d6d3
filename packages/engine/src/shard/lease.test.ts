// How long a lease is held, by whichever clock says that more time has passed.
import assert from "node:assert/strict";
import { test } from "node:test";
import { VirtualRuntime } from "../runtime/index.ts";
import { instant, Lease } from "./lease.ts";

const LEASE_MS = 1_000;

function held() {
  const runtime = new VirtualRuntime({ seed: 1 });
  const lease = new Lease(runtime.clock, LEASE_MS, false);
  lease.earn(instant(runtime.clock));
  return { runtime, lease };
}

test("a lease ends when its time has passed, and not before", async () => {
  const { runtime, lease } = held();
  await runtime.advance(LEASE_MS - 1);
  assert.equal(lease.held, true);
  await runtime.advance(1);
  assert.equal(lease.held, false);
});

test("a machine that was suspended does not outlive its lease: its monotonic clock may have stood still", () => {
  const { runtime, lease } = held();
  runtime.jumpWallClock(LEASE_MS);
  assert.equal(lease.held, false);
});

test("a wall clock that was set back makes no lease longer", async () => {
  const { runtime, lease } = held();
  runtime.jumpWallClock(-LEASE_MS);
  await runtime.advance(LEASE_MS);
  assert.equal(lease.held, false);
});

test("what was asked for earlier does not shorten a lease, and nothing brings one back that was given away", async () => {
  const { runtime, lease } = held();
  const early = instant(runtime.clock);
  await runtime.advance(LEASE_MS / 2);
  lease.earn(instant(runtime.clock));
  lease.earn(early);
  await runtime.advance(LEASE_MS / 2);
  assert.equal(lease.held, true);
  lease.drop();
  lease.earn(instant(runtime.clock));
  assert.equal(lease.held, false);
});

test("whoever holds the store's lock holds the lease, until it is given away", async () => {
  const runtime = new VirtualRuntime({ seed: 1 });
  const lease = new Lease(runtime.clock, LEASE_MS, true);
  await runtime.advance(100 * LEASE_MS);
  assert.equal(lease.held, true);
  lease.drop();
  assert.equal(lease.held, false);
});

// When access ends, under virtual time.
import assert from "node:assert/strict";
import { test } from "node:test";
import { VirtualRuntime } from "@tailrace/engine/runtime";
import { ApiError } from "../errors.ts";
import { Access, FULL_SCOPE } from "./access.ts";

function accessFor(runtime: VirtualRuntime, lifeMs: number | null): Access {
  const expiresAtMs = lifeMs === null ? null : runtime.clock.wallMs() + lifeMs;
  return new Access({ who: "token:t", key: "k", scope: FULL_SCOPE, expiresAtMs, namespace: "" }, runtime);
}

const refused = (error: unknown) => error instanceof ApiError && error.code === "authn";

test("access ends when it expires, not before, and all who listen hear of it once", async () => {
  const runtime = new VirtualRuntime({ seed: 1 });
  const access = accessFor(runtime, 10_000);
  let heard = 0;
  access.onEnd(() => {
    heard += 1;
  });
  access.onEnd(() => {
    heard += 1;
  });
  await runtime.advance(9_999);
  assert.equal(heard, 0);
  access.assertLive();
  await runtime.advance(1);
  assert.equal(heard, 2);
  assert.throws(() => access.assertLive(), refused);
  await runtime.advance(60_000);
  assert.equal(heard, 2);
  access.onEnd(() => {
    heard += 1;
  });
  assert.equal(heard, 3, "who comes too late hears at once");
});

test("a wall clock that goes back puts the end off", async () => {
  const runtime = new VirtualRuntime({ seed: 1 });
  const access = accessFor(runtime, 10_000);
  let heard = 0;
  access.onEnd(() => {
    heard += 1;
  });
  runtime.jumpWallClock(-5_000);
  await runtime.advance(14_999);
  assert.equal(heard, 0);
  await runtime.advance(1);
  assert.equal(heard, 1);
});

test("nobody listening leaves no timer", () => {
  const runtime = new VirtualRuntime({ seed: 1 });
  const access = accessFor(runtime, 10_000);
  const offs = [access.onEnd(() => undefined), access.onEnd(() => undefined)];
  assert.equal(runtime.pendingTimers, 1);
  for (const off of offs) off();
  assert.equal(runtime.pendingTimers, 0);
});

test("a revoked one ends at once, and takes its timer with it", () => {
  const runtime = new VirtualRuntime({ seed: 1 });
  const access = accessFor(runtime, 10_000);
  let heard = 0;
  access.onEnd(() => {
    heard += 1;
  });
  access.revoke();
  assert.equal(heard, 1);
  assert.equal(runtime.pendingTimers, 0);
  assert.throws(() => access.assertLive(), refused);
});

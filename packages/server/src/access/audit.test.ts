// The audit under a flood of refusals, in virtual time.
import assert from "node:assert/strict";
import { test } from "node:test";
import { VirtualRuntime } from "@tailrace/engine/runtime";
import { ApiError } from "../errors.ts";
import { Access, FULL_SCOPE, notAuthenticated } from "./access.ts";
import { Audit } from "./audit.ts";

function setup() {
  const runtime = new VirtualRuntime({ seed: 1 });
  const lines: Record<string, unknown>[] = [];
  const audit = new Audit(
    { info: (fields) => lines.push((fields as { audit: Record<string, unknown> }).audit) },
    runtime,
  );
  const access = new Access({ who: "token:t", key: "k", scope: FULL_SCOPE, expiresAtMs: null, namespace: "" }, runtime);
  return { runtime, lines, audit, access };
}

const REQUEST = { method: "POST", operation: "create-basin", resource: "some-basin" } as const;

test("a flood of refusals takes so many lines a second; how many more there were is said in the end", async () => {
  const { runtime, lines, audit } = setup();
  for (let i = 0; i < 1_000; i += 1) audit.failed(REQUEST, notAuthenticated());
  assert.equal(lines.length, 10);
  await runtime.advance(1_000);
  for (let i = 0; i < 1_000; i += 1) audit.failed(REQUEST, notAuthenticated());
  assert.equal(lines.length, 20);
  await runtime.advance(60_000);
  assert.equal(lines.length, 21);
  assert.deepEqual(lines[20], { leftOut: { recognised: 0, nobody: 1_980 } });
  audit.failed(REQUEST, notAuthenticated());
  assert.equal(lines.length, 22);
  await runtime.advance(60_000);
  assert.equal(lines.length, 22, "nothing more was left out");
});

test("a flood of strangers hides neither the holder of a token, nor a change, nor what may have been one", () => {
  const { lines, audit, access } = setup();
  for (let i = 0; i < 1_000; i += 1) audit.failed(REQUEST, notAuthenticated());
  lines.length = 0;
  audit.failed({ ...REQUEST, access }, new ApiError("permission_denied", "no"));
  assert.equal(lines.length, 1);
  for (let i = 0; i < 1_000; i += 1) audit.failed({ ...REQUEST, access }, new ApiError("invalid", "no"));
  assert.equal(lines.length, 10);
  lines.length = 0;
  for (let i = 0; i < 50; i += 1) {
    audit.carriedOut({ ...REQUEST, access }, 201, "created");
    audit.failed({ ...REQUEST, access }, new ApiError("unavailable", "the outcome is unknown"));
  }
  assert.equal(lines.length, 100);
});

test("what was left out is said at once when it is asked for, and once", async () => {
  const { runtime, lines, audit } = setup();
  for (let i = 0; i < 12; i += 1) audit.failed(REQUEST, notAuthenticated());
  audit.sayLeftOut();
  assert.deepEqual(lines.at(-1), { leftOut: { recognised: 0, nobody: 2 } });
  audit.sayLeftOut();
  await runtime.advance(60_000);
  assert.equal(lines.length, 11);
});

// What every owner must agree on is believed only whole: a damaged deployment.json is refused, never served by.
import assert from "node:assert/strict";
import { test } from "node:test";
import { DeploymentError, openDeployment } from "./deployment.ts";
import { MemoryStore } from "./object-store/index.ts";
import { VirtualRuntime } from "./runtime/index.ts";
import { CorruptObjectError } from "./shard/corrupt.ts";
import { DEPLOYMENT_KEY } from "./shard/keys.ts";

test("the same deployment is found by whoever comes later", async () => {
  const store = new MemoryStore();
  const founded = await openDeployment(store, new VirtualRuntime({ seed: 1 }));
  assert.deepEqual(await openDeployment(store, new VirtualRuntime({ seed: 2 })), founded);
});

test("no flipped bit changes what owners agree on", async () => {
  const store = new MemoryStore();
  const runtime = new VirtualRuntime({ seed: 1 });
  const founded = await openDeployment(store, runtime);
  const bytes = await store.get(DEPLOYMENT_KEY);
  let refused = 0;
  for (let bit = 0; bit < 8 * bytes.length; bit += 1) {
    const damaged = Uint8Array.from(bytes);
    damaged[bit >> 3] ^= 1 << (bit & 7);
    await store.put(DEPLOYMENT_KEY, [damaged]);
    try {
      assert.deepEqual(await openDeployment(store, runtime), founded, `bit ${bit}`);
    } catch (error) {
      if (!(error instanceof DeploymentError) && !(error instanceof CorruptObjectError)) throw error;
      refused += 1;
    }
  }
  assert.ok(refused > 6 * bytes.length, `${refused} of ${8 * bytes.length}`);
});

test("a deployment that is cut off is refused", async () => {
  const store = new MemoryStore();
  const runtime = new VirtualRuntime({ seed: 1 });
  await openDeployment(store, runtime);
  const bytes = await store.get(DEPLOYMENT_KEY);
  for (const length of [0, 10, bytes.length - 3]) {
    await store.put(DEPLOYMENT_KEY, [bytes.slice(0, length)]);
    await assert.rejects(openDeployment(store, runtime), DeploymentError);
  }
});

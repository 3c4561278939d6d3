// The same replicas over the log of another maker: they know nothing but the API. Needs `s2` on the PATH, which has S2 Lite.
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:net";
import { test } from "node:test";
import { Redis } from "ioredis";
import type { TailraceProcess } from "../../../test/support/tailrace-process.ts";
import { isInstalled, portOf, startKv } from "./support.ts";

const BASIN = "kv-on-s2-lite";
const START_DEADLINE_MS = 10_000;
const CLIENTS = 8;
const INCREMENTS = 25;

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  await once(server, "close");
  assert.ok(address !== null && typeof address === "object");
  return address.port;
}

/** In memory; resolves once it has a basin. */
async function startS2Lite(): Promise<{ url: string; child: ChildProcess }> {
  const url = `http://127.0.0.1:${await freePort()}`;
  const child = spawn("s2", ["lite", "--port", new URL(url).port], { stdio: "ignore" });
  const create = () =>
    fetch(`${url}/v1/basins`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ basin: BASIN }),
    }).catch(() => undefined);
  for (const untilMs = performance.now() + START_DEADLINE_MS; performance.now() < untilMs; ) {
    const answer = await create();
    if (answer?.ok) return { url, child };
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  child.kill("SIGKILL");
  throw new Error("S2 Lite did not start");
}

const skip = isInstalled("s2") ? false : "s2 is not installed";

test("replicas over S2 Lite agree, also one that is killed and started again", { skip }, async (t) => {
  const { url, child } = await startS2Lite();
  const env = { S2_ACCESS_TOKEN: "any", S2_ACCOUNT_ENDPOINT: url, S2_BASIN_ENDPOINT: url };
  const replica = () => startKv({ stream: `s2://${BASIN}/kv`, env });
  const replicas: TailraceProcess[] = [];
  const clients: Redis[] = [];
  const connect = (to: TailraceProcess) => {
    const client = new Redis(portOf(to), "127.0.0.1");
    clients.push(client);
    return client;
  };
  t.after(async () => {
    for (const client of clients) client.disconnect();
    for (const { child: own } of replicas) own.kill("SIGKILL");
    child.kill("SIGKILL");
    await once(child, "exit");
  });
  replicas.push(await replica(), await replica());
  const counted = await Promise.all(
    Array.from({ length: CLIENTS }, async (_, i) => {
      const client = connect(replicas[i % 2]);
      const seen: number[] = [];
      for (let round = 0; round < INCREMENTS; round += 1) seen.push(await client.incr("counter"));
      return seen;
    }),
  );
  // Each increment has a result of its own, and none is missing.
  const all = counted.flat().sort((a, b) => a - b);
  assert.deepEqual(
    all,
    Array.from({ length: CLIENTS * INCREMENTS }, (_, i) => i + 1),
  );
  for (const client of clients) client.disconnect();
  replicas[0].child.kill("SIGKILL");
  await replicas[0].exited;
  const again = await replica();
  replicas.push(again);
  assert.equal(await connect(again).get("counter"), String(CLIENTS * INCREMENTS));
  assert.equal(await connect(again).incr("counter"), CLIENTS * INCREMENTS + 1);
  assert.equal(await connect(replicas[1]).get("counter"), String(CLIENTS * INCREMENTS + 1));
});

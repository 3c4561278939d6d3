import assert from "node:assert/strict";
import { test } from "node:test";
import type { Store } from "../src/index.ts";
import { HttpServer } from "../src/index.ts";
import { LocalKv, SILENT } from "./support.ts";

test("a replica is healthy once it has caught up, while it reaches the log, and until it stops", async (t) => {
  const kv = await LocalKv.start();
  t.after(() => kv.stop());
  let store: Store | undefined;
  const port = await HttpServer.listen({
    host: "127.0.0.1",
    port: 0,
    store: () => store,
    redis: kv.server,
    log: SILENT,
  });
  t.after(() => port.close(0));
  const health = async () => {
    const response = await fetch(`http://127.0.0.1:${port.port}/health`);
    return [response.status, ((await response.json()) as { status: string }).status];
  };
  assert.deepEqual(await health(), [503, "catching-up"]);
  store = kv.store;
  assert.deepEqual(await health(), [200, "ok"]);
  kv.stream.weather.down = true;
  kv.stream.wakeAll();
  while ((await health())[0] === 200) await new Promise((resolve) => setTimeout(resolve, 5));
  assert.deepEqual(await health(), [503, "disconnected"]);
  kv.stream.weather.down = false;
  while ((await health())[0] !== 200) await new Promise((resolve) => setTimeout(resolve, 5));
  await kv.stop();
  assert.deepEqual(await health(), [503, "stopped"]);
});

test("metrics are of this replica and its port", async (t) => {
  const kv = await LocalKv.start({ maxBytes: 1_000_000 });
  t.after(() => kv.stop());
  const port = await HttpServer.listen({
    host: "127.0.0.1",
    port: 0,
    store: () => kv.store,
    redis: kv.server,
    log: SILENT,
  });
  t.after(() => port.close(0));
  const client = kv.connect();
  client.send(["SET", "a", "1"], ["SET", "b", "1", "PX", "100000"]);
  await client.expect("+OK\r\n+OK\r\n");
  for (let i = 0; i < 2; i += 1) {
    const text = await (await fetch(`http://127.0.0.1:${port.port}/metrics`)).text();
    for (const line of [
      "healthy 1",
      "keys 2",
      "expiring_keys 1",
      "memory_limit_bytes 1000000",
      "clients 1",
      "commands_total 2",
    ]) {
      assert.match(text, new RegExp(`^tailrace_kv_${line}$`, "m"), line);
    }
  }
  assert.equal((await fetch(`http://127.0.0.1:${port.port}/nothing`)).status, 404);
  assert.equal((await fetch(`http://127.0.0.1:${port.port}/health`, { method: "POST" })).status, 405);
  client.end();
});

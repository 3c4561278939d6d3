// Clients that go before their answer is ready: nothing of theirs stays. Real connections, an engine that can be made to wait.
import assert from "node:assert/strict";
import { once } from "node:events";
import { request } from "node:http";
import { connect as connectHttp2 } from "node:http2";
import { type TestContext, test } from "node:test";
import { DEFAULT_BASIN_CONFIG, Engine } from "@tailrace/engine";
import { MemoryStore } from "@tailrace/engine/object-store";
import { systemRuntime } from "@tailrace/engine/runtime";
import { startServer } from "../src/index.ts";

const BASIN = "gone-clients";
const PATH = "/v1/streams/events/records?seq_num=0";

/** A server whose reads open when they are let; `asked` resolves with the first that wants to. */
async function setup(t: TestContext) {
  const engine = await Engine.open({ runtime: systemRuntime, store: new MemoryStore() });
  await engine.basins.ensure(BASIN, DEFAULT_BASIN_CONFIG);
  await engine.streams.ensure(BASIN, "events", {});
  let ask = () => {};
  const asked = new Promise<void>((resolve) => {
    ask = resolve;
  });
  let open = () => {};
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  const openReader = engine.openReader.bind(engine);
  let openedReaders = 0;
  engine.openReader = async (...options) => {
    ask();
    await opened;
    const reader = await openReader(...options);
    openedReaders += 1;
    return reader;
  };
  const errors: string[] = [];
  const logger = {
    info: () => undefined,
    error: (fields: object, message: string) => errors.push(`${message} ${JSON.stringify(fields)}`),
  };
  const server = await startServer({ engine, runtime: systemRuntime, logger, host: "127.0.0.1", port: 0 });
  t.after(async () => {
    server.close();
    await engine.close();
  });
  return {
    server,
    asked,
    /** Opens what was asked for; resolves once nothing of it is left. */
    async open() {
      open();
      await eventually(() => openedReaders === 1);
      await eventually(() => engine.stats().activeReaders === 0);
      assert.deepEqual(errors, []);
    },
  };
}

for (const transport of ["HTTP/1.1, plain", "HTTP/1.1", "HTTP/2"] as const) {
  test(`a long poll over ${transport} ends when its client goes`, async (t) => {
    const engine = await Engine.open({ runtime: systemRuntime, store: new MemoryStore() });
    await engine.basins.ensure(BASIN, DEFAULT_BASIN_CONFIG);
    await engine.streams.ensure(BASIN, "events", {});
    const logger = { info: () => undefined, error: (fields: object) => assert.fail(JSON.stringify(fields)) };
    const server = await startServer({ engine, runtime: systemRuntime, logger, host: "127.0.0.1", port: 0 });
    t.after(async () => {
      server.close();
      await engine.close();
    });
    const path = `${PATH}&wait=60`;
    let leave: () => void;
    if (transport === "HTTP/2") {
      const connection = connectHttp2(server.url);
      t.after(() => connection.destroy());
      const outgoing = connection.request({ ":path": path, "s2-basin": BASIN });
      outgoing.on("error", () => undefined);
      leave = () => outgoing.close();
    } else {
      // An origin is nothing plain.
      const headers = { "s2-basin": BASIN, ...(transport === "HTTP/1.1" ? { origin: "http://x" } : {}) };
      const outgoing = request(`${server.url}${path}`, { headers });
      outgoing.on("error", () => undefined);
      outgoing.end();
      leave = () => outgoing.destroy();
    }
    await eventually(() => engine.stats().activeReaders === 1);
    leave();
    await eventually(() => engine.stats().activeReaders === 0);
  });
}

/** Looks again in every turn of the event loop, for five seconds at most. */
async function eventually(what: () => boolean): Promise<void> {
  const untilMs = performance.now() + 5_000;
  while (!what() && performance.now() < untilMs) await new Promise((resolve) => setTimeout(resolve, 5));
  assert.ok(what());
}

for (const [name, headers] of [
  ["an event stream", { accept: "text/event-stream" }],
  ["a session", { "content-type": "s2s/proto" }],
] as const) {
  test(`${name} over HTTP/1.1 whose client has gone before it opened holds no reader`, async (t) => {
    const { server, asked, open } = await setup(t);
    const outgoing = request(`${server.url}${PATH}`, { headers: { "s2-basin": BASIN, ...headers } });
    outgoing.on("error", () => undefined);
    outgoing.end();
    await asked;
    outgoing.destroy();
    // Later exchanges: the server has seen the end of the first connection by then.
    for (let i = 0; i < 3; i += 1) await (await fetch(`${server.url}/health`)).text();
    await open();
  });

  test(`${name} over HTTP/2 whose client has gone before it opened holds no reader`, async (t) => {
    const { server, asked, open } = await setup(t);
    const connection = connectHttp2(server.url);
    t.after(() => connection.destroy());
    const outgoing = connection.request({ ":path": PATH, "s2-basin": BASIN, ...headers });
    outgoing.on("error", () => undefined);
    outgoing.end();
    await asked;
    outgoing.close();
    await once(outgoing, "close");
    // Another exchange on the same connection: the server has seen the end of the first one by then.
    const ping = connection.request({ ":path": "/health" });
    ping.resume();
    await once(ping, "end");
    await open();
  });
}

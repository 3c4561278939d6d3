// Floods that HTTP/2 servers have fallen to, and bombs of headers and JSON: each ends in bounded time, and the server goes on as before.
import assert from "node:assert/strict";
import { connect as connectHttp2 } from "node:http2";
import { connect, type Socket } from "node:net";
import { after, before, test } from "node:test";
import { DEFAULT_BASIN_CONFIG } from "@tailrace/engine";
import { FLOODED_BASIN, FLOODS, PREFACE, SETTINGS } from "../../../test/support/http2-floods.ts";
import { BASIN, HEADERS, serve, type TestServer } from "./support.ts";

let served: TestServer;
const surprises: object[] = [];
before(async () => {
  served = await serve({ logger: { info: () => undefined, error: (fields) => surprises.push(fields) } });
  await served.engine.basins.ensure(FLOODED_BASIN, DEFAULT_BASIN_CONFIG);
  await served.engine.streams.ensure(FLOODED_BASIN, "flooded", {});
});
after(async () => {
  await served.stop();
  assert.deepEqual(surprises, []);
});

function dial(): Socket {
  const socket = connect(Number(new URL(served.url).port), "127.0.0.1");
  socket.on("error", () => undefined);
  return socket;
}

/** Sends all of it and half-closes; resolves with what came back once the server has closed. */
function flood(pieces: readonly Buffer[], reading = true): Promise<Buffer> {
  return new Promise((resolve) => {
    const socket = dial();
    const chunks: Buffer[] = [];
    if (reading) socket.on("data", (chunk: Buffer) => chunks.push(chunk));
    socket.on("close", () => resolve(Buffer.concat(chunks)));
    for (const piece of pieces) socket.write(piece);
    socket.end(() => socket.resume());
  });
}

async function isWell(): Promise<void> {
  assert.equal(await (await fetch(`${served.url}/health`)).text(), "OK");
  const busy = () => {
    const { activeReaders, inFlightAppendBytes, waitingAppendBytes } = served.engine.stats();
    return activeReaders + inFlightAppendBytes + waitingAppendBytes > 0;
  };
  while (busy()) await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual(surprises, []);
}

for (const [what, make] of Object.entries(FLOODS)) {
  for (const reading of [true, false]) {
    test(`a flood of ${what}, from a client that ${reading ? "reads" : "does not read"}`, async () => {
      await flood([PREFACE, SETTINGS, ...make()], reading);
      await isWell();
    });
  }
}

test("clients that go while their sessions are opened leave nothing behind", async () => {
  const connection = connectHttp2(served.url);
  await fetch(`${served.url}/v1/streams/left`, { method: "PUT", headers: HEADERS });
  for (let round = 0; round < 20; round += 1) {
    const left = Array.from({ length: 20 }, (_, i) => {
      const stream = connection.request({
        ...HEADERS,
        ":path": "/v1/streams/left/records",
        ":method": i % 2 === 0 ? "GET" : "POST",
        "content-type": i % 4 < 2 ? "s2s/proto" : "application/json",
        accept: "text/event-stream",
      });
      stream.on("error", () => undefined);
      // Some before they are seen, some while they are looked at.
      if (i % 3 === 0) stream.close(8);
      else setImmediate(() => stream.close(8));
      return new Promise((resolve) => stream.on("close", resolve));
    });
    await Promise.all(left);
  }
  await isWell();
  connection.destroy();
});

test("a session that fails is over, although its client would go on", async () => {
  const terminal = /"code":"bad_frame"/;
  const connection = connectHttp2(served.url);
  const stream = connection.request({
    ...HEADERS,
    ":path": "/v1/streams/failing/records",
    ":method": "POST",
    "content-type": "s2s/proto",
  });
  let text = "";
  stream.on("data", (chunk: Buffer) => {
    text += chunk.toString();
  });
  stream.on("error", () => undefined);
  stream.write(Buffer.from([0, 0, 1, 0x60]));
  // The client neither ends nor stops sending.
  const more = setInterval(() => stream.write(Buffer.alloc(100_000)), 5);
  await new Promise((resolve) => stream.on("close", resolve));
  clearInterval(more);
  connection.destroy();
  assert.match(text, terminal);

  const socket = dial();
  let answer = "";
  socket.on("data", (chunk: Buffer) => {
    answer += chunk.toString();
  });
  socket.write(
    `POST /v1/streams/failing/records HTTP/1.1\r\nhost: x\r\ns2-basin: ${BASIN}\r\ncontent-type: s2s/proto\r\ntransfer-encoding: chunked\r\n\r\n`,
  );
  socket.write("4\r\n\u0000\u0000\u0001\u0060\r\n");
  await new Promise((resolve) => socket.on("close", resolve));
  assert.match(answer, terminal);
  await isWell();
});

test("headers beyond the limit are refused over HTTP/1.1", async () => {
  const answer = await flood([
    Buffer.from(`GET /health HTTP/1.1\r\nhost: x\r\n${`x-y: ${"v".repeat(1_000)}\r\n`.repeat(100)}\r\n`),
  ]);
  assert.match(answer.toString(), /^HTTP\/1\.1 431 /);
  await isWell();
});

test("JSON that is deep, long or full of names is refused, and nobody waits for it", async () => {
  const post = async (path: string, body: string, type = "application/json") => {
    const answer = await fetch(`${served.url}${path}`, {
      method: "POST",
      headers: { ...HEADERS, "content-type": type },
      body,
    });
    return [answer.status, JSON.parse(await answer.text()).code];
  };
  const deep = 900_000;
  for (const bomb of [
    "[".repeat(deep),
    "[".repeat(deep) + "]".repeat(deep),
    `${'{"a":'.repeat(150_000)}1${"}".repeat(150_000)}`,
    `{${Array.from({ length: 100_000 }, (_, i) => `"${i}":0`).join(",")}}`,
    `"${"\\u0000".repeat(300_000)}"`,
  ]) {
    for (const path of ["/v1/basins", "/v1/streams", "/v1/streams/bombed/records"])
      assert.deepEqual(await post(path, bomb), [400, "bad_json"]);
    const wrapped = await post("/v1/streams/bombed/records", `{"x":${bomb.slice(0, 1_000_000)},"records":[]}`);
    assert.ok(wrapped[1] === "bad_json" || wrapped[1] === "invalid");
  }
  await isWell();
});

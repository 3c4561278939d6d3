// Clients that keep silent, come slowly or take nothing: each is dropped in time and leaves nothing behind.
// The server's clock runs faster here, so that its minutes are over in a moment; nothing in a test depends on how fast.
import assert from "node:assert/strict";
import { once } from "node:events";
import { type ClientHttp2Stream, connect as connectHttp2 } from "node:http2";
import { connect, type Socket } from "node:net";
import { after, before, describe, test } from "node:test";
import { type Runtime, systemRuntime } from "@tailrace/engine/runtime";
import { parseAppendInputJson } from "@tailrace/engine/wire";
import { BASIN, HEADERS, serve, type TestServer } from "./support.ts";

const TIMES_FASTER = 60;
const hasty: Runtime = {
  ...systemRuntime,
  timers: {
    ...systemRuntime.timers,
    set: (delayMs, callback) => systemRuntime.timers.set(delayMs / TIMES_FASTER, callback),
  },
};
const DEADLINES = { firstBytesMs: 100, headersMs: 100, idleMs: 300 };

let served: TestServer;
before(async () => {
  served = await serve({ runtime: hasty, deadlines: DEADLINES });
  // More than sockets hold on their own.
  // Past the server: its clock leaves a client of a busy machine no time for a megabyte.
  for (let i = 0; i < 16; i += 1) {
    const body = Buffer.from(JSON.stringify({ records: [{ body: "x".repeat(1_000_000) }] }));
    await served.engine.append(BASIN, "large", parseAppendInputJson(body, "raw"), { config: {} });
  }
});
after(() => served.stop());

const GET = "GET /v1/streams/large/records?seq_num=0 HTTP/1.1\r\nhost: x\r\ns2-basin: server-tests\r\n";

function dial(): Socket {
  const socket = connect(Number(new URL(served.url).port), "127.0.0.1");
  socket.on("error", () => undefined);
  return socket;
}

function closed(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    socket.once("close", () => resolve());
  });
}

describe("over HTTP/1.1", () => {
  for (const [who, text] of [
    ["who says nothing", ""],
    ["who does not finish its headers", "GET /health HTTP/1.1\r\nhost: x\r\n"],
  ]) {
    test(`${who} is dropped`, async () => {
      const socket = dial();
      socket.resume();
      socket.write(text);
      await closed(socket);
    });
  }

  test("who sends headers without end, a byte at a time, is dropped", async () => {
    const socket = dial();
    socket.resume();
    socket.write("GET /health HTTP/1.1\r\nx: ");
    const drip = setInterval(() => socket.write("x"), 50);
    await closed(socket).finally(() => clearInterval(drip));
  });

  const cases: Record<string, string> = {
    "who takes nothing of a session": `${GET}content-type: s2s/proto\r\n\r\n`,
    "who takes nothing of an event stream": `${GET}accept: text/event-stream\r\n\r\n`,
    "who pipelines and takes nothing of the answers": `${GET}\r\n`.repeat(500),
  };
  for (const [who, text] of Object.entries(cases)) {
    test(`${who} is dropped`, async () => {
      const socket = dial();
      socket.pause();
      socket.write(text);
      // Who does not read hears of the end only when it writes; empty lines before a request mean nothing.
      const poll = setInterval(() => socket.write("\r\n"), 20);
      await closed(socket).finally(() => clearInterval(poll));
    });
  }

  test("a body that comes too slowly is given up with a code that says so", async () => {
    const socket = dial();
    socket.setEncoding("utf8");
    let text = "";
    socket.on("data", (chunk: string) => {
      text += chunk;
    });
    socket.write(
      'POST /v1/streams/slow/records HTTP/1.1\r\nhost: x\r\ns2-basin: server-tests\r\ncontent-type: application/json\r\ncontent-length: 100000\r\n\r\n{"records":',
    );
    const drip = setInterval(() => socket.write(" "), 20);
    await closed(socket).finally(() => clearInterval(drip));
    assert.match(text, /^HTTP\/1\.1 408 /);
    assert.match(text, /"code":"request_timeout"/);
  });

  test("a session that has nothing to say may stay", async () => {
    const socket = dial();
    socket.write(
      "POST /v1/streams/quiet/records HTTP/1.1\r\nhost: x\r\ns2-basin: server-tests\r\ncontent-type: s2s/proto\r\ntransfer-encoding: chunked\r\n\r\n",
    );
    await once(socket, "data");
    await new Promise((resolve) => setTimeout(resolve, 3 * DEADLINES.idleMs));
    const frame = Buffer.from([0, 0, 6, 0, 0x0a, 3, 0x1a, 1, 0x78]);
    socket.write(`${frame.length.toString(16)}\r\n`);
    socket.write(frame);
    socket.write("\r\n0\r\n\r\n");
    const [ack] = await once(socket, "data");
    assert.ok(ack.length > 10);
    socket.destroy();
  });
});

describe("over HTTP/2", () => {
  const open = (headers: Record<string, string>): ClientHttp2Stream => {
    const session = connectHttp2(served.url, { settings: { initialWindowSize: 0 } });
    session.on("error", () => undefined);
    const stream = session.request({ ":path": "/v1/streams/large/records?seq_num=0", ...HEADERS, ...headers });
    stream.on("error", () => undefined);
    stream.on("close", () => session.destroy());
    stream.pause();
    return stream;
  };
  for (const [what, headers] of [
    ["an answer", {}],
    ["a session", { "content-type": "s2s/proto" }],
    ["an event stream", { accept: "text/event-stream" }],
  ] as const) {
    test(`who takes nothing of ${what} is dropped`, async () => {
      await once(open(headers), "close");
    });
  }

  test("small answers that nobody takes are dropped with their connection", async () => {
    const session = connectHttp2(served.url, { settings: { initialWindowSize: 0 } });
    session.on("error", () => undefined);
    for (let i = 0; i < 50; i += 1) {
      const stream = session.request({ ":path": "/v1/streams/large/records/tail", ...HEADERS });
      stream.on("error", () => undefined);
      stream.pause();
    }
    await once(session, "close");
  });
});

test("nothing is left behind", async () => {
  while (served.engine.stats().inFlightAppendBytes > 0) await new Promise((resolve) => setImmediate(resolve));
  const stats = served.engine.stats();
  assert.equal(stats.activeReaders, 0);
  assert.equal(stats.waitingAppendBytes, 0);
});

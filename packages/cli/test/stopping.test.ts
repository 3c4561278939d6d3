// How a process ends: what sessions are told, and that being told twice is enough. And how it does not even start.
import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { connect as connectHttp2 } from "node:http2";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { AppendInput, AppendRecord, S2, S2Endpoints } from "@s2-dev/streamstore";
import { HttpClient } from "../../../test/support/http-client.ts";
import { TailraceProcess } from "../../../test/support/tailrace-process.ts";
import { ExitCode } from "../src/exit-codes.ts";

const temporary = mkdtempSync(join(tmpdir(), "tailrace-restart-"));
after(() => rmSync(temporary, { recursive: true, force: true }));
const BASIN = "restart-basin";

async function withBasin(server: TailraceProcess): Promise<HttpClient> {
  const http = new HttpClient(server.url);
  await http.json("PUT", `/v1/basins/${BASIN}`, { config: { create_stream_on_append: true } });
  return http;
}

test("append and read sessions of the SDK go on over a restart: each record once, for what is not acknowledged was not taken", async (t) => {
  const store = `file:${join(temporary, "data")}`;
  let server = await TailraceProcess.start({ store });
  t.after(() => server.kill());
  (await withBasin(server)).close();
  // The same place again: while nobody is there, connections are refused, and nothing is sent into the void.
  const { url } = server;
  const args = ["--listen", new URL(url).host];
  const s2 = new S2({
    accessToken: "any",
    endpoints: new S2Endpoints({ account: url, basin: url }),
    retry: { maxAttempts: 1_000, minBaseDelayMillis: 20, maxBaseDelayMillis: 100 },
    requestTimeoutMillis: 30_000,
  });
  const stream = s2.basin(BASIN).stream("s");
  await stream.append(AppendInput.create([AppendRecord.string({ body: "0" })]));
  const total = 2_000;
  const seen: string[] = [];
  const reader = await stream.readSession({ start: { from: { seqNum: 0 } } });
  const reading = (async () => {
    for await (const record of reader) {
      seen.push(record.body);
      if (seen.length === total) return;
    }
  })();
  const session = await stream.appendSession({ maxInflightBatches: 50 });
  const acks: Promise<number>[] = [];
  const appending = (async () => {
    for (let i = 1; i < total; i += 1) {
      const ticket = await session.submit(AppendInput.create([AppendRecord.string({ body: `${i}` })]));
      acks.push(ticket.ack().then((ack) => ack.start.seqNum));
    }
    return Promise.all(acks);
  })();
  for (let restart = 0; restart < 2; restart += 1) {
    while (seen.length < (total / 4) * (restart + 1)) await new Promise((resolve) => setImmediate(resolve));
    assert.equal(await server.stop(), 0);
    server = await TailraceProcess.start({ store, args });
  }
  assert.deepEqual(
    await appending,
    Array.from({ length: total - 1 }, (_, i) => i + 1),
  );
  await reading;
  assert.deepEqual(
    seen,
    Array.from({ length: total }, (_, i) => `${i}`),
  );
  await session.close();
  await stream.close();
  assert.equal(await server.stop(), 0);
});

test("on SIGTERM sessions are told that the server is draining, and advised to reconnect", async (t) => {
  const server = await TailraceProcess.start({ store: "memory:" });
  t.after(() => server.kill());
  const http = await withBasin(server);
  await http.json("POST", "/v1/streams/s/records", { records: [{ body: "x" }] }, { "s2-basin": BASIN });
  http.close();
  const connection = connectHttp2(server.url);
  connection.on("error", () => undefined);
  const open = (headers: Record<string, string>) => {
    const stream = connection.request(
      { "s2-basin": BASIN, "content-type": "s2s/proto", ...headers },
      { endStream: false },
    );
    const chunks: Buffer[] = [];
    stream.on("data", (chunk: Buffer) => chunks.push(chunk));
    stream.on("error", () => undefined);
    return { stream, frames: once(stream, "close").then(() => framesOf(Buffer.concat(chunks))) };
  };
  const reading = open({ ":path": "/v1/streams/s/records?seq_num=0" });
  const appending = open({ ":method": "POST", ":path": "/v1/streams/s/records" });
  await Promise.all([once(reading.stream, "data"), once(appending.stream, "response")]);
  appending.stream.write(Buffer.from([0, 0, 6, 0, 0x0a, 3, 0x1a, 1, 0x79]));
  await once(appending.stream, "data");
  const stopped = server.stop();
  const draining = (flag: number, body: Buffer) => {
    assert.equal(flag, 0x80);
    assert.equal(body.readUInt16BE(0), 503);
    assert.equal(JSON.parse(body.toString("utf8", 2)).code, "server_draining");
  };
  const read = await reading.frames;
  draining(...read[read.length - 1]);
  assert.equal(read[read.length - 2][0] & 0x10, 0x10, "reconnect advised");
  const appended = await appending.frames;
  assert.equal(appended.length, 2);
  draining(...appended[1]);
  assert.equal(await stopped, 0);
  connection.destroy();
});

function framesOf(bytes: Buffer): [number, Buffer][] {
  const frames: [number, Buffer][] = [];
  for (let at = 0; at < bytes.length; ) {
    const end = at + 3 + bytes.readUIntBE(at, 3);
    frames.push([bytes[at + 3], bytes.subarray(at + 4, end)]);
    at = end;
  }
  return frames;
}

test("a second signal ends the process at once", async (t) => {
  for (const [signal, code] of [
    ["SIGTERM", 143],
    ["SIGINT", 130],
  ] as const) {
    const server = await TailraceProcess.start({ store: "memory:", args: ["--log-level", "info"] });
    t.after(() => server.kill());
    // Something to wait for: a request whose body has not come.
    const socket = connect(Number(new URL(server.url).port), "127.0.0.1");
    socket.on("error", () => undefined);
    socket.write(
      `POST /v1/basins HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 100\r\nexpect: 100-continue\r\n\r\n`,
    );
    await once(socket, "data");
    server.signal(signal);
    while (!server.output.includes("stopping")) await new Promise((resolve) => setImmediate(resolve));
    server.signal(signal);
    assert.equal((await server.exited).code, code);
    socket.destroy();
  }
});

test("who waits for records is told on SIGTERM, and nobody waits for that", async (t) => {
  const server = await TailraceProcess.start({ store: "memory:", args: ["--log-level", "info"] });
  t.after(() => server.kill());
  const http = await withBasin(server);
  await http.json("POST", "/v1/streams/s/records", { records: [{}] }, { "s2-basin": BASIN });
  const waiting = http.send("GET", "/v1/streams/s/records?seq_num=1&wait=60", { headers: { "s2-basin": BASIN } });
  while (!/readers 1/.test((await http.send("GET", "/metrics")).text));
  server.signal("SIGTERM");
  const { status, text } = await waiting;
  assert.equal(status, 503);
  assert.equal(JSON.parse(text).code, "server_draining");
  assert.equal((await server.exited).code, 0);
  http.close();
});

test("a store that is not there, or in use, is refused in one sentence", async (t) => {
  const store = `file:${join(temporary, "taken")}`;
  const holder = await TailraceProcess.start({ store });
  t.after(() => holder.kill());
  const second = TailraceProcess.spawn({ store });
  assert.equal((await second.exited).code, ExitCode.store);
  assert.match(second.output, /^tailrace: .*in use/);
  assert.equal(second.output.trim().split("\n").length, 1, second.output);
  assert.equal(await holder.stop(), 0);
  const nowhere = TailraceProcess.spawn({
    store: "s3://bucket/prefix",
    env: {
      AWS_ENDPOINT_URL: "http://127.0.0.1:1",
      AWS_REGION: "us-east-1",
      AWS_ACCESS_KEY_ID: "x",
      AWS_SECRET_ACCESS_KEY: "x",
    },
  });
  assert.equal((await nowhere.exited).code, ExitCode.store);
  assert.match(nowhere.output, /^tailrace: .*s3:\/\/bucket\/prefix/);
  assert.equal(nowhere.output.trim().split("\n").length, 1, nowhere.output);
});

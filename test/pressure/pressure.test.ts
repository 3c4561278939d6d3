// Clients that ask for much and take nothing, against the real process: what it holds for them is bounded, and it goes on serving.
// Memory is the process's own, with margins far below what the same clients would cost without a bound.
import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { type ClientHttp2Session, type ClientHttp2Stream, connect as connectHttp2 } from "node:http2";
import { connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { HttpClient } from "../support/http-client.ts";
import { TailraceProcess } from "../support/tailrace-process.ts";

const BASIN = { "s2-basin": "pressure-basin" };
const MIB = 1024 * 1024;
const READ = "/v1/streams/large/records?seq_num=0";

let directory: string;
let server: TailraceProcess;
let http: HttpClient;

before(async () => {
  directory = mkdtempSync(join(tmpdir(), "tailrace-pressure-"));
  server = await TailraceProcess.start({ store: `file:${directory}` });
  http = new HttpClient(server.url);
  const basin = await http.json("PUT", "/v1/basins/pressure-basin", { config: { create_stream_on_append: true } });
  assert.equal(basin.status, 201);
  const body = { records: Array.from({ length: 100 }, () => ({ body: "x".repeat(10_000) })) };
  for (let i = 0; i < 32; i += 1)
    assert.equal((await http.json("POST", "/v1/streams/large/records", body, BASIN)).status, 200);
});
after(async () => {
  http.close();
  assert.equal(await server.stop(), 0);
  rmSync(directory, { recursive: true });
});

async function metric(name: string): Promise<number> {
  const { text } = await http.send("GET", "/metrics");
  const match = new RegExp(`^${name} (\\S+)$`, "m").exec(text);
  if (match === null) throw new Error(`no metric ${name}`);
  return Number(match[1]);
}

const residentMiB = async () => (await metric("process_resident_memory_bytes")) / MIB;

/** Waits until `holds`, looking again and again; the test's own time-out is the bound. */
async function until(holds: () => Promise<boolean>): Promise<void> {
  while (!(await holds())) await new Promise((resolve) => setTimeout(resolve, 50));
}

/** The value of `look` once it has stopped growing. */
async function settled(look: () => Promise<number>): Promise<number> {
  let last = -1;
  for (let same = 0; same < 10; ) {
    const value = await look();
    same = value === last ? same + 1 : 0;
    last = value;
    await new Promise((resolve) => setTimeout(resolve, 30));
  }
  return last;
}

function session(): ClientHttp2Session {
  const opened = connectHttp2(server.url, { settings: { initialWindowSize: 0 } });
  opened.on("error", () => undefined);
  return opened;
}

function request(on: ClientHttp2Session, headers: Record<string, string>): ClientHttp2Stream {
  const stream = on.request({ ...BASIN, ...headers });
  stream.on("error", () => undefined);
  stream.pause();
  return stream;
}

async function gone(): Promise<void> {
  await until(async () => (await metric("tailrace_readers")) === 0);
}

test("hundreds of large answers on one connection wait their turn, and all come to whom reads", async () => {
  const before = await residentMiB();
  const connection = session();
  const streams = Array.from({ length: 300 }, () => request(connection, { ":path": READ }));
  let answered = 0;
  for (const stream of streams)
    stream.on("response", () => {
      answered += 1;
    });
  await until(async () => answered >= 32);
  assert.equal(await settled(async () => answered), 32);
  const held = (await residentMiB()) - before;
  assert.ok(held < 200, `${held} MiB for 300 answers of a MiB`);
  connection.settings({ initialWindowSize: MIB });
  const sizes = await Promise.all(
    streams.map(async (stream) => {
      let bytes = 0;
      stream.on("data", (chunk: Buffer) => {
        bytes += chunk.length;
      });
      stream.resume();
      await once(stream, "end");
      return bytes;
    }),
  );
  assert.ok(sizes.every((bytes) => bytes > 1_000_000));
  connection.destroy();
});

for (const [what, headers] of [
  ["sessions", { "content-type": "s2s/proto" }],
  ["event streams", { accept: "text/event-stream" }],
] as const) {
  test(`hundreds of ${what} on one connection that nobody reads: bounded, and the connection stays`, async () => {
    const before = await residentMiB();
    const connection = session();
    const streams = Array.from({ length: 600 }, () => request(connection, { ":path": READ, ...headers }));
    await Promise.all(streams.map((stream) => once(stream, "response")));
    await settled(() => residentMiB().then(Math.round));
    const held = (await residentMiB()) - before;
    assert.ok(held < 700, `${held} MiB for 600 readers of 32 MiB`);
    assert.equal(await metric("tailrace_readers"), 600);
    connection.destroy();
    await gone();
  });
}

test("requests that are pipelined are not looked at before their turn", async () => {
  const before = await residentMiB();
  const head = `GET ${READ} HTTP/1.1\r\nhost: x\r\ns2-basin: pressure-basin\r\n\r\n`;
  const sockets: Socket[] = Array.from({ length: 30 }, () => {
    const socket = connect(Number(new URL(server.url).port), "127.0.0.1");
    socket.on("error", () => undefined);
    socket.pause();
    socket.write(head.repeat(500));
    return socket;
  });
  await settled(() => residentMiB().then(Math.round));
  const held = (await residentMiB()) - before;
  assert.ok(held < 400, `${held} MiB for 15,000 answers of a MiB on 30 connections`);
  for (const socket of sockets) socket.destroy();
  await gone();
});

test("who does not take acknowledgements is no longer read from, and gets them all in the end", async () => {
  const connection = session();
  const stream = request(connection, {
    ":method": "POST",
    ":path": "/v1/streams/acks/records",
    "content-type": "s2s/proto",
  });
  await once(stream, "response");
  const before = await metric("tailrace_records_appended");
  const batch = Buffer.from([0, 0, 6, 0, 0x0a, 3, 0x1a, 1, 0x78]);
  const batches = 100_000;
  stream.end(Buffer.concat(Array.from({ length: batches }, () => batch)));
  await until(async () => (await metric("tailrace_records_appended")) > before);
  const taken = (await settled(() => metric("tailrace_records_appended"))) - before;
  assert.ok(taken < batches / 2, `${taken} batches were taken`);
  connection.settings({ initialWindowSize: MIB });
  let acks = 0;
  let rest: Buffer = Buffer.alloc(0);
  stream.on("data", (chunk: Buffer) => {
    rest = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    while (rest.length >= 3 && rest.length >= 3 + rest.readUIntBE(0, 3)) {
      assert.equal(rest[3], 0);
      acks += 1;
      rest = rest.subarray(3 + rest.readUIntBE(0, 3));
    }
  });
  stream.resume();
  await once(stream, "end");
  assert.equal(acks, batches);
  // Not by the metric, in which the store's own records count too.
  const tail = await http.send("GET", "/v1/streams/acks/records/tail", { headers: BASIN });
  assert.equal(JSON.parse(tail.text).tail.seq_num, batches);
  connection.destroy();
});

test("connections that die leave nothing behind", async () => {
  await gone();
  await until(async () => (await metric("tailrace_in_flight_append_bytes")) === 0);
  assert.equal(await metric("tailrace_waiting_append_bytes"), 0);
});

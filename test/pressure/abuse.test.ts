// Clients that mean harm, against the real process, a new one for each kind: what they make it hold is bounded, and others are served meanwhile.
// Memory is the process's own, with margins far below what the same clients would cost without a bound.
import assert from "node:assert/strict";
import { connect as connectHttp2 } from "node:http2";
import { connect } from "node:net";
import { type TestContext, test } from "node:test";
import { HttpClient } from "../support/http-client.ts";
import { FLOODED_BASIN, FLOODS, PREFACE, SETTINGS } from "../support/http2-floods.ts";
import { TailraceProcess } from "../support/tailrace-process.ts";

const BASIN = { "s2-basin": FLOODED_BASIN };
const MIB = 1024 * 1024;

async function setup(t: TestContext) {
  const server = await TailraceProcess.start({ store: "memory:" });
  const http = new HttpClient(server.url);
  t.after(async () => {
    http.close();
    assert.equal(await server.stop(), 0, server.output);
  });
  const config = { create_stream_on_append: true };
  assert.equal((await http.json("PUT", `/v1/basins/${FLOODED_BASIN}`, { config })).status, 201);
  assert.equal((await http.json("PUT", "/v1/streams/flooded", {}, BASIN)).status, 201);
  const metric = async (name: string) => {
    const { text } = await http.send("GET", "/metrics");
    return Number(new RegExp(`^${name} (\\S+)$`, "m").exec(text)?.[1] ?? Number.NaN);
  };
  return { server, http, metric, residentMiB: async () => (await metric("process_resident_memory_bytes")) / MIB };
}

/** Waits until `holds`, looking again and again; the test's own time-out is the bound. */
async function until(holds: () => Promise<boolean>): Promise<void> {
  while (!(await holds())) await new Promise((resolve) => setTimeout(resolve, 50));
}

/** As much of something larger as makes it look almost whole. */
const ALMOST_WHOLE = Buffer.alloc(1_900_000, " ");
/** The length and flags of a frame that would be longer still. */
const FRAME_HEADER = Buffer.from([0x1f, 0xff, 0xff, 0]);

for (const [what, contentType, beginning] of [
  ["bodies", "application/json", Buffer.alloc(0)],
  ["frames of sessions", "s2s/proto", FRAME_HEADER],
] as const) {
  test(`${what} that never come to their end: bounded, and who comes later is served`, async (t) => {
    const { server, http, residentMiB } = await setup(t);
    const before = await residentMiB();
    // Clients of this kind queue more than they would hold for others.
    const connections = Array.from({ length: 4 }, () => {
      const opened = connectHttp2(server.url, { maxSessionMemory: 4096 });
      opened.on("error", () => undefined);
      return opened;
    });
    let refused = 0;
    for (const connection of connections) {
      for (let i = 0; i < 150; i += 1) {
        const stream = connection.request({
          ...BASIN,
          ":method": "POST",
          ":path": "/v1/streams/slow/records",
          "content-type": contentType,
        });
        stream.on("error", () => undefined);
        stream.on("data", (chunk: Buffer) => {
          if (chunk.includes("hot_server")) refused += 1;
        });
        stream.write(Buffer.concat([beginning, ALMOST_WHOLE]));
      }
    }
    // 1,140 MB in all.
    await until(async () => refused >= 300);
    const held = (await residentMiB()) - before;
    assert.ok(held < 700, `${held} MiB for what is never whole`);
    const append = await http.json("POST", "/v1/streams/flooded/records", { records: [{ body: "x" }] }, BASIN);
    assert.equal(append.status, 200);
    for (const connection of connections) connection.destroy();
  });
}

test("floods of frames, from clients that read and that do not: they cost next to nothing while they last", async (t) => {
  const { server, metric, residentMiB } = await setup(t);
  const before = await residentMiB();
  let most = 0;
  let flooding = true;
  const watching = (async () => {
    while (flooding) most = Math.max(most, await residentMiB());
  })();
  for (const make of Object.values(FLOODS)) {
    const bytes = Buffer.concat([PREFACE, SETTINGS, ...make()]);
    for (let round = 0; round < 3; round += 1)
      await Promise.all(
        [true, false].flatMap((reading) => [flood(server, bytes, reading), flood(server, bytes, reading)]),
      );
  }
  flooding = false;
  await watching;
  await until(async () => (await metric("tailrace_readers")) === 0);
  // References to one large header alone would come to 37 GB.
  assert.ok(most - before < 400, `${most - before} MiB at most`);
});

/** Resolves once the server has closed. */
function flood(server: TailraceProcess, bytes: Buffer, reading: boolean): Promise<void> {
  return new Promise((resolve) => {
    const socket = connect(Number(new URL(server.url).port), "127.0.0.1");
    socket.on("error", () => undefined);
    if (reading) socket.resume();
    socket.on("close", () => resolve());
    socket.end(bytes, () => socket.resume());
  });
}

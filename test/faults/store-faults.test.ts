// A disk that fills up and a remote store that goes away, under the real process: clear answers within a stated time,
// nothing acknowledged lost, and all is well again without a restart.
import assert from "node:assert/strict";
import { join } from "node:path";
import { describe, test } from "node:test";
import { HttpClient } from "../support/http-client.ts";
import { SmallDisk } from "../support/small-disk.ts";
import { TailraceProcess } from "../support/tailrace-process.ts";
import { findVersitygw, startVersitygw, VERSITYGW_MISSING } from "../support/versitygw.ts";

const BASIN = "store-faults";
const HEADERS = { "s2-basin": BASIN };
/** Stated in the README: an append, or an answer that needs the store, fails within this. */
const STATED_MS = 10_000;
const DISK_BYTES = 4 * 1024 * 1024;

async function prepare(http: HttpClient): Promise<void> {
  assert.equal((await http.json("PUT", `/v1/basins/${BASIN}`, {})).status, 201);
  assert.equal((await http.json("PUT", "/v1/streams/s", {}, HEADERS)).status, 201);
}

function append(http: HttpClient, body: string) {
  return http.json("POST", "/v1/streams/s/records", { records: [{ body }] }, HEADERS, STATED_MS);
}

async function untilAppended(http: HttpClient, body: string): Promise<void> {
  const untilMs = performance.now() + STATED_MS;
  for (;;) {
    const answer = await append(http, body);
    if (answer.status === 200) return;
    assert.equal(answer.status, 503, answer.text);
    assert.ok(performance.now() < untilMs, "it did not recover");
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

async function records(http: HttpClient): Promise<string[]> {
  const found: string[] = [];
  for (;;) {
    const answer = await http.send("GET", `/v1/streams/s/records?seq_num=${found.length}`, { headers: HEADERS });
    if (answer.status === 416) return found;
    assert.equal(answer.status, 200, answer.text);
    for (const record of JSON.parse(answer.text).records) found.push(record.body);
  }
}

test("a disk that fills up: reads go on, appends fail clearly, and space makes it well", async (t) => {
  const disk = SmallDisk.mount(DISK_BYTES);
  if (disk === undefined) {
    t.skip("mounting a small file system is not permitted here");
    return;
  }
  t.after(() => disk.unmount());
  const server = await TailraceProcess.start({ store: `file:${join(disk.directory, "data")}` });
  t.after(() => server.kill());
  const http = new HttpClient(server.url);
  await prepare(http);
  assert.equal((await append(http, "first")).status, 200);
  disk.fill();
  const startedMs = performance.now();
  const refused = await append(http, `pending-${"x".repeat(20_000)}`);
  assert.equal(refused.status, 503, refused.text);
  assert.equal(JSON.parse(refused.text).code, "unavailable");
  assert.ok(performance.now() - startedMs < STATED_MS);
  // From now on at once.
  assert.equal((await append(http, "refused")).status, 503);
  const read = await http.send("GET", "/v1/streams/s/records?seq_num=0&count=1", { headers: HEADERS });
  assert.equal(read.status, 200, read.text);
  assert.equal((await http.send("GET", "/v1/streams/s/records/tail", { headers: HEADERS })).status, 200);
  disk.free();
  await untilAppended(http, "last");
  const found = await records(http);
  assert.equal(found[0], "first");
  assert.equal(found.at(-1), "last");
  assert.ok(!found.includes("refused"));
  assert.equal(await server.stop(), 0);
});

describe("a remote store", { skip: (await findVersitygw()) === undefined ? VERSITYGW_MISSING : false }, () => {
  for (const way of ["hangs", "is gone"] as const) {
    test(`that ${way}: answers are clear and in time, and it is well again when the store is`, async (t) => {
      const s3 = await startVersitygw();
      assert.ok(s3 !== undefined);
      t.after(() => s3.stop());
      const server = await TailraceProcess.start({ store: `s3://${s3.bucket}/away`, env: s3.env });
      t.after(() => server.kill());
      const http = new HttpClient(server.url);
      await prepare(http);
      assert.equal((await append(http, "first")).status, 200);
      if (way === "hangs") s3.pause();
      else await s3.kill();
      const startedMs = performance.now();
      const pending = await append(http, "unknown");
      assert.equal(pending.status, 503, pending.text);
      assert.equal(JSON.parse(pending.text).code, "unavailable");
      assert.ok(performance.now() - startedMs < STATED_MS);
      // The lease has run out by now: nobody can say any more what the tail is.
      const tail = await http.send("GET", "/v1/streams/s/records/tail", { headers: HEADERS, timeoutMs: STATED_MS });
      assert.equal(tail.status, 503, tail.text);
      assert.equal((await append(http, "refused")).status, 503);
      assert.equal((await http.send("GET", "/live")).status, 200);
      if (way === "hangs") s3.resume();
      else await s3.restart();
      await untilAppended(http, "last");
      const found = await records(http);
      assert.equal(found[0], "first");
      assert.equal(found.at(-1), "last");
      assert.ok(!found.includes("refused"));
      assert.ok(found.filter((body) => body === "unknown").length <= 1);
      assert.equal(await server.stop(), 0);
    });
  }
});

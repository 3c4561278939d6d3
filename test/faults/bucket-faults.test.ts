// A real bucket with flushes and large objects under way: it fails one call in ten, is restarted in the middle, and fills up. Nothing acknowledged is
// lost, and what stands there afterwards is whole.
import assert from "node:assert/strict";
import { join } from "node:path";
import { describe, test } from "node:test";
import { openStoreView } from "@tailrace/engine/object-store";
import { systemRuntime } from "@tailrace/engine/runtime";
import { checkStore } from "@tailrace/engine/store-tools";
import { Random } from "../../sim/check/testing/random.ts";
import { HttpClient } from "../support/http-client.ts";
import { SmallDisk } from "../support/small-disk.ts";
import { STORE_FAULTS, StoreProxy } from "../support/store-proxy.ts";
import { TailraceProcess } from "../support/tailrace-process.ts";
import { Tally } from "../support/tally.ts";
import { findVersitygw, startVersitygw, VERSITYGW_MISSING, type Versitygw } from "../support/versitygw.ts";

const BASIN = "bucket-faults";
const HEADERS = { "s2-basin": BASIN };
const DEADLINE_MS = 60_000;
/** Records of about 900 KiB: as many as a flush takes, and some more. */
const RECORDS = 90;
const FILLER = "x".repeat(900 * 1024);

async function prepared(server: TailraceProcess): Promise<HttpClient> {
  const http = new HttpClient(server.url);
  await until(async () => (await http.json("PUT", `/v1/basins/${BASIN}`, {})).status < 300);
  await until(async () => (await http.json("PUT", "/v1/streams/s", {}, HEADERS)).status < 300);
  return http;
}

async function until(holds: () => Promise<boolean>): Promise<void> {
  const untilMs = performance.now() + DEADLINE_MS;
  while (!(await holds())) {
    assert.ok(performance.now() < untilMs, "it did not recover");
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** Appends until it is acknowledged; one whose outcome is unknown may be there as well. */
async function append(http: HttpClient, i: number): Promise<void> {
  await until(async () => {
    const body = `${i} ${FILLER}`;
    const answer = await http.json("POST", "/v1/streams/s/records", { records: [{ body }] }, HEADERS, DEADLINE_MS);
    assert.ok(answer.status === 200 || answer.status === 503, answer.text.slice(0, 200));
    return answer.status === 200;
  });
}

/** The numbers of the records, in their order. */
async function numbers(http: HttpClient): Promise<number[]> {
  const found: number[] = [];
  for (;;) {
    const path = `/v1/streams/s/records?seq_num=${found.length}&count=4`;
    const answer = await http.send("GET", path, { headers: HEADERS, timeoutMs: DEADLINE_MS });
    if (answer.status === 416) return found;
    if (answer.status === 503) continue;
    assert.equal(answer.status, 200, answer.text.slice(0, 200));
    for (const { body } of JSON.parse(answer.text).records) found.push(Number(body.split(" ")[0]));
  }
}

async function segmentsPut(http: HttpClient): Promise<number> {
  const { text } = await http.send("GET", "/metrics");
  return Number(/^tailrace_segments_put ([0-9]+)/m.exec(text)?.[1]);
}

async function isWhole(s3: Versitygw, store: string): Promise<void> {
  for (const [name, value] of Object.entries(s3.env)) process.env[name] = value;
  const view = await openStoreView(store, systemRuntime);
  const { damage, segments } = await checkStore({ runtime: systemRuntime, view });
  await view.close();
  assert.deepEqual(damage.told, []);
  assert.ok(segments > 0, "something was flushed");
}

describe("a bucket", { skip: (await findVersitygw()) === undefined ? VERSITYGW_MISSING : false }, () => {
  test("of which one call in ten fails, and which is restarted in the middle of a flush", async (t) => {
    const s3 = await startVersitygw();
    assert.ok(s3 !== undefined);
    t.after(() => s3.stop());
    const tally = new Tally();
    const proxy = await StoreProxy.start(s3.endpoint, new Random(4711), tally);
    t.after(() => proxy.stop());
    const store = `s3://${s3.bucket}/failing`;
    const server = await TailraceProcess.start({ store, env: { ...s3.env, AWS_ENDPOINT_URL: proxy.url } });
    t.after(() => server.kill());
    const http = await prepared(server);
    proxy.faults = STORE_FAULTS;
    proxy.likelihood = 0.1;
    for (let i = 0; i < RECORDS; i += 1) {
      await append(http, i);
      // About where the log is flushed.
      if (i % 20 === 14) {
        await s3.kill();
        await s3.restart();
      }
    }
    await until(async () => (await segmentsPut(http)) > 0);
    assert.ok(tally.total >= 3, `${tally}`);
    proxy.likelihood = 0;
    const found = await numbers(http);
    assert.deepEqual(
      found.filter((number, i) => found.indexOf(number) === i),
      Array.from({ length: RECORDS }, (_, i) => i),
    );
    assert.equal(await server.stop(), 0);
    await isWhole(s3, store);
  });

  test("that is full: appends fail clearly, reads go on, and space makes it well, flushes included", async (t) => {
    const disk = SmallDisk.mount(192 * 1024 * 1024);
    if (disk === undefined) return t.skip("mounting a small file system is not permitted here");
    t.after(() => disk.unmount());
    const s3 = await startVersitygw({ directory: join(disk.directory, "buckets") });
    assert.ok(s3 !== undefined);
    t.after(() => s3.stop());
    const store = `s3://${s3.bucket}/full`;
    const server = await TailraceProcess.start({ store, env: s3.env });
    t.after(() => server.kill());
    const http = await prepared(server);
    for (let i = 0; i < RECORDS / 2; i += 1) await append(http, i);
    disk.fill();
    const refused = await http.json("POST", "/v1/streams/s/records", { records: [{ body: FILLER }] }, HEADERS);
    assert.equal(refused.status, 503, refused.text.slice(0, 200));
    assert.equal(JSON.parse(refused.text).code, "unavailable");
    const read = await http.send("GET", "/v1/streams/s/records?seq_num=0&count=1", { headers: HEADERS });
    assert.ok(read.status === 200 || read.status === 503, read.text.slice(0, 200));
    disk.free();
    for (let i = RECORDS / 2; i < RECORDS; i += 1) await append(http, i);
    await until(async () => (await segmentsPut(http)) > 0);
    const found = (await numbers(http)).filter((number) => !Number.isNaN(number));
    assert.deepEqual(
      found.filter((number, i) => found.indexOf(number) === i),
      Array.from({ length: RECORDS }, (_, i) => i),
    );
    assert.equal(await server.stop(), 0);
    await isWhole(s3, store);
  });
});

// Two processes on one store: whoever takes over wins, whoever is deposed says so and answers nothing more.
// On S3 by put-if-absent and the lease, on the file store by the kernel's lock.
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test } from "node:test";
import { ExitCode } from "../../packages/cli/src/exit-codes.ts";
import { HttpClient } from "../support/http-client.ts";
import { TailraceProcess } from "../support/tailrace-process.ts";
import { findVersitygw, startVersitygw, VERSITYGW_MISSING } from "../support/versitygw.ts";

const BASIN = "two-processes";
const HEADERS = { "s2-basin": BASIN };
/** Longer than the lease and its margin, so that a stopped owner has surely lost its right. */
const PAST_ANY_LEASE_MS = 2_500;

async function prepare(http: HttpClient): Promise<void> {
  assert.equal((await http.json("PUT", `/v1/basins/${BASIN}`, {})).status, 201);
  assert.equal((await http.json("PUT", "/v1/streams/s", {}, HEADERS)).status, 201);
}

async function append(http: HttpClient, body: string): Promise<number> {
  const answer = await http.json("POST", "/v1/streams/s/records", { records: [{ body }] }, HEADERS);
  assert.equal(answer.status, 200, answer.text);
  return JSON.parse(answer.text).start.seq_num;
}

async function bodies(http: HttpClient): Promise<string[]> {
  const answer = await http.send("GET", "/v1/streams/s/records?seq_num=0", { headers: HEADERS });
  assert.equal(answer.status, 200, answer.text);
  return JSON.parse(answer.text).records.map((record: { body: string }) => record.body);
}

/** The answer's status, or 0 for a connection that broke. */
function status(answer: Promise<{ status: number }>): Promise<number> {
  return answer.then(
    ({ status }) => status,
    () => 0,
  );
}

describe("on S3", { skip: (await findVersitygw()) === undefined ? VERSITYGW_MISSING : false }, () => {
  test("a second process takes over, the first stops with a code of its own, and history is one", async (t) => {
    const s3 = await startVersitygw();
    assert.ok(s3 !== undefined);
    t.after(() => s3.stop());
    const setup = { store: `s3://${s3.bucket}/taken`, env: s3.env };
    const first = await TailraceProcess.start(setup);
    const old = new HttpClient(first.url);
    await prepare(old);
    assert.equal(await append(old, "a"), 0);
    const second = await TailraceProcess.start(setup);
    const http = new HttpClient(second.url);
    assert.equal(await append(http, "b"), 1);
    // The old one finds the fence where its own chunk should be.
    assert.notEqual(
      await status(old.json("POST", "/v1/streams/s/records", { records: [{ body: "never" }] }, HEADERS)),
      200,
    );
    assert.equal((await first.exited).code, ExitCode.deposed);
    assert.match(first.output, /taken over by [0-9a-f]{32} under epoch 2/);
    assert.deepEqual(await bodies(http), ["a", "b"]);
    assert.equal(await second.stop(), 0);
  });

  test("an owner stopped for longer than any lease answers nothing stale and acknowledges nothing", async (t) => {
    const s3 = await startVersitygw();
    assert.ok(s3 !== undefined);
    t.after(() => s3.stop());
    const setup = { store: `s3://${s3.bucket}/frozen`, env: s3.env };
    const first = await TailraceProcess.start(setup);
    const old = new HttpClient(first.url);
    await prepare(old);
    await append(old, "a");
    first.signal("SIGSTOP");
    // Sent while it sleeps: it will find them all at once when it wakes.
    const tail = old.send("GET", "/v1/streams/s/records/tail", { headers: HEADERS });
    const read = old.send("GET", "/v1/streams/s/records?seq_num=0", { headers: HEADERS });
    const write = old.json("POST", "/v1/streams/s/records", { records: [{ body: "never" }] }, HEADERS);
    const guarded = old.json(
      "POST",
      "/v1/streams/s/records",
      { records: [{ body: "never" }], match_seq_num: 7 },
      HEADERS,
    );
    const missing = old.send("GET", "/v1/streams/none/records/tail", { headers: HEADERS });
    const answers = Promise.all([tail, read, write, guarded, missing].map(status));
    await new Promise((resolve) => setTimeout(resolve, PAST_ANY_LEASE_MS));
    const second = await TailraceProcess.start(setup);
    const http = new HttpClient(second.url);
    await append(http, "b");
    first.signal("SIGCONT");
    for (const answered of await answers) assert.ok(answered === 0 || answered === 503, `it answered ${answered}`);
    assert.equal((await first.exited).code, ExitCode.deposed);
    assert.deepEqual(await bodies(http), ["a", "b"]);
    assert.equal(await second.stop(), 0);
  });

  test("after kill -9 the next process is healthy within three seconds, and after a clean stop it need not wait", async (t) => {
    const s3 = await startVersitygw();
    assert.ok(s3 !== undefined);
    t.after(() => s3.stop());
    const setup = { store: `s3://${s3.bucket}/crash`, env: s3.env };
    const first = await TailraceProcess.start(setup);
    const old = new HttpClient(first.url);
    await prepare(old);
    await append(old, "a");
    await first.kill();
    const startedMs = performance.now();
    const second = await TailraceProcess.start(setup);
    const http = new HttpClient(second.url);
    assert.equal((await http.send("GET", "/health")).status, 200);
    const crashedMs = performance.now() - startedMs;
    assert.deepEqual(await bodies(http), ["a"]);
    assert.equal(await second.stop(), 0);
    const third = await TailraceProcess.start(setup);
    assert.match(third.output, /listens on/);
    await third.kill();
    t.diagnostic(`healthy ${Math.round(crashedMs)} ms after a crash`);
    assert.ok(crashedMs < 3_000, `it took ${crashedMs} ms`);
  });
});

describe("on the file store", () => {
  test("a second process is refused while the first lives, stopped or not, and admitted once it is dead", async (t) => {
    const directory = mkdtempSync(join(tmpdir(), "tailrace-two-"));
    t.after(() => rmSync(directory, { recursive: true, force: true }));
    const setup = { store: `file:${directory}` };
    const first = await TailraceProcess.start(setup);
    const old = new HttpClient(first.url);
    await prepare(old);
    await append(old, "a");
    for (const signal of [undefined, "SIGSTOP"] as const) {
      if (signal !== undefined) first.signal(signal);
      const refused = TailraceProcess.spawn(setup);
      assert.equal((await refused.exited).code, ExitCode.store);
      assert.match(refused.output, /in use/);
    }
    await first.kill();
    const second = await TailraceProcess.start(setup);
    const http = new HttpClient(second.url);
    assert.deepEqual(await bodies(http), ["a"]);
    assert.equal(await second.stop(), 0);
  });
});

// `--cache-dir` before a real S3: what was fetched once is not fetched again, also after kill -9, and whatever becomes of the files.
import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { HttpClient } from "../../../test/support/http-client.ts";
import { TailraceProcess } from "../../../test/support/tailrace-process.ts";
import { startVersitygw, VERSITYGW_MISSING } from "../../../test/support/versitygw.ts";

const temporary = mkdtempSync(join(tmpdir(), "tailrace-cache-dir-"));
after(() => rmSync(temporary, { recursive: true, force: true }));
const BASIN = "cached-basin";
/** Enough for a flush. */
const RECORDS = 90;
const body = (i: number) => `${i}:${String(i % 10).repeat(1_000_000)}`;

async function metric(http: HttpClient, name: string): Promise<number> {
  const { text } = await http.send("GET", "/metrics", {});
  const line = text.split("\n").find((each) => each.startsWith(`${name} `));
  return Number(line?.split(" ").at(-1) ?? Number.NaN);
}

/** Reads all, and answers how many blocks of segments were not on the disk. */
async function readAll(url: string): Promise<number> {
  const http = new HttpClient(url);
  const misses = 'tailrace_disk_cache_blocks_total{outcome="misses"}';
  const before = await metric(http, misses);
  for (let next = 0; next < RECORDS; ) {
    const answer = await http.send("GET", `/v1/streams/s/records?seq_num=${next}`, {
      headers: { "s2-basin": BASIN, accept: "application/json" },
    });
    assert.equal(answer.status, 200, answer.text.slice(0, 200));
    const { records } = JSON.parse(answer.text) as { records: readonly { seq_num: number; body: string }[] };
    for (const record of records) {
      assert.equal(record.seq_num, next);
      assert.ok(record.body === body(next), `record ${next} is another`);
      next += 1;
    }
  }
  const missed = (await metric(http, misses)) - before;
  http.close();
  return missed;
}

test("history is fetched once, into a bounded directory, and believed only whole", async (t) => {
  const s3 = await startVersitygw();
  if (s3 === undefined) return t.skip(VERSITYGW_MISSING);
  t.after(() => s3.stop());
  const store = `s3://${s3.bucket}/cached`;
  const directory = join(temporary, "cache");
  const args = ["--cache-dir", directory, "--cache-size", "1GiB", "--memory", "16MiB"];
  const start = async (more: readonly string[] = []) => {
    const server = await TailraceProcess.start({ store, args: [...args, ...more], env: s3.env });
    t.after(() => server.kill());
    return server;
  };
  let server = await start();
  const http = new HttpClient(server.url);
  await http.json("PUT", `/v1/basins/${BASIN}`, { config: { create_stream_on_append: true } });
  for (let i = 0; i < RECORDS; i += 1)
    await http.json("POST", "/v1/streams/s/records", { records: [{ body: body(i) }] }, { "s2-basin": BASIN });
  // What is flushed is read from segments once it has left memory: there is little.
  while ((await metric(http, "tailrace_segments")) < 1) await new Promise((resolve) => setTimeout(resolve, 50));
  http.close();
  assert.ok((await readAll(server.url)) > 100);
  await server.kill();

  const files = () => readdirSync(join(directory, "blocks")).map((name) => join(directory, "blocks", name));
  server = await start();
  await readAll(server.url);
  const second = TailraceProcess.spawn({ store: "s3://other/place", args, env: s3.env });
  assert.equal((await second.exited).code, 3);
  assert.match(second.output, /cache is in use by another process/);
  await server.kill();
  const blocks = files().filter((path) => !path.endsWith(".tmp"));
  assert.ok(blocks.length > 100, `${blocks.length} blocks`);

  // Everything that a dead machine could have left.
  for (const [i, path] of blocks.entries()) {
    if (i % 4 === 0) truncateSync(path, (i * 7_919) % statSync(path).size);
    if (i % 4 === 1) {
      const bytes = readFileSync(path);
      bytes[(i * 104_729) % bytes.length] ^= 1 << (i % 8);
      writeFileSync(path, bytes);
    }
  }
  writeFileSync(`${blocks[0]}.9.tmp`, "half");
  server = await start();
  await readAll(server.url);
  const damaged = new HttpClient(server.url);
  const count = await metric(damaged, 'tailrace_disk_cache_blocks_total{outcome="damaged"}');
  damaged.close();
  assert.ok(count > 10, `${count} damaged`);
  assert.equal(await server.stop(), 0);

  server = await start();
  assert.equal(await readAll(server.url), 0, "all of it is on the disk");
  assert.equal(await server.stop(), 0);

  server = await start(["--cache-size", "16MiB"]);
  await readAll(server.url);
  assert.equal(await server.stop(), 0);
  const bytes = files().reduce((sum, path) => sum + statSync(path).size, 0);
  assert.ok(bytes <= 16 * 1024 * 1024, `${bytes} bytes`);
});

test("a cache is for a store that is far away", async () => {
  const refused = TailraceProcess.spawn({
    store: `file:${join(temporary, "store")}`,
    args: ["--cache-dir", join(temporary, "unused")],
  });
  assert.equal((await refused.exited).code, 2);
  assert.match(refused.output, /--cache-dir is for what is fetched from an s3:\/\/ store/);
});

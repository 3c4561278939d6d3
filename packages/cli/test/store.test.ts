// `tailrace store …` against real stores: in use and stopped, sound and damaged; what it prints, and what it exits with.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { NODE_FLAGS } from "../../../scripts/node-flags.js";
import { HttpClient } from "../../../test/support/http-client.ts";
import { TailraceProcess } from "../../../test/support/tailrace-process.ts";
import { startVersitygw, VERSITYGW_MISSING } from "../../../test/support/versitygw.ts";

const temporary = mkdtempSync(join(tmpdir(), "tailrace-store-command-"));
after(() => rmSync(temporary, { recursive: true, force: true }));
const MAIN = join(import.meta.dirname, "../src/main.ts");
const GOLDEN = join(import.meta.dirname, "../../../test/golden/format-1-segments/store");
const BASIN = "store-basin";

interface Ran {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

function tailrace(args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<Ran> {
  return new Promise((resolve) => {
    execFile(
      process.execPath,
      [...NODE_FLAGS, MAIN, "store", ...args],
      { env: { ...process.env, ...env } },
      (error, stdout, stderr) => resolve({ code: typeof error?.code === "number" ? error.code : 0, stdout, stderr }),
    );
  });
}

/** A server on a directory of its own, with some records in it. */
async function served(name: string): Promise<{ store: string; directory: string; server: TailraceProcess }> {
  const directory = join(temporary, name);
  const store = `file:${directory}`;
  const server = await TailraceProcess.start({ store });
  const http = new HttpClient(server.url);
  await http.json("PUT", `/v1/basins/${BASIN}`, { config: { create_stream_on_append: true } });
  for (let i = 0; i < 20; i += 1)
    await http.json(
      "POST",
      `/v1/streams/s${i % 3}/records`,
      { records: [{ body: `record ${i}` }] },
      { "s2-basin": BASIN },
    );
  http.close();
  return { store, directory, server };
}

/** What the streams of `served` hold. */
async function bodies(url: string): Promise<string[]> {
  const http = new HttpClient(url);
  const read: string[] = [];
  for (const stream of ["s0", "s1", "s2"]) {
    const answer = await http.send("GET", `/v1/streams/${stream}/records?seq_num=0`, {
      headers: { "s2-basin": BASIN, accept: "application/json" },
    });
    const { records } = JSON.parse(answer.text) as { records: readonly { body: string }[] };
    read.push(...records.map(({ body }) => `${stream} ${body}`));
  }
  http.close();
  return read;
}

function logFiles(directory: string): string[] {
  const wal = join(directory, "shards/0/wal");
  return readdirSync(wal)
    .toSorted()
    .map((name) => join(wal, name));
}

test("check finds a store clean while it is served, after a crash and after a stop", async (t) => {
  const { store, server } = await served("clean");
  t.after(() => server.kill());
  const inUse = await tailrace(["check", store]);
  assert.equal(inUse.code, 0, inUse.stderr);
  assert.match(inUse.stdout, /No damage\.\n$/);
  assert.match(inUse.stdout, /epoch 1, manifest 0, log 0 to \d+/);
  await server.kill();
  assert.equal((await tailrace(["check", store])).code, 0);
  const json = JSON.parse((await tailrace(["check", store, "--json"])).stdout);
  assert.deepEqual({ damage: json.damage, count: json.damage_count }, { damage: [], count: 0 });
  assert.ok(json.records >= 20 && json.streams >= 3, JSON.stringify(json));
});

test("check names a damaged object and exits with 1; what cannot be checked ends with 2", async (t) => {
  const { store, directory, server } = await served("damaged");
  t.after(() => server.kill());
  assert.equal(await server.stop(), 0);
  const damaged = logFiles(directory)[5];
  const bytes = readFileSync(damaged);
  bytes[bytes.length - 3] ^= 1;
  writeFileSync(damaged, bytes);
  const checked = await tailrace(["check", store]);
  assert.equal(checked.code, 1);
  assert.match(
    checked.stdout,
    new RegExp(`shards/0/wal/${damaged.slice(-16)}: the checksum of the entry at \\d+ is wrong`),
  );
  assert.match(checked.stderr, /^tailrace: file:.* is damaged: 1 finding\n$/);
  const json = JSON.parse((await tailrace(["check", store, "--json"])).stdout);
  assert.deepEqual(
    json.damage.map(({ key }: { key: string }) => key),
    [`shards/0/wal/${damaged.slice(-16)}`],
  );
  for (const args of [
    ["check", `file:${join(temporary, "nowhere")}`],
    ["check", `file:${temporary}`],
    ["check", "memory:"],
    ["check"],
    ["nonsense"],
  ])
    assert.equal((await tailrace(args)).code, 2, args.join(" "));
});

test("stats says what is there and what it costs, by the prices it is given, and that it is damaged", async (t) => {
  const { store, directory, server } = await served("counted");
  t.after(() => server.kill());
  const inUse = await tailrace(["stats", store]);
  assert.equal(inUse.code, 0, inUse.stderr);
  assert.match(inUse.stdout, /records: .* to be read, 0 B trimmed or deleted\n/);
  assert.match(inUse.stdout, /keeping it costs \$0\.0\d+ a month\n/);
  assert.equal(await server.stop(), 0);
  const pricesFile = join(temporary, "prices.json");
  writeFileSync(pricesFile, JSON.stringify({ put_million: 2_000_000 }));
  const json = JSON.parse((await tailrace(["stats", store, "--json", "--prices-file", pricesFile])).stdout);
  assert.equal(json.cost_usd.puts, 2 * json.puts);
  assert.equal(json.objects.total.count, json.objects.log.count + json.objects.manifests.count + 1);
  assert.ok(json.record_bytes.live > 20 * "record 1".length && json.streams >= 3);
  assert.ok(Math.abs(Date.parse(json.oldest_chunk.at) - Date.now()) < 600_000, json.oldest_chunk.at);
  writeFileSync(pricesFile, JSON.stringify({ puts: 1 }));
  const wrong = await tailrace(["stats", store, "--prices-file", pricesFile]);
  assert.equal(wrong.code, 2);
  assert.match(wrong.stderr, /prices file .* is wrong: .* no field "puts"/);
  rmSync(logFiles(directory)[3]);
  assert.equal((await tailrace(["stats", store])).code, 1);
});

test("gc says what it would delete, refuses a store that is being served, and deletes it when nobody serves it", async (t) => {
  const { store, directory, server } = await served("collected");
  t.after(() => server.kill());
  const orphan = "shards/0/segments/0000000000000000-00000000000000000000000000000000-0000000000000000";
  mkdirSync(join(directory, "shards/0/segments"), { recursive: true });
  writeFileSync(join(directory, orphan), "of a writer that died");
  const dry = await tailrace(["gc", store, "--dry-run"]);
  assert.equal(dry.code, 0, dry.stderr);
  assert.equal(dry.stdout, "1 object, 21 B, would be deleted\n  1 segments that no manifest names (21 B)\n");
  const refused = await tailrace(["gc", store, "--take-over"]);
  assert.equal(refused.code, 2);
  assert.match(refused.stderr, /is in use by another process/);
  assert.ok(existsSync(join(directory, orphan)));
  assert.equal(await server.stop(), 0);
  const json = JSON.parse((await tailrace(["gc", store, "--json"])).stdout);
  assert.deepEqual(json.orphaned_segments.keys, [orphan]);
  assert.deepEqual(json.undeleted, []);
  assert.ok(!existsSync(join(directory, orphan)));
  assert.equal((await tailrace(["check", store])).code, 0);
  const nowhere = join(temporary, "nowhere");
  assert.equal((await tailrace(["gc", `file:${nowhere}`])).code, 2);
  assert.ok(!existsSync(nowhere), "a store that is not there is not made");
  assert.equal((await tailrace(["gc", `file:${temporary}`])).code, 2);
});

test("copy makes a deployment of its own of a store that is being served, which then serves all of it", async (t) => {
  const { store, server } = await served("copied");
  t.after(() => server.kill());
  const directory = join(temporary, "copy");
  const target = `file:${directory}`;
  const copied = await tailrace(["copy", store, target]);
  assert.equal(copied.code, 0, copied.stderr);
  assert.match(
    copied.stdout,
    /is copied to file:.*, deployment [0-9a-f]{32}\n {2}manifest 0, log 0 to \d+, 0 segments\n/,
  );
  assert.equal((await tailrace(["check", target])).code, 0);
  const again = await tailrace(["copy", store, target, "--resume"]);
  assert.equal(again.code, 2);
  assert.match(again.stderr, /is not empty: it holds a deployment/);
  const heir = await TailraceProcess.start({ store: target });
  t.after(() => heir.kill());
  const expected = await bodies(server.url);
  assert.equal(expected.length, 20);
  assert.deepEqual(await bodies(heir.url), expected);
  const inUse = await tailrace(["copy", store, target]);
  assert.equal(inUse.code, 2);
  assert.match(inUse.stderr, /in use by another process/);
});

test("a directory that holds something else is not even opened as a target", async () => {
  const directory = join(temporary, "home");
  mkdirSync(join(directory, "tmp"), { recursive: true });
  writeFileSync(join(directory, "tmp/precious"), "x");
  writeFileSync(join(directory, "letter"), "x");
  const refused = await tailrace(["copy", `file:${GOLDEN}`, `file:${directory}`]);
  assert.equal(refused.code, 2);
  assert.match(refused.stderr, /is not empty: it holds letter/);
  assert.deepEqual(readdirSync(directory).toSorted(), ["letter", "tmp"]);
  assert.deepEqual(readdirSync(join(directory, "tmp")), ["precious"]);
});

test("half a copy is opened by no server, and says what to do", async () => {
  const directory = join(temporary, "half");
  mkdirSync(directory);
  writeFileSync(join(directory, "deployment.json"), JSON.stringify({ format: "unfinished copy", of: "x", by: "y" }));
  const checked = await tailrace(["check", `file:${directory}`]);
  assert.equal(checked.code, 2);
  assert.match(checked.stderr, /holds a copy that was not finished: go on with "tailrace store copy --resume"/);
});

test("repair tells what is lost, cuts the log off when it is told to, and the store is served again", async (t) => {
  const { store, directory, server } = await served("repaired");
  t.after(() => server.kill());
  assert.equal(await server.stop(), 0);
  // The records went into chunks of their own, mostly; what stands before the damaged one stays.
  const damaged = logFiles(directory).at(-4) ?? "";
  const bytes = readFileSync(damaged);
  bytes[bytes.length - 3] ^= 1;
  writeFileSync(damaged, bytes);
  await assert.rejects(TailraceProcess.start({ store }));
  const place = damaged.slice(-16);
  const asked = await tailrace(["repair", store, "--discard-from", place]);
  assert.equal(asked.code, 1);
  assert.match(asked.stdout, new RegExp(`the log is damaged at place ${Number(place)}:\n`));
  assert.match(asked.stdout, /would be lost:\n {2}4 objects of the log/);
  assert.match(asked.stderr, /nothing was changed: with --yes/);
  assert.equal((await tailrace(["check", store])).code, 1);
  const wrong = await tailrace(["repair", store, "--discard-from", String(Number(place) + 1), "--yes"]);
  assert.equal(wrong.code, 2);
  assert.match(wrong.stderr, /from there on at the latest/);
  const done = await tailrace(["repair", store, "--discard-from", `shards/0/wal/${place}`, "--yes", "--json"]);
  assert.equal(done.code, 0, done.stderr);
  assert.equal(JSON.parse(done.stdout).repaired, true);
  assert.equal((await tailrace(["check", store])).code, 0);
  const again = await tailrace(["repair", store, "--discard-from", place, "--yes"]);
  assert.equal(again.code, 2);
  assert.match(again.stderr, /is not damaged/);
  const heir = await TailraceProcess.start({ store });
  t.after(() => heir.kill());
  const kept = await bodies(heir.url);
  const all = [0, 1, 2].flatMap((stream) =>
    Array.from({ length: 20 }, (_, i) => i)
      .filter((i) => i % 3 === stream)
      .map((i) => `s${stream} record ${i}`),
  );
  assert.ok(kept.length >= 16 && kept.length < 20, kept.join());
  assert.deepEqual(
    kept,
    all.filter((body) => kept.includes(body)),
  );
  for (const args of [
    ["repair", store],
    ["repair", store, "--discard-from", "x"],
  ])
    assert.equal((await tailrace(args)).code, 2);
});

test("from a laptop to a bucket: copied, checked, counted, served, collected, and back", async (t) => {
  const s3 = await startVersitygw();
  if (s3 === undefined) return t.skip(VERSITYGW_MISSING);
  t.after(() => s3.stop());
  const { store, server } = await served("laptop");
  t.after(() => server.kill());
  const bucket = `s3://${s3.bucket}/moved`;
  const expected = await bodies(server.url);
  assert.equal((await tailrace(["copy", store, bucket], s3.env)).code, 0);
  for (const command of ["check", "stats"]) assert.equal((await tailrace([command, bucket], s3.env)).code, 0);
  const heir = await TailraceProcess.start({ store: bucket, env: s3.env });
  t.after(() => heir.kill());
  assert.deepEqual(await bodies(heir.url), expected);
  const refused = await tailrace(["gc", bucket], s3.env);
  assert.equal(refused.code, 2);
  assert.match(refused.stderr, /was not released/);
  const taken = await tailrace(["gc", bucket, "--take-over"], s3.env);
  assert.equal(taken.code, 0, taken.stderr);
  // It finds out when it writes next, and ends with or without an answer.
  const http = new HttpClient(heir.url);
  const tooLate = { records: [{ body: "too late" }] };
  await http.json("POST", "/v1/streams/s0/records", tooLate, { "s2-basin": BASIN }).catch(() => undefined);
  http.close();
  assert.equal((await heir.exited).code, 6);
  assert.equal((await tailrace(["gc", bucket], s3.env)).code, 0, "it was released");
  const back = `file:${join(temporary, "back")}`;
  assert.equal((await tailrace(["copy", bucket, back], s3.env)).code, 0);
  const home = await TailraceProcess.start({ store: back });
  t.after(() => home.kill());
  assert.deepEqual(await bodies(home.url), expected);
});

test("a log that has a store of its own is served with it alone, moved while nobody serves, and looked after with it", async (t) => {
  const { store, server } = await served("moved");
  t.after(() => server.kill());
  const before = await bodies(server.url);
  const wal = `file:${join(temporary, "moved-wal")}`;
  const inUse = await tailrace(["move-wal", store, "--to", wal]);
  assert.deepEqual([inUse.code, /is in use by another process/.test(inUse.stderr)], [2, true], inUse.stderr);
  await server.kill();

  const moved = await tailrace(["move-wal", store, "--to", wal, "--json"]);
  assert.equal(moved.code, 0, moved.stderr);
  const report = JSON.parse(moved.stdout);
  assert.ok(report.moved && report.objects > 20 && report.undeleted.length === 0, moved.stdout);

  // With another one, or none.
  for (const args of [[], ["--wal-store", `file:${join(temporary, "not-mounted")}`]]) {
    const refused = TailraceProcess.spawn({ store, args });
    assert.deepEqual(await refused.exited, { code: 3, signal: null });
    assert.match(refused.output, /^tailrace: the log of file:.*moved-wal.*$/m);
    const checked = await tailrace(["check", store, ...args]);
    assert.deepEqual([checked.code, /the log of file:.*moved-wal/.test(checked.stderr)], [2, true], checked.stderr);
  }
  const same = TailraceProcess.spawn({ store, args: ["--wal-store", store] });
  assert.equal((await same.exited).code, 2, same.output);

  const again = await TailraceProcess.start({ store, args: ["--wal-store", wal] });
  t.after(() => again.kill());
  assert.deepEqual(await bodies(again.url), before);
  assert.equal(await again.stop(), 0);
  const clean = await tailrace(["check", store, "--wal-store", wal]);
  assert.equal(clean.code, 0, clean.stdout + clean.stderr);
  const stats = JSON.parse((await tailrace(["stats", store, "--wal-store", wal, "--json"])).stdout);
  assert.ok(JSON.stringify(stats).includes("log"));
  assert.equal((await tailrace(["gc", store, "--wal-store", wal])).code, 0);
  const copy = `file:${join(temporary, "moved-copy")}`;
  const copied = await tailrace(["copy", store, copy, "--wal-store", wal]);
  assert.equal(copied.code, 0, copied.stderr);
  const ofCopy = await TailraceProcess.start({ store: copy });
  t.after(() => ofCopy.kill());
  assert.deepEqual(await bodies(ofCopy.url), before);

  const back = await tailrace(["move-wal", store, "--wal-store", wal, "--to", store]);
  assert.equal(back.code, 0, back.stderr);
  const home = await TailraceProcess.start({ store });
  t.after(() => home.kill());
  assert.deepEqual(await bodies(home.url), before);
});

test("repair mends a log that has a store of its own", async (t) => {
  const directory = join(temporary, "mended");
  const wal = join(temporary, "mended-wal");
  const store = `file:${directory}`;
  const args = ["--wal-store", `file:${wal}`];
  const server = await TailraceProcess.start({ store, args });
  t.after(() => server.kill());
  const http = new HttpClient(server.url);
  await http.json("PUT", `/v1/basins/${BASIN}`, { config: { create_stream_on_append: true } });
  for (let i = 0; i < 10; i += 1)
    await http.json("POST", "/v1/streams/s/records", { records: [{ body: `${i}` }] }, { "s2-basin": BASIN });
  http.close();
  assert.equal(await server.stop(), 0);
  const [log] = readdirSync(join(wal, "logs"));
  const damaged = logFiles(join(wal, "logs", log)).at(-3) ?? "";
  const bytes = readFileSync(damaged);
  bytes[bytes.length - 3] ^= 1;
  writeFileSync(damaged, bytes);
  assert.equal((await tailrace(["check", store, ...args])).code, 1);
  const repaired = await tailrace(["repair", store, ...args, "--discard-from", damaged.slice(-16), "--yes"]);
  assert.equal(repaired.code, 0, repaired.stderr);
  const again = await TailraceProcess.start({ store, args });
  assert.equal(await again.stop(), 0);
  assert.equal((await tailrace(["check", store, ...args])).code, 0);
});

test("a log in a bucket beside a directory, and a log on a disk beside a bucket", async (t) => {
  const s3 = await startVersitygw();
  if (s3 === undefined) return t.skip(VERSITYGW_MISSING);
  t.after(() => s3.stop());
  const bucket = `s3://${s3.bucket}/some`;
  const disk = `file:${join(temporary, "beside-a-bucket")}`;
  for (const [store, wal] of [
    [`${bucket}/rest`, disk],
    [`file:${join(temporary, "beside-a-log")}`, `${bucket}/log`],
  ]) {
    const args = ["--wal-store", wal];
    let server = await TailraceProcess.start({ store, args, env: s3.env });
    t.after(() => server.kill());
    const http = new HttpClient(server.url);
    await http.json("PUT", `/v1/basins/${BASIN}`, { config: { create_stream_on_append: true } });
    for (let i = 0; i < 3; i += 1)
      await http.json("POST", `/v1/streams/s${i}/records`, { records: [{ body: `${i}` }] }, { "s2-basin": BASIN });
    http.close();
    await server.kill();
    server = await TailraceProcess.start({ store, args, env: s3.env });
    assert.deepEqual(await bodies(server.url), ["s0 0", "s1 1", "s2 2"]);
    assert.equal(await server.stop(), 0);
    const checked = await tailrace(["check", store, ...args], s3.env);
    assert.equal(checked.code, 0, checked.stdout + checked.stderr);
  }
});

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

const temporary = mkdtempSync(join(tmpdir(), "tailrace-store-command-"));
after(() => rmSync(temporary, { recursive: true, force: true }));
const MAIN = join(import.meta.dirname, "../src/main.ts");
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
  assert.equal((await tailrace(["stats", `file:${join(temporary, "nowhere")}`])).code, 2);
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
  for (const args of [
    ["gc", store],
    ["gc", store, "--take-over"],
  ]) {
    const refused = await tailrace(args);
    assert.equal(refused.code, 2);
    assert.match(refused.stderr, /is in use by another process/);
  }
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

// Stores that earlier builds have written are read by this one: checked clean, answered from, appended to and flushed. And stores of builds to
// come are refused with one sentence.
import assert from "node:assert/strict";
import { globSync, readFileSync } from "node:fs";
import { dirname, join, relative, sep } from "node:path";
import { test } from "node:test";
import { crc32 } from "node:zlib";
import { DEFAULT_BASIN_CONFIG } from "../config.ts";
import { readDeployment } from "../deployment.ts";
import { CorruptObjectError, DeploymentError } from "../index.ts";
import { viewWithLog } from "../log-home.ts";
import { MemoryStore } from "../object-store/index.ts";
import { systemRuntime, VirtualRuntime } from "../runtime/index.ts";
import { DEPLOYMENT_KEY, segmentPrefix, walPrefix } from "../shard/keys.ts";
import { Harness } from "../testing/harness.ts";
import { readSample, SAMPLE_LIMITS, type Sample, writeSample } from "../testing/sample-store.ts";
import { type CheckReport, checkStore } from "./check.ts";

const GOLDEN = join(import.meta.dirname, "../../../../test/golden");

function golden(name: string): { store: MemoryStore; sample: Sample; objects: number } {
  const store = new MemoryStore({ exclusive: false });
  const root = join(GOLDEN, name, "store");
  const files = globSync("**/*", { cwd: root, withFileTypes: true }).filter((entry) => entry.isFile());
  for (const file of files) {
    const path = join(file.parentPath, file.name);
    void store.put(relative(root, path).split(sep).join("/"), [readFileSync(path)]);
  }
  // Written by a build's own script, with these fields.
  const sample = JSON.parse(readFileSync(join(GOLDEN, name, "sample.json"), "utf8")) as Sample;
  return { store, sample, objects: files.length };
}

/** Its log may lie in a folder of its own. */
async function checked(store: MemoryStore): Promise<CheckReport> {
  const { log } = await readDeployment(store, store.description);
  return checkStore({ runtime: systemRuntime, view: viewWithLog(store, undefined, log) });
}

const names = globSync("*/sample.json", { cwd: GOLDEN }).map((path) => dirname(path));

test("there are golden stores: from before and since logs are flushed, since segments have directories, and of a log that was moved", async () => {
  for (const name of ["format-1-log", "format-1-segments", "segments-2", "deployment-2"])
    assert.ok(names.includes(name), names.join());
  assert.equal(JSON.parse((await golden("deployment-2").store.get(DEPLOYMENT_KEY)).toString()).format, 2);
});

for (const name of names) {
  test(`${name} is checked clean`, async () => {
    const { store, objects } = golden(name);
    const report = await checked(store);
    assert.deepEqual(report.damage.told, []);
    assert.ok(objects > 20 && report.objects > 15, `${objects} objects, ${report.objects} of them were read`);
  });

  test(`${name} is read, written on, and flushed`, async () => {
    const { store, sample } = golden(name);
    assert.deepEqual(await readSample(store, sample), sample);
    const runtime = new VirtualRuntime({ seed: 50, wallMs: sample.wallMs + 60_000 });
    const h = await Harness.open(store, runtime, SAMPLE_LIMITS);
    const [first, ...rest] = sample.streams;
    const bodies = Array.from({ length: 40 }, (_, i) => `later ${i}`);
    for (const body of bodies) await h.until(h.append({ bodies: [body] }, first.name));
    await runtime.advance(100_000);
    await h.until(h.engine.close());
    assert.deepEqual((await checked(store)).damage.told, []);
    const grown = { ...first, bodies: [...first.bodies, ...bodies], tail: first.tail + bodies.length };
    const expected = { ...sample, streams: [grown, ...rest] };
    assert.deepEqual(await readSample(store, expected), expected);
  });
}

test("what a sample writes today is what is read today", async () => {
  const store = new MemoryStore({ exclusive: false });
  const sample = await writeSample(store);
  assert.deepEqual(await readSample(store, sample), sample);
});

test("a deployment of a newer format is refused with one sentence", async () => {
  const store = new MemoryStore({ exclusive: false });
  await writeSample(store);
  const { checksum: _, ...fields } = JSON.parse((await store.get(DEPLOYMENT_KEY)).toString());
  const newer = { ...fields, format: 3, fieldOfTheFuture: true };
  const checksum = crc32(JSON.stringify(newer)).toString(16).padStart(8, "0");
  await store.put(DEPLOYMENT_KEY, [Buffer.from(JSON.stringify({ ...newer, checksum }))]);
  const isOneSentence = (error: unknown) => {
    assert.ok(error instanceof DeploymentError, String(error));
    assert.match(
      error.message,
      /^memory: holds data of format 3, and this build of Tailrace reads formats up to 2[^.\n]*$/,
    );
    return true;
  };
  const h = Harness.start(store);
  await assert.rejects(h.until(h.engine.started), isOneSentence);
  await assert.rejects(checkStore({ runtime: systemRuntime, view: store }), isOneSentence);
  await assert.rejects(h.until(h.engine.basins.ensure("some-basin", DEFAULT_BASIN_CONFIG)));
});

test("a log object or segment of a newer format stops whoever starts, and is named", async () => {
  for (const [prefix, versionAt, checksumAt, known] of [
    [walPrefix(0), 4, 60, "1"],
    [segmentPrefix(0), -60, -4, "1 or 2"],
  ] as const) {
    const store = new MemoryStore({ exclusive: false });
    await writeSample(store);
    const key = (await store.list(prefix)).at(-1) ?? "";
    const bytes = Buffer.from(await store.get(key));
    const at = (offset: number) => (offset < 0 ? bytes.length + offset : offset);
    bytes[at(versionAt)] = 9;
    bytes.writeUInt32LE(crc32(bytes.subarray(at(checksumAt) - 60, at(checksumAt))), at(checksumAt));
    await store.put(key, [bytes]);
    const h = Harness.start(store, new VirtualRuntime({ seed: 3 }));
    await assert.rejects(h.until(h.engine.started), (error: unknown) => {
      assert.ok(error instanceof CorruptObjectError, String(error));
      assert.ok(error.message.endsWith(`format version 9 is not ${known}`), error.message);
      assert.equal(error.key, key);
      return true;
    });
  }
});

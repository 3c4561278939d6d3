// What becomes of an init file or a locations file when the store does not take it: one sentence, and the code of the store.
import assert from "node:assert/strict";
import { test } from "node:test";
import { Engine } from "@tailrace/engine";
import { FaultyStore, MemoryStore } from "@tailrace/engine/object-store";
import { VirtualRuntime } from "@tailrace/engine/runtime";
import { ExitCode, ExitError } from "../src/exit-codes.ts";
import { applyInitFile, parseInitFile } from "../src/init-file.ts";
import { applyLocationsFile, parseLocationsFile } from "../src/locations-file.ts";

const INIT = parseInitFile({ basins: [{ name: "init-basin", streams: [{ name: "one" }, { name: "two" }] }] });
const LOCATIONS = parseLocationsFile({ locations: [{ name: "attic", storage_classes: { bulk: { linger_ms: 1 } } }] });

async function awayStore() {
  const runtime = new VirtualRuntime({ seed: 1 });
  const store = new FaultyStore(new MemoryStore(), runtime);
  const engine = await runtime.until(Engine.open({ runtime, store }));
  store.hook = ({ kind }) => (kind === "putIfAbsent" ? { failBefore: "unavailable" } : undefined);
  return { runtime, engine };
}

const refused = (sentence: RegExp) => (error: unknown) =>
  error instanceof ExitError && error.code === ExitCode.store && sentence.test(error.message);

test("an init file that the store does not take", async () => {
  const { runtime, engine } = await awayStore();
  await assert.rejects(
    runtime.until(applyInitFile(engine, INIT)),
    refused(/^the init file cannot be applied: basin "init-basin": the object store did not take the write in time/),
  );
});

test("a locations file that the store does not take", async () => {
  const { runtime, engine } = await awayStore();
  await assert.rejects(
    runtime.until(applyLocationsFile(engine, LOCATIONS)),
    refused(/^the locations file cannot be applied: the object store did not take the write in time/),
  );
});

test("names in configuration files are Unicode text", () => {
  assert.throws(
    () => parseInitFile({ basins: [{ name: "init-basin", streams: [{ name: "half \ud83d" }] }] }),
    /streams\[0\]\.name must be Unicode text/,
  );
});

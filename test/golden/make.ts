// Writes a golden store: `node test/golden/make.ts NAME` makes test/golden/NAME of what this build writes today; with --moved, with its log moved into
// another store and back, which takes another format of deployment.json. Every later build must read
// all of them (packages/engine/src/store-tools/golden.test.ts), so a folder here is never changed, and a new one is added when the format is.
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { MemoryStore } from "../../packages/engine/src/object-store/index.ts";
import { VirtualRuntime } from "../../packages/engine/src/runtime/index.ts";
import { moveLog } from "../../packages/engine/src/store-tools/index.ts";
import { writeSample } from "../../packages/engine/src/testing/sample-store.ts";

const [name = "", ...options] = process.argv.slice(2);
const isMoved = options[0] === "--moved";
if (!/^[a-z0-9-]+$/.test(name) || options.length > (isMoved ? 1 : 0))
  throw new Error("usage: node test/golden/make.ts NAME [--moved]");
const directory = join(import.meta.dirname, name);
if (existsSync(directory)) throw new Error(`${directory} is there: golden stores are not changed`);

const store = new MemoryStore({ exclusive: false });
const sample = await writeSample(store);
if (isMoved) {
  const elsewhere = new MemoryStore({ exclusive: false });
  for (const [seed, from, to] of [
    [60, undefined, elsewhere],
    [61, elsewhere, undefined],
  ] as const) {
    const runtime = new VirtualRuntime({ seed, wallMs: sample.wallMs });
    await runtime.until(moveLog({ runtime, store, from, to, deposesOwner: false }));
  }
}
for (let after = ""; ; ) {
  const keys = await store.list("", after);
  if (keys.length === 0) break;
  for (const key of keys) {
    const path = join(directory, "store", key);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, await store.get(key));
    after = key;
  }
}
writeFileSync(join(directory, "sample.json"), `${JSON.stringify(sample, null, 2)}\n`);

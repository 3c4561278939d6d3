// Writes a golden store: `node test/golden/make.ts NAME` makes test/golden/NAME of what this build writes today. Every later build must read
// all of them (packages/engine/src/store-tools/golden.test.ts), so a folder here is never changed, and a new one is added when the format is.
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { MemoryStore } from "../../packages/engine/src/object-store/index.ts";
import { writeSample } from "../../packages/engine/src/testing/sample-store.ts";

const [name = ""] = process.argv.slice(2);
if (!/^[a-z0-9-]+$/.test(name)) throw new Error("usage: node test/golden/make.ts NAME");
const directory = join(import.meta.dirname, name);
if (existsSync(directory)) throw new Error(`${directory} is there: golden stores are not changed`);

const store = new MemoryStore({ exclusive: false });
const sample = await writeSample(store);
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

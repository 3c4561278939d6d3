// What a takeover makes of a log. Virtual time; a real engine wrote it.
import assert from "node:assert/strict";
import { test } from "node:test";
import { cachesOf } from "../history/caches.ts";
import { MemoryStore } from "../object-store/index.ts";
import { VirtualRuntime } from "../runtime/index.ts";
import { Harness, STREAM } from "../testing/harness.ts";
import { verifyLogObject } from "./chunk-format.ts";
import { numberOfKey, walPrefix } from "./keys.ts";
import { Rebuilt } from "./rebuilt.ts";

test("what was trimmed is not kept for readers of the owner before", async () => {
  const store = new MemoryStore({ exclusive: false });
  const h = await (await Harness.open(store)).withStream();
  await h.until(h.append({ bodies: ["a", "b"] }));
  await h.until(h.append({ bodies: ["c"] }));
  await h.until(h.append({ bodies: ["trim"], commands: [{ kind: "trim", index: 0, seqNum: 3 }] }));
  await h.until(h.engine.close());
  const rebuilt = new Rebuilt(0, undefined);
  for (const key of await store.list(walPrefix(0))) {
    const bytes = await store.get(key);
    const header = verifyLogObject(key, numberOfKey(key) ?? 0, bytes);
    if (header.kind === "chunk") rebuilt.apply(key, header, bytes);
  }
  const runtime = new VirtualRuntime({ seed: 1 });
  await rebuilt.resolve(runtime, store, cachesOf(runtime, 0).runs);
  const [stream] = [...rebuilt.catalog.all()].filter(({ name }) => name === STREAM);
  assert.equal(stream.trimPoint, 3);
  assert.equal(stream.keptFrom, 3);
  assert.equal(stream.index.count, 1);
});

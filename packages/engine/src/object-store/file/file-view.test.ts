// A view sees a file store that another holds, as it is at each moment, and leaves no trace in it.
import assert from "node:assert/strict";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { systemRuntime } from "../../runtime/index.ts";
import { bytes, kind, text } from "../contract.ts";
import { FileStore } from "../file-store.ts";
import { MAX_LIST_KEYS } from "../object-store.ts";
import { openStoreView } from "../open-store.ts";
import { StoreOpenError } from "../store-open-error.ts";
import { FileView } from "./file-view.ts";

const temporary = await mkdtemp(join(tmpdir(), "tailrace-view-"));
after(() => rm(temporary, { recursive: true }));

test("a view reads what stands in a store that is in use", async () => {
  const root = join(temporary, "used");
  const store = await FileStore.open(root, systemRuntime);
  await store.putIfAbsent("a/one", [bytes("hello, world")]);
  const view = await openStoreView(`file:${root}`, systemRuntime);
  assert.equal(text(await view.get("a/one")), "hello, world");
  assert.equal(text(await view.getRange("a/one", 7, 500)), "world");
  assert.equal(text(await view.getRange("a/one", 500, 5)), "");
  await assert.rejects(view.get("a/two"), kind("absent"));
  await assert.rejects(view.getRange("a/one/below", 0, 1), kind("absent"));
  await store.putIfAbsent("a/two", [bytes("x")]);
  assert.deepEqual(await view.listObjects("a/"), [
    { key: "a/one", bytes: 12 },
    { key: "a/two", bytes: 1 },
  ]);
  assert.deepEqual(await view.list("", "a/one"), ["a/two"]);
  await store.delete("a/one");
  assert.deepEqual(await view.list(""), ["a/two"]);
  await view.close();
  // The lock is still its owner's.
  await assert.rejects(FileStore.open(root, systemRuntime), StoreOpenError);
  await store.close();
});

test("a view lists page by page, and whoever has gone away meanwhile is no end", async () => {
  const root = join(temporary, "pages");
  const store = await FileStore.open(root, systemRuntime);
  const keys = Array.from({ length: MAX_LIST_KEYS + 3 }, (_, i) => `k/${String(i).padStart(6, "0")}`);
  for (const key of keys) await store.put(key, []);
  const view = await FileView.open(root);
  const listed: string[] = [];
  for (let after = ""; ; after = listed.at(-1) ?? "") {
    const page = await view.listObjects("k/", after);
    if (page.length === 0) break;
    listed.push(...page.map(({ key }) => key));
  }
  assert.deepEqual(listed, keys);
  await store.close();
});

test("a view makes nothing: not the directory, and no file in it", async () => {
  await assert.rejects(FileView.open(join(temporary, "nowhere")), StoreOpenError);
  const root = join(temporary, "empty");
  await (await FileStore.open(root, systemRuntime)).close();
  const before = await readdir(root, { recursive: true });
  const view = await FileView.open(root);
  assert.deepEqual(await view.list(""), []);
  assert.deepEqual(await readdir(root, { recursive: true }), before);
});

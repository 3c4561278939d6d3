// The URLs of stores, and the sentence for each that is none.
import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { after, before, describe, it } from "node:test";
import { startVersitygw, VERSITYGW_MISSING } from "../../../../test/support/versitygw.ts";
import { systemRuntime } from "../runtime/index.ts";
import { openStore } from "./open-store.ts";
import { StoreOpenError } from "./store-open-error.ts";

describe("openStore", () => {
  let scratch = "";
  before(async () => {
    scratch = await mkdtemp(join(tmpdir(), "tailrace-open-store-"));
  });
  after(async () => {
    await rm(scratch, { recursive: true });
  });

  it("opens memory: and file: in all its spellings", async () => {
    const urls = [
      ["memory:", "memory:"],
      [`file:${scratch}/a`, `file:${scratch}/a`],
      [`file://${scratch}/b`, `file:${scratch}/b`],
      [`file:${relative(process.cwd(), scratch)}/c`, `file:${scratch}/c`],
    ] as const;
    for (const [url, description] of urls) {
      const store = await openStore(url, systemRuntime);
      assert.equal(store.description, description);
      assert.ok(store.exclusive);
      await store.close();
    }
  });

  it("opens s3: by the standard AWS environment", async (test) => {
    const server = await startVersitygw();
    if (server === undefined) return test.skip(VERSITYGW_MISSING);
    const before = { ...process.env };
    Object.assign(process.env, server.env);
    try {
      const store = await openStore(`s3://${server.bucket}/some/prefix/`, systemRuntime);
      assert.equal(store.description, `s3://${server.bucket}/some/prefix`);
      assert.equal(store.exclusive, false);
      await store.putIfAbsent("a", [Buffer.from("x")]);
      assert.deepEqual(await store.list(""), ["a"]);
      await store.close();
    } finally {
      for (const name of Object.keys(server.env)) delete process.env[name];
      Object.assign(process.env, before);
      await server.stop();
    }
  });

  it("says in one sentence what is wrong with a URL", async () => {
    const urls = [
      "",
      "memory",
      "./data",
      "file:",
      "file://host/data",
      "s3://",
      "s3:///x",
      "s3://b",
      "s3://bucket/a b",
      "gs://b/x",
    ];
    for (const url of urls) {
      await assert.rejects(openStore(url, systemRuntime), (error) => {
        assert.ok(error instanceof StoreOpenError, String(error));
        assert.ok(error.message.includes(`"${url}"`), error.message);
        assert.doesNotMatch(error.message, /\n/);
        return true;
      });
    }
  });
});

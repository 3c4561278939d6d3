// Listing agrees with a sorted array, whatever lies in the directories and however small the pages.
import assert from "node:assert/strict";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, before, describe, it } from "node:test";
import fc from "fast-check";
import { systemFileCalls } from "./file-calls.ts";
import { listKeys } from "./listing.ts";

/** Names around "/" in the order of bytes, short enough to collide often. */
const segment = fc
  .string({ unit: fc.constantFrom("a", "b", "-", ".", "0", "_"), minLength: 1, maxLength: 3 })
  .map((s) => `x${s}`);
const key = fc.array(segment, { minLength: 1, maxLength: 3 }).map((segments) => segments.join("/"));
const prefix = fc.oneof(
  fc.constant(""),
  key,
  key.map((k) => `${k}/`),
);

describe("listKeys", () => {
  let scratch = "";
  let directories = 0;
  before(async () => {
    scratch = await mkdtemp(join(tmpdir(), "tailrace-listing-"));
  });
  after(async () => {
    await rm(scratch, { recursive: true });
  });

  it("answers the first keys after a key under a prefix, in order, as often as asked", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(key, { maxLength: 40 }),
        prefix,
        key,
        fc.integer({ min: 1, max: 4 }),
        async (made, under, from, limit) => {
          // A key can't lie below another one in a file system.
          const keys = [...new Set(made)].filter((k) => !made.some((other) => other.startsWith(`${k}/`))).sort();
          const root = join(scratch, String(directories++));
          await mkdir(join(root, "tmp"), { recursive: true });
          await mkdir(join(root, "lost+found"));
          await writeFile(join(root, "tmp", "x"), "");
          await writeFile(join(root, "lost+found", "x"), "");
          await mkdir(join(root, "xempty"));
          for (const k of keys) {
            await mkdir(dirname(join(root, k)), { recursive: true });
            await writeFile(join(root, k), "");
          }
          const wanted = keys.filter((k) => k.startsWith(under));
          assert.deepEqual(
            await listKeys(systemFileCalls, root, under, from, limit),
            wanted.filter((k) => k > from).slice(0, limit),
          );
          const listed: string[] = [];
          for (;;) {
            const page = await listKeys(systemFileCalls, root, under, listed.at(-1) ?? "", limit);
            if (page.length === 0) break;
            listed.push(...page);
          }
          assert.deepEqual(listed, wanted);
        },
      ),
      { numRuns: 60 },
    );
  });

  it("goes on over more empty directories than a page has keys", async () => {
    const root = join(scratch, String(directories++));
    for (const name of ["a", "b", "c", "d", "e", "f"]) await mkdir(join(root, name), { recursive: true });
    await writeFile(join(root, "f", "1"), "");
    assert.deepEqual(await listKeys(systemFileCalls, root, "", "", 2), ["f/1"]);
  });
});

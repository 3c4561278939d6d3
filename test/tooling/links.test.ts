// Documents name no file that is not there.
import assert from "node:assert/strict";
import { existsSync, globSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { test } from "node:test";

const ROOT = join(import.meta.dirname, "../..");

/** Relative links, and paths of sources in back quotes. */
function missing(document: string, text: string): string[] {
  const links = [...text.matchAll(/\]\((?!https?:|#)([^)#]+)/g)].map((match) => join(dirname(document), match[1]));
  const paths = [...text.matchAll(/`((?:packages|scripts|docs|test)\/[\w./-]+)`/g)].map((match) =>
    join(ROOT, match[1]),
  );
  return [...links, ...paths].filter((path) => !existsSync(path));
}

test("every file that a document names is there", () => {
  const documents = ["*.md", "docs/**/*.md"].flatMap((pattern) => globSync(pattern, { cwd: ROOT }));
  assert.ok(documents.length > 5);
  for (const document of documents) {
    const path = join(ROOT, document);
    assert.deepEqual(missing(path, readFileSync(path, "utf8")), [], document);
  }
});

test("a missing file is seen", () => {
  assert.equal(missing(join(ROOT, "README.md"), "[x](docs/nowhere.md) and `packages/engine/nowhere.ts`").length, 2);
});

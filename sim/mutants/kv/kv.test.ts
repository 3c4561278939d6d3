// Deliberate bugs of the key-value store: each is caught by the tests that it names, which would find it where it is not put in.
import assert from "node:assert/strict";
import { test } from "node:test";
import { mutants } from "../mutants.ts";
import { Tree } from "../tree.ts";
import { testTree } from "../tree-tests.ts";

const TIMEOUT_MS = 60_000;
const CAUGHT_BY = /^Caught by: (.+)$/m;
const OPTIONS = ["--test-force-exit", "--test-timeout", "6000"];

for (const { name, path, breaks } of mutants([], import.meta.dirname)) {
  const [what] = breaks.split("\n");
  test(`${name}: ${what}`, { timeout: TIMEOUT_MS }, async (t) => {
    const files = CAUGHT_BY.exec(breaks)?.[1].split(" ") ?? assert.fail("it does not say by what it is caught");
    const tree = new Tree();
    t.after(() => tree.remove());
    tree.apply(path);
    const { status, report } = await testTree(tree, OPTIONS, files);
    assert.equal(status, 1, report);
    // By what a test says, not because it does not run.
    assert.match(report, /^ *not ok \d+ - .*\n(?:.*\n)*?.*(?:ERR_ASSERTION|testTimeoutFailure)/m, report);
    assert.doesNotMatch(report, /SyntaxError|ERR_MODULE_NOT_FOUND|ReferenceError|TypeError/, report);
  });
}

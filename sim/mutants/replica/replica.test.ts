// Deliberate bugs of replicas: the histories that are played to them (`replica.property.test.ts`) catch each.
import assert from "node:assert/strict";
import { test } from "node:test";
import { mutants } from "../mutants.ts";
import { Tree } from "../tree.ts";
import { testTree } from "../tree-tests.ts";

const HISTORIES = "packages/replica/src/replica.property.test.ts";
const TIMEOUT_MS = 120_000;
const OPTIONS = ["--import", "./sim/mutants/replica/no-shrinking.ts"];

for (const { name, path, breaks } of mutants([], import.meta.dirname)) {
  test(`${name}: ${breaks}`, { timeout: TIMEOUT_MS }, async (t) => {
    const tree = new Tree();
    t.after(() => tree.remove());
    tree.apply(path);
    const { status, report } = await testTree(tree, OPTIONS, [HISTORIES]);
    assert.equal(status, 1, report);
    // By a history, not because it does not run.
    assert.match(report, /Property failed after \d+ tests|unhandledRejection/, report);
  });
}

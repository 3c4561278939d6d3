// Deliberate bugs of replicas: the histories that are played to them (`replica.property.test.ts`) catch each.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { test } from "node:test";
import { mutants } from "../mutants.ts";
import { Tree } from "../tree.ts";

const HISTORIES = "packages/replica/src/replica.property.test.ts";
const TIMEOUT_MS = 120_000;

/** What the histories say of a tree; the exit status, and the report. */
function play(tree: Tree): Promise<{ readonly status: number | null; readonly report: string }> {
  return new Promise((resolve, reject) => {
    const options = ["--import", "./sim/mutants/replica/no-shrinking.ts", "--test", "--test-reporter", "tap"];
    // A test runner that is started by one would take itself for a part of it.
    const { NODE_TEST_CONTEXT: _ours, ...env } = process.env;
    const child = spawn(process.execPath, [...options, HISTORIES], { cwd: tree.path, env });
    let report = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      report += text;
    });
    child.on("error", reject);
    child.on("close", (status) => resolve({ status, report }));
  });
}

for (const { name, path, breaks } of mutants([], import.meta.dirname)) {
  test(`${name}: ${breaks}`, { timeout: TIMEOUT_MS }, async (t) => {
    const tree = new Tree();
    t.after(() => tree.remove());
    tree.apply(path);
    const { status, report } = await play(tree);
    assert.equal(status, 1, report);
    // By a history, not because it does not run.
    assert.match(report, /Property failed after \d+ tests|unhandledRejection/, report);
  });
}

// Deliberate bugs of the key-value store: each is caught by the tests that it names, which would find it where it is not put in.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { test } from "node:test";
import { mutants } from "../mutants.ts";
import { Tree } from "../tree.ts";

const TIMEOUT_MS = 60_000;
const CAUGHT_BY = /^Caught by: (.+)$/m;

/** What the tests say of a tree; the exit status, and the report. */
function run(
  tree: Tree,
  files: readonly string[],
): Promise<{ readonly status: number | null; readonly report: string }> {
  return new Promise((resolve, reject) => {
    // A test runner that is started by one would take itself for a part of it.
    const { NODE_TEST_CONTEXT: _ours, ...env } = process.env;
    const options = ["--test", "--test-force-exit", "--test-timeout", "6000", "--test-reporter", "tap"];
    const child = spawn(process.execPath, [...options, ...files], { cwd: tree.path, env });
    let report = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      report += text;
    });
    child.on("error", reject);
    child.on("close", (status) => resolve({ status, report }));
  });
}

for (const { name, path, breaks } of mutants([], import.meta.dirname)) {
  const [what] = breaks.split("\n");
  test(`${name}: ${what}`, { timeout: TIMEOUT_MS }, async (t) => {
    const files = CAUGHT_BY.exec(breaks)?.[1].split(" ") ?? assert.fail("it does not say by what it is caught");
    const tree = new Tree();
    t.after(() => tree.remove());
    tree.apply(path);
    const { status, report } = await run(tree, files);
    assert.equal(status, 1, report);
    // By what a test says, not because it does not run.
    assert.match(report, /^ *not ok \d+ - .*\n(?:.*\n)*?.*(?:ERR_ASSERTION|testTimeoutFailure)/m, report);
    assert.doesNotMatch(report, /SyntaxError|ERR_MODULE_NOT_FOUND|ReferenceError|TypeError/, report);
  });
}

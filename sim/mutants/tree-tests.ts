// Tests run in a tree with a bug in it, by a test runner of their own.
import { spawn } from "node:child_process";
import type { Tree } from "./tree.ts";

export interface TreeReport {
  readonly status: number | null;
  /** In TAP. */
  readonly report: string;
}

/** What Node says of `files` in the tree, run with `options`. */
export function testTree(tree: Tree, options: readonly string[], files: readonly string[]): Promise<TreeReport> {
  return new Promise((resolve, reject) => {
    // A test runner that is started by one would take itself for a part of it.
    const { NODE_TEST_CONTEXT: _ours, ...env } = process.env;
    const args = [...options, "--test", "--test-reporter", "tap", ...files];
    const child = spawn(process.execPath, args, { cwd: tree.path, env });
    let report = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      report += text;
    });
    child.on("error", reject);
    child.on("close", (status) => resolve({ status, report }));
  });
}

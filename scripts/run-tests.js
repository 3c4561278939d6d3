// The tests themselves: the parts one after another, each within its budget; `npm test -- PART …` runs some of them.
// Run by `test.js` under a Node that is new enough.
import { spawn } from "node:child_process";
import { globSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ROOT } from "./setup.js";
import { PARTS, SLACK } from "./test-parts.js";

// Each test file is a process: what one has compiled, the next need not. Set here, for TMPDIR changes below.
process.env.NODE_COMPILE_CACHE ??= join(tmpdir(), "node-compile-cache");

const node = process.execPath;
const chosen = process.argv.slice(2);
const unknown = chosen.filter((name) => !PARTS.some((part) => part.name === name));
if (unknown.length > 0) {
  console.error(`There is no part "${unknown.join('", "')}". Parts: ${PARTS.map((part) => part.name).join(", ")}`);
  process.exit(2);
}

/** Runs a command, kills it at the limit, and resolves with its output and how it ended. */
function execute(args, limitMs) {
  return new Promise((resolve) => {
    const child = spawn(node, args, { cwd: ROOT, stdio: ["ignore", "pipe", "inherit"], detached: true });
    let output = "";
    let late = false;
    const timer = setTimeout(() => {
      late = true;
      // Its group: no server that a test started may stay behind.
      process.kill(-child.pid, "SIGKILL");
    }, limitMs);
    child.stdout.setEncoding("utf8");
    child.stdout.on("data", (text) => {
      output += text;
      process.stdout.write(text);
    });
    child.on("exit", (code) => {
      clearTimeout(timer);
      resolve({ code, late, output });
    });
  });
}

function count(output, what) {
  const match = [...output.matchAll(new RegExp(`^. ${what} ([0-9]+)$`, "gm"))].at(-1);
  return match === undefined ? 0 : Number(match[1]);
}

const rows = [];
for (const part of PARTS) {
  if (chosen.length > 0 && !chosen.includes(part.name)) continue;
  console.log(`\n== ${part.name}: ${part.what} (${part.budgetSecs} s)`);
  const startedMs = performance.now();
  const limitMs = part.budgetSecs * 1000 * SLACK;
  const row = { part: part.name, budgetSecs: part.budgetSecs, passed: 0, failed: 0, skipped: 0, problems: [] };
  for (const [name, ...args] of part.commands ?? []) {
    const { code, late } = await execute(args, limitMs);
    if (code === 0) row.passed += 1;
    else {
      row.failed += 1;
      row.problems.push(late ? `${name} was killed at ${SLACK} × the budget` : `${name} failed`);
    }
  }
  if (part.files !== undefined) {
    const files = globSync(part.files, { cwd: ROOT });
    if (files.length === 0) row.problems.push("no test files");
    else {
      // Temporary files of the tests go away with this directory, whatever happens to them.
      const temporary = mkdtempSync(join(tmpdir(), "tailrace-test-"));
      process.env.TMPDIR = temporary;
      const { code, late, output } = await execute(
        [
          "--disable-warning=ExperimentalWarning",
          "--test",
          `--test-concurrency=${part.concurrency ?? 2}`,
          "--test-reporter=spec",
          "--test-timeout=60000",
          ...files,
        ],
        limitMs,
      );
      delete process.env.TMPDIR;
      rmSync(temporary, { recursive: true, force: true });
      row.passed += count(output, "pass");
      row.failed += count(output, "fail");
      row.skipped += count(output, "skipped");
      for (const skipped of output.matchAll(/^\s*﹣ (.*)$/gm)) row.problems.push(`skipped: ${skipped[1]}`);
      if (late) row.problems.push(`killed at ${SLACK} × the budget`);
      if (code !== 0 && row.failed === 0) row.failed += 1;
      if (code === 0 && row.passed === 0) {
        row.failed += 1;
        row.problems.push("no test ran");
      }
    }
  }
  row.secs = (performance.now() - startedMs) / 1000;
  if (row.secs > part.budgetSecs) row.problems.push("over its budget");
  if (row.secs > part.budgetSecs * SLACK) row.failed += 1;
  if (row.passed === 0 && row.failed === 0) row.failed += 1;
  rows.push(row);
}

console.log("\npart            seconds  budget  passed  failed  skipped");
for (const row of rows) {
  const cells = [
    row.secs.toFixed(1).padStart(7),
    String(row.budgetSecs).padStart(6),
    row.passed,
    row.failed,
    row.skipped,
  ];
  console.log(`${row.part.padEnd(14)}  ${cells.map((cell) => String(cell).padStart(6)).join("  ")}`);
  for (const problem of row.problems) console.log(`  ${problem}`);
}
const total = (key) => rows.reduce((sum, row) => sum + row[key], 0);
console.log(`\n${total("passed")} passed, ${total("failed")} failed, ${total("skipped")} skipped`);
process.exitCode = total("failed") > 0 ? 1 : 0;

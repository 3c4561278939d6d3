// node scripts/launch.js FILE [ARG …]: sets up, then runs a program of this repository under a Node that is new enough.
// What every command of package.json is that is not `start` or `test`.
import { join } from "node:path";
import { findNode, NO_NODE } from "./find-node.js";
import { run } from "./run.js";
import { ROOT, setUp } from "./setup.js";

setUp();
const node = findNode();
if (node === undefined) {
  console.error(NO_NODE);
  process.exit(1);
}
const [file, ...args] = process.argv.slice(2);
process.exitCode = await run(node, ["--disable-warning=ExperimentalWarning", join(ROOT, file), ...args]);

// npm test: sets up, then runs the tests under a Node that is new enough. Imports nothing that Node 20 lacks.
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
process.exitCode = await run(node, [join(ROOT, "scripts/run-tests.js"), ...process.argv.slice(2)]);

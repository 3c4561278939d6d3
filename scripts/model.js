// npm run model: sets up, then explores the model of the ownership protocol (sim/model/main.ts).
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
process.exitCode = await run(node, [join(ROOT, "sim/model/main.ts"), ...process.argv.slice(2)]);

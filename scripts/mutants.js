// npm run mutants: sets up, then runs the deliberate bugs with the arguments it was given.
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
process.exitCode = await run(node, [
  "--disable-warning=ExperimentalWarning",
  join(ROOT, "sim/mutants/run.ts"),
  ...process.argv.slice(2),
]);

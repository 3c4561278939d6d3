#!/usr/bin/env node
// The `tailrace` command: finds a Node that is new enough and runs the command line under it, in this process's place.
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { findNode, NO_NODE } from "../../../scripts/find-node.js";
import { NODE_FLAGS } from "../../../scripts/node-flags.js";
import { run } from "../../../scripts/run.js";

const node = findNode();
if (node === undefined) {
  console.error(NO_NODE);
  process.exit(1);
}
const main = join(dirname(dirname(fileURLToPath(import.meta.url))), "src", "main.ts");
process.exitCode = await run(node, [...NODE_FLAGS, main, ...process.argv.slice(2)]);

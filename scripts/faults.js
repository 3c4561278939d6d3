// npm run faults: the tests with real faults, for as long as `--minutes` says (default 2), from `--seed` on (default random).
import { parseArgs } from "node:util";
import { findNode, NO_NODE } from "./find-node.js";
import { run } from "./run.js";
import { ROOT, setUp } from "./setup.js";

const { values } = parseArgs({ options: { minutes: { type: "string", default: "2" }, seed: { type: "string" } } });
const secs = 60 * Number(values.minutes);
if (!(secs > 0)) {
  console.error(`--minutes ${values.minutes}: not a time`);
  process.exit(2);
}
setUp();
const node = findNode();
if (node === undefined) {
  console.error(NO_NODE);
  process.exit(1);
}
process.exitCode = await run(
  node,
  [
    "--disable-warning=ExperimentalWarning",
    "--test",
    "--test-concurrency=2",
    "--test-reporter=spec",
    "test/faults/linearizable-on-files.test.ts",
    "test/faults/linearizable-on-s3.test.ts",
  ],
  {
    cwd: ROOT,
    env: {
      ...process.env,
      TAILRACE_FAULT_SECS: String(secs),
      ...(values.seed === undefined ? {} : { TAILRACE_SEED: values.seed }),
    },
  },
);

// npm start: sets up, then runs the server with the arguments it was given.
import { join } from "node:path";
import { run } from "./run.js";
import { ROOT, setUp } from "./setup.js";

setUp();
process.exitCode = await run(process.execPath, [
  join(ROOT, "packages/cli/bin/tailrace.js"),
  "serve",
  ...process.argv.slice(2),
]);

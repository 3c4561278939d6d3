// npm run bench:sweep: how figures grow with clients, streams, sizes of records and followers, on fresh file stores, the servers in turn; drawn as SVG.
import { spawnSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { writeSweeps } from "../report.ts";
import type { ServerName } from "../servers/server.ts";
import { startServer } from "../servers/start.ts";
import { draw } from "./draw.ts";
import type { SweepPoint } from "./point.ts";
import { prepare, SWEEPS } from "./sweeps.ts";

const HELP = `npm run bench:sweep -- [options]

  --secs N      seconds a size (default 3)
  --only LIST   of ${SWEEPS.map(({ name }) => name).join(",")} (default: all)
  --out FILE    write the results as JSON
  --plots DIR   draw each sweep as DIR/sweep-NAME.svg
  --help
`;

const { values } = parseArgs({
  options: {
    secs: { type: "string", default: "3" },
    only: { type: "string", default: SWEEPS.map(({ name }) => name).join(",") },
    out: { type: "string" },
    plots: { type: "string" },
    help: { type: "boolean", default: false },
  },
});
if (values.help) {
  console.log(HELP);
  process.exit(0);
}
const has = (command: string) => spawnSync("sh", ["-c", `command -v ${command}`]).status === 0;
const names: readonly ServerName[] = has("s2") ? ["tailrace", "s2-lite"] : ["tailrace"];
const skipped = has("s2") ? [] : ["s2 is not on the PATH"];
const points: SweepPoint[] = [];

for (const sweep of SWEEPS.filter(({ name }) => values.only.split(",").includes(name))) {
  if (sweep.needs !== undefined && !has(sweep.needs)) {
    skipped.push(`${sweep.name}: ${sweep.needs} is not on the PATH`);
    continue;
  }
  for (const name of names) {
    const server = await startServer(name, "file", undefined);
    if (server === undefined) throw new Error("there is always a disk");
    try {
      await prepare(server.url);
      for (const size of sweep.sizes) {
        const figures = await sweep.run(server.url, size, Number(values.secs));
        points.push({ sweep: sweep.name, size, server: name, figures });
        const shown = sweep.drawn.map((figure) => `${figure} ${figures[figure]?.toFixed(2)}`);
        console.log(`${sweep.name.padEnd(13)} ${String(size).padStart(8)} ${name.padEnd(9)} ${shown.join("  ")}`);
      }
    } catch (error) {
      skipped.push(`${sweep.name} on ${name}: ${error instanceof Error ? error.message : String(error)}`);
    } finally {
      await server.stop();
    }
  }
  if (values.plots === undefined) continue;
  mkdirSync(values.plots, { recursive: true });
  const own = points.filter((point) => point.sweep === sweep.name);
  writeFileSync(join(values.plots, `sweep-${sweep.name}.svg`), draw(sweep, own));
}
for (const reason of skipped) console.log(`skipped: ${reason}`);
if (values.out !== undefined) writeSweeps(values.out, points, skipped);
process.exit(0);

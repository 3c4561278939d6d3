// npm run scale: what becomes of a deployment that grows. Takes minutes to half an hour; a benchmark beside the others, not a test.
import { parseArgs } from "node:util";
import type { StoreKind } from "../options.ts";
import { type Figures, printRow, type Result, writeJson } from "../report.ts";
import type { BenchServer } from "../servers/server.ts";
import { startServer } from "../servers/start.ts";
import { growth } from "./growth.ts";
import { manyStreams } from "./many-streams.ts";

const BASIN = "bench-basin";
const MEMORY = "512MiB";
const HELP = `npm run scale -- [options]

Appends far more than the server may keep in memory (--memory ${MEMORY}), founds very many streams, and looks at memory, speed and restarts.

  --gib N        GiB on the file store (default 20; 0: none)
  --s3-gib N     GiB on S3 (default 5; 0: none; needs versitygw)
  --streams N    streams on the file store (default 1000000; 0: none)
  --s3-streams N streams on S3 (default 0; needs versitygw)
  --out FILE     write the results as JSON
  --help
`;

const { values } = parseArgs({
  options: {
    gib: { type: "string", default: "20" },
    "s3-gib": { type: "string", default: "5" },
    streams: { type: "string", default: "1000000" },
    "s3-streams": { type: "string", default: "0" },
    out: { type: "string" },
    help: { type: "boolean", default: false },
  },
});
if (values.help) {
  console.log(HELP);
  process.exit(0);
}

const results: Result[] = [];
const skipped: string[] = [];

async function measure(store: StoreKind, row: string, work: (server: BenchServer) => Promise<Figures>): Promise<void> {
  const server = await startServer("tailrace", store, MEMORY);
  if (server === undefined) {
    skipped.push(`${store}: there is no server of that kind on this machine`);
    return;
  }
  try {
    const config = { create_stream_on_append: true };
    const answer = await fetch(`${server.url}/v1/basins`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ basin: BASIN, config }),
    });
    if (!answer.ok) throw new Error(`the basin was not created: ${answer.status}`);
    results.push({ store, row, server: "tailrace", figures: await work(server) });
    printRow(results, store, row);
  } finally {
    await server.stop();
  }
}

const sizes: readonly [StoreKind, number, number][] = [
  ["file", Number(values.gib), Number(values.streams)],
  ["s3", Number(values["s3-gib"]), Number(values["s3-streams"])],
];
for (const [store, gib, streams] of sizes) {
  if (gib > 0) await measure(store, `growth, --memory ${MEMORY}`, (server) => growth(server, BASIN, gib));
  if (streams > 0)
    await measure(store, `many streams, --memory ${MEMORY}`, (server) => manyStreams(server, BASIN, streams));
}
for (const reason of skipped) console.log(`skipped: ${reason}`);
if (values.out !== undefined) writeJson(values.out, results, skipped);
process.exit(0);

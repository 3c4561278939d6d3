// npm run soak: a server under a modest mixed load for an hour, whose memory, descriptors and latencies are to stay flat.
// Prints a line a minute, writes the samples and their plot, and fails when a figure drifts or a reader saw something wrong.
import { writeFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import { startServer } from "../servers/start.ts";
import { drifts } from "./flatness.ts";
import { Load } from "./load.ts";
import { plot } from "./plot.ts";
import { gauge, type Sample } from "./sample.ts";

const INTERVAL_SECS = 10;
const MIB = 1024 * 1024;
const HELP = `npm run soak -- [options]

  --minutes N   how long (default 60)
  --out FILE    write the samples as JSON
  --plot FILE   draw them as SVG
  --help
`;

const { values } = parseArgs({
  options: {
    minutes: { type: "string", default: "60" },
    out: { type: "string" },
    plot: { type: "string" },
    help: { type: "boolean", default: false },
  },
});
if (values.help) {
  console.log(HELP);
  process.exit(0);
}
const minutes = Number(values.minutes);
if (!(minutes > 0)) {
  console.error(`--minutes takes a positive number, not "${values.minutes}"`);
  process.exit(2);
}

const server = await startServer("tailrace", "file", undefined);
if (server === undefined) throw new Error("there is always a disk");
const load = await Load.start(server.url);
const samples: Sample[] = [];
const startMs = performance.now();
for (let i = 1; i <= (minutes * 60) / INTERVAL_SECS; i += 1) {
  await sleep(Math.max(0, startMs + i * INTERVAL_SECS * 1000 - performance.now()));
  const metrics = await (await fetch(`${server.url}/metrics`)).text();
  const sample: Sample = {
    atSecs: (performance.now() - startMs) / 1000,
    rssMiB: gauge(metrics, "process_resident_memory_bytes") / MIB,
    heapUsedMiB: gauge(metrics, "nodejs_heap_size_used_bytes") / MIB,
    openFds: gauge(metrics, "process_open_fds"),
    ...load.take(),
  };
  samples.push(sample);
  if (i % 6 === 0) {
    const { rssMiB, openFds, ackP50Ms, ackP99Ms, tailP99Ms, errors } = sample;
    console.log(
      `${Math.round(sample.atSecs / 60)} min: RSS ${rssMiB.toFixed(0)} MiB, ${openFds} descriptors, ` +
        `ack p50 ${ackP50Ms.toFixed(1)} p99 ${ackP99Ms.toFixed(1)} ms, tail p99 ${tailP99Ms.toFixed(0)} ms, ${errors} errors`,
    );
  }
}
await load.end();
await server.stop();

const total = (figure: "appends" | "recordsRead" | "errors") =>
  samples.reduce((sum, sample) => sum + sample[figure], 0);
console.log(`\n${total("appends")} appends, ${total("recordsRead")} records read, ${total("errors")} errors`);
const rows = drifts(samples);
for (const { figure, first, last, flat } of rows) {
  console.log(
    `${figure.padEnd(12)} ${first.toFixed(1).padStart(8)} → ${last.toFixed(1).padStart(8)}  ${flat ? "flat" : "NOT FLAT"}`,
  );
}
for (const violation of load.violations.slice(0, 20)) console.log(`VIOLATION ${violation}`);
if (values.out !== undefined) {
  writeFileSync(
    values.out,
    `${JSON.stringify({ date: new Date().toISOString(), node: process.version, minutes, samples })}\n`,
  );
}
if (values.plot !== undefined) {
  writeFileSync(
    values.plot,
    plot(samples, `${minutes} minutes of mixed load on the file store, every ${INTERVAL_SECS} s`),
  );
}
const failed =
  rows.some((row) => !row.flat) || load.violations.length > 0 || total("errors") > 0 || total("appends") === 0;
process.exit(failed ? 1 : 0);

// npm run bench:latency: how long acknowledgements take, all of them, on fresh file stores, the servers in turn. bench/summary.ts draws what is written.
import { parseArgs } from "node:util";
import { LOAD_OPTIONS, loadAskedFor, measurableServers } from "../command.ts";
import { writeLatencies } from "../report.ts";
import type { BenchServer } from "../servers/server.ts";
import { startServer } from "../servers/start.ts";
import { curveOf, Latencies, type LatencyCurve } from "./curve.ts";
import { BASIN, type LatencyLoad, LOADS } from "./loads.ts";

const HELP = `npm run bench:latency -- [options]

  --secs N      seconds a load (default 5)
  --rounds N    measure each load N times, the servers in turn (default 3)
  --out FILE    write the results as JSON
  --help
`;
/** Of a load before it counts: what runs for the first time takes its time. */
const WARM_UP_SECS = 1;

const { values } = parseArgs({ options: LOAD_OPTIONS });
const { secs, rounds: times } = loadAskedFor(values, HELP, { secs: 5, rounds: 3 });
const { names, skipped } = measurableServers();
const curves: LatencyCurve[] = [];
const startedMs = performance.now();

async function prepare(url: string): Promise<void> {
  const create = async (path: string, body: unknown) => {
    const headers = { "content-type": "application/json", "s2-basin": BASIN };
    const answer = await fetch(url + path, { method: "POST", headers, body: JSON.stringify(body) });
    const text = await answer.text();
    if (!answer.ok) throw new Error(`${path} was answered ${answer.status}: ${text}`);
  };
  await create("/v1/basins", { basin: BASIN });
  for (const { stream } of LOADS) await create("/v1/streams", { stream });
}

async function measure(load: LatencyLoad, servers: readonly BenchServer[]): Promise<void> {
  const rounds = new Map<BenchServer, Latencies[]>(servers.map((server) => [server, []]));
  for (const { url } of servers) await load.run(url, WARM_UP_SECS, () => undefined);
  for (let round = 0; round < times; round += 1)
    for (const server of servers) {
      const latencies = new Latencies();
      await load.run(server.url, secs, (tookMs) => latencies.add(tookMs));
      rounds.get(server)?.push(latencies);
    }
  for (const [{ name }, all] of rounds) {
    const curve = curveOf(load.name, name, all);
    curves.push(curve);
    const [p50, p99] = [curve.p50Ms, curve.p99Ms].map((ms) => ms.map((each) => each.toFixed(2)).join(" to "));
    console.log(`${load.name.padEnd(42)} ${name.padEnd(9)} ${curve.count} appends  p50 ${p50} ms  p99 ${p99} ms`);
  }
}

const servers: BenchServer[] = [];
try {
  for (const name of names) {
    const server = await startServer(name, "file", undefined);
    if (server === undefined) throw new Error("there is always a disk");
    servers.push(server);
    await prepare(server.url);
  }
  for (const load of LOADS) await measure(load, servers);
} finally {
  for (const server of servers) await server.stop();
}
for (const reason of skipped) console.log(`skipped: ${reason}`);
console.log(`took ${Math.round((performance.now() - startedMs) / 1000)} seconds`);
if (values.out !== undefined) writeLatencies(values.out, curves, skipped);
process.exit(0);

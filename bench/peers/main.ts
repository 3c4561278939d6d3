// npm run bench:peers: the same small appends and the same tail, through each log's usual Node client, with equal durability: every append is synced
// before it is answered. The client takes its share of the two cores, so these are figures of a client with its server.
import { parseArgs } from "node:util";
import { LOAD_OPTIONS, loadAskedFor } from "../command.ts";
import { percentile } from "../load/percentile.ts";
import { type Figures, type PeerResult, summarized, writePeers } from "../report.ts";
import { startJetStream } from "./jetstream.ts";
import { startKafka } from "./kafka.ts";
import type { Peer, StartPeer } from "./peer.ts";
import { startRedis } from "./redis-streams.ts";
import { startS2 } from "./s2.ts";

const BODY_BYTES = 200;
const STAMP_DIGITS = 14;
const AT_ONCE = [1, 64];
const DRAIN_MS = 2_000;
/** Of every load, before it counts: most of these compile as they go. */
const WARM_UP_SECS = 1;
const HELP = `npm run bench:peers -- [options]

Small appends and their tail on Tailrace, S2 Lite, Redis Streams (appendfsync always), NATS JetStream (sync_interval: always) and
Kafka (flush.messages=1, acks=all), each through its usual Node client; those that are not installed are left out. Kafka and its
client are fetched with mvn and npm when they are first needed, into ~/.cache/tailrace-bench (45 MiB; java must be there).

  --secs N     seconds a row (default 5)
  --rounds N   measure each N times, in turn, and take medians (default 3)
  --out FILE   write the results as JSON
  --help
`;

const { values } = parseArgs({ options: LOAD_OPTIONS });
const { secs, rounds: times } = loadAskedFor(values, HELP, { secs: 5, rounds: 3 });

/** `atOnce` appends on their way at any time. */
async function measure(peer: Peer, atOnce: number, secs: number): Promise<Figures> {
  const client = await peer.connect();
  const acksMs: number[] = [];
  const tailsMs: number[] = [];
  await client.follow((body) => tailsMs.push(performance.now() - Number(body.slice(0, STAMP_DIGITS))));
  const filler = "x".repeat(BODY_BYTES - STAMP_DIGITS);
  const untilMs = performance.now() + secs * 1000;
  const appendOn = async () => {
    for (let nowMs = performance.now(); nowMs < untilMs; nowMs = performance.now()) {
      await client.append(`${nowMs.toFixed(3).padStart(STAMP_DIGITS, "0")}${filler}`);
      acksMs.push(performance.now() - nowMs);
    }
  };
  await Promise.all(Array.from({ length: atOnce }, appendOn));
  for (
    const drainedMs = performance.now() + DRAIN_MS;
    performance.now() < drainedMs && tailsMs.length < acksMs.length;
  )
    await new Promise((resolve) => setTimeout(resolve, 10));
  await client.close();
  if (tailsMs.length < acksMs.length)
    throw new Error(`${peer.name}: a follower saw ${tailsMs.length} of ${acksMs.length} records`);
  return {
    "appends/s": acksMs.length / secs,
    "ack p50 ms": percentile(acksMs, 0.5),
    "ack p99 ms": percentile(acksMs, 0.99),
    "tail p50 ms": percentile(tailsMs, 0.5),
    "tail p99 ms": percentile(tailsMs, 0.99),
  };
}

const starts: readonly StartPeer[] = [
  () => startS2("tailrace"),
  () => startS2("s2-lite"),
  startRedis,
  startJetStream,
  startKafka,
];
const peers: Peer[] = [];
const results: PeerResult[] = [];
const skipped: string[] = [];
try {
  for (const start of starts) {
    const peer = await start();
    if (typeof peer === "string") skipped.push(peer);
    else peers.push(peer);
  }
  for (const atOnce of AT_ONCE) {
    for (const peer of peers) await measure(peer, atOnce, WARM_UP_SECS);
    const rounds = new Map<Peer, Figures[]>(peers.map((peer) => [peer, []]));
    for (let round = 0; round < times; round += 1)
      for (const peer of peers) rounds.get(peer)?.push(await measure(peer, atOnce, secs));
    for (const [{ name }, all] of rounds) {
      const result = { peer: name, atOnce, ...summarized(all) };
      results.push(result);
      const shown = Object.entries(result.figures).map(([figure, value]) => `${figure} ${value.toFixed(2)}`);
      console.log(`${String(atOnce).padStart(3)} at once  ${name.padEnd(24)} ${shown.join("  ")}`);
    }
  }
} finally {
  for (const peer of peers) await peer.stop();
}
for (const reason of skipped) console.log(`skipped: ${reason}`);
if (values.out !== undefined) writePeers(values.out, results, skipped);
process.exit(0);

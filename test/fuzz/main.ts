// npm run fuzz -- [--minutes N] [--seed N] [--target NAME]: fuzzes for as long as it is told, and keeps what it finds in the corpus.
import { randomInt } from "node:crypto";
import { parseArgs } from "node:util";
import { TailraceProcess } from "../support/tailrace-process.ts";
import { keep } from "./corpus.ts";
import { Finding, fuzzTarget, TARGETS } from "./decoders.ts";
import { PortFuzzer } from "./ports.ts";

const ROUND_MS = 5_000;
const PORTS = "ports";

const { values } = parseArgs({
  options: { minutes: { type: "string", default: "1" }, seed: { type: "string" }, target: { type: "string" } },
});
const minutes = Number(values.minutes);
const targets = TARGETS.filter(({ name }) => values.target === undefined || values.target === name);
const withPorts = values.target === undefined || values.target === PORTS;
if (!(minutes > 0) || (targets.length === 0 && !withPorts)) {
  console.error(
    `npm run fuzz -- [--minutes N] [--seed N] [--target ${[...TARGETS.map(({ name }) => name), PORTS].join(" | ")}]`,
  );
  process.exit(2);
}

const counts = new Map<string, number>();
const count = (name: string, runs: number) => counts.set(name, (counts.get(name) ?? 0) + runs);

async function fuzzPorts(seed: number): Promise<void> {
  const server = await TailraceProcess.start({ store: "memory:" });
  try {
    const ports = new PortFuzzer(server);
    await ports.prepare();
    for (const [port, runs] of Object.entries(await ports.run(seed, ROUND_MS))) count(port, runs);
    await ports.finish();
  } finally {
    await server.kill();
  }
}

const untilMs = performance.now() + minutes * 60_000;
let seed = values.seed === undefined ? randomInt(2 ** 32) : Number(values.seed);
try {
  for (; performance.now() < untilMs; seed = (seed + 1) >>> 0) {
    for (const target of targets) {
      count(
        target.name,
        await fuzzTarget(target, seed, Math.min(ROUND_MS, (untilMs - performance.now()) / targets.length)),
      );
    }
    if (withPorts) await fuzzPorts(seed);
    console.log(`seed ${seed}: ${[...counts].map(([name, runs]) => `${name} ${runs}`).join(", ")}`);
  }
} catch (error) {
  console.error(`seed ${seed}: ${error instanceof Error ? error.message : String(error)}`);
  if (error instanceof Finding) console.error(`kept as ${keep(error.target, error.input)}`);
  process.exit(1);
}

// Load by redis-benchmark: as many requests as take about so long.
import { execFile } from "node:child_process";
import { promisify } from "node:util";

const run = promisify(execFile);

export type LoadFigures = {
  readonly "requests/s": number;
  readonly "p50 ms": number;
  readonly "p99 ms": number;
  /** How many there were, those of the trials included. */
  readonly requests: number;
};

export interface Load {
  readonly port: number;
  readonly command: "set" | "get";
  readonly clients: number;
  /** Commands that a client sends together. */
  readonly pipeline?: number;
}

/** Enough to know the pace by. */
const TRIAL_SECS_SHARE = 0.2;
const FIRST_REQUESTS = 200;
/** Keys that are drawn from, of 16 bytes as redis-benchmark makes them. */
const KEYS = 100_000;

/** Goes on for about `secs`, after a trial that tells how many requests that is. */
export async function benchmark(load: Load, secs: number): Promise<LoadFigures> {
  const first = await requests(load, FIRST_REQUESTS * (load.pipeline ?? 1));
  const trial = await requests(load, first["requests/s"] * secs * TRIAL_SECS_SHARE);
  const whole = await requests(load, trial["requests/s"] * secs);
  return { ...whole, requests: first.requests + trial.requests + whole.requests };
}

async function requests({ port, command, clients, pipeline = 1 }: Load, wanted: number): Promise<LoadFigures> {
  const count = Math.max(clients * pipeline, Math.round(wanted));
  const what = ["-t", command, "-n", String(count), "-c", String(clients), "-P", String(pipeline)];
  const { stdout } = await run("redis-benchmark", ["-p", String(port), ...what, "-r", String(KEYS), "--csv"]);
  return { ...figuresOf(stdout), requests: count };
}

/** Of the CSV that it prints: a head, and one line of a test. */
export function figuresOf(csv: string): Omit<LoadFigures, "requests"> {
  const [head, line] = csv
    .trim()
    .split("\n")
    .slice(-2)
    .map((text) => text.split(",").map((cell) => cell.replaceAll('"', "")));
  const cell = (name: string): number => {
    const value = Number(line?.[head?.indexOf(name) ?? -1]);
    if (!Number.isFinite(value)) throw new Error(`redis-benchmark printed no ${name}:\n${csv}`);
    return value;
  };
  return { "requests/s": cell("rps"), "p50 ms": cell("p50_latency_ms"), "p99 ms": cell("p99_latency_ms") };
}

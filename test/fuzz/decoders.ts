// Fuzzing of everything that decodes, in this process: seeded, within a budget of time.
import { getHeapStatistics, setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { Chance } from "./chance.ts";
import { corpusOf } from "./corpus.ts";
import { mutate } from "./mutate.ts";
import type { Target } from "./target.ts";
import { appendInputTargets } from "./targets/append-input.ts";
import { keyValueTargets } from "./targets/key-value.ts";
import { logObjectTargets } from "./targets/log-objects.ts";
import { replicaImageTargets } from "./targets/replica-images.ts";
import { requestTargets } from "./targets/requests.ts";
import { segmentTargets } from "./targets/segments.ts";

export const TARGETS: readonly Target[] = [
  ...appendInputTargets,
  ...logObjectTargets(corpusOf),
  ...segmentTargets(corpusOf),
  ...replicaImageTargets,
  ...requestTargets,
  ...keyValueTargets,
];

/** Far above what the slowest input takes on a busy machine, far below what a stall takes. */
const HANG_MS = 10_000;
/** What may be more in memory after a round than before it. */
const GROWTH_BYTES = 32 * 1024 * 1024;

/** An input that showed a bug. */
export class Finding extends Error {
  readonly target: string;
  readonly input: Uint8Array;
  constructor(target: string, input: Uint8Array, cause: unknown) {
    const what = cause instanceof Error ? (cause.stack ?? cause.message) : String(cause);
    super(`${target}, input ${Buffer.from(input).toString("base64").slice(0, 400)}: ${what}`);
    this.name = "Finding";
    this.target = target;
    this.input = input;
  }
}

/** Errors: Finding. */
export async function runOne(target: Target, input: Uint8Array): Promise<void> {
  const startedMs = performance.now();
  try {
    // A copy: decoders may work in place.
    await target.run(Uint8Array.from(input));
  } catch (error) {
    throw new Finding(target.name, input, error);
  }
  const tookMs = performance.now() - startedMs;
  if (tookMs > HANG_MS) throw new Finding(target.name, input, new Error(`it took ${Math.round(tookMs)} ms`));
}

/** Runs mutations of a target's corpus, and of those again, until the time is over; resolves with how many. Errors: Finding. */
export async function fuzzTarget(target: Target, seed: number, budgetMs: number): Promise<number> {
  const chance = new Chance(seed);
  const inputs = corpusOf(target.name);
  const before = usedBytes();
  const untilMs = performance.now() + budgetMs;
  let runs = 0;
  for (; performance.now() < untilMs; runs += 1) {
    await runOne(target, mutate(chance.pick(inputs), chance, chance.pick(inputs)));
  }
  const grown = usedBytes() - before;
  if (grown > GROWTH_BYTES)
    throw new Error(`${target.name}: ${grown} bytes more in memory after ${runs} inputs of seed ${seed}`);
  return runs;
}

setFlagsFromString("--expose-gc");
const collect: () => void = runInNewContext("gc");

function usedBytes(): number {
  collect();
  return getHeapStatistics().used_heap_size;
}

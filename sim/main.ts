// The command: replays a seed, or runs many. Exits with 1 when something is wrong, with 2 when it was asked for nonsense.
import { describeOperation } from "./check/report.ts";
import { parseOptions, type SimOptions, USAGE } from "./options.ts";
import { NO_LIMITS } from "./run.ts";
import { shrink } from "./shrink.ts";
import { soak } from "./soak/soak.ts";
import { judge, type Verdict } from "./verdict.ts";

/** Failing seeds of a soak that are looked into; the others are only named. */
const MAX_EXPLAINED = 3;
/** Fresh seeds are drawn below this. */
const SEED_RANGE = 2 ** 40;

async function main(): Promise<number> {
  let options: SimOptions;
  try {
    options = parseOptions(process.argv.slice(2));
  } catch (error) {
    console.error(`${error instanceof Error ? error.message : String(error)}\n\n${USAGE}`);
    return 2;
  }
  return options.seed === undefined ? many(options) : replay(options, options.seed);
}

async function replay(options: SimOptions, seed: number): Promise<number> {
  const limits = {
    operations: options.operations ?? NO_LIMITS.operations,
    faults: options.faults ?? NO_LIMITS.faults,
  };
  const verdict = await judge(seed, { limits, keepTrace: options.trace });
  if (options.trace) process.stdout.write(verdict.result.trace);
  if (options.history) console.log(historyOf(verdict));
  describe(seed, verdict);
  if (verdict.violations.length === 0) return 0;
  // A trace is for one who knows already what is wrong, and so are limits.
  if (!options.trace && options.operations === undefined && options.faults === undefined) await explain(seed, verdict);
  return 1;
}

async function many({ from, seeds, seconds, jobs, quiet }: SimOptions): Promise<number> {
  const { failed, summary } = await soak({
    from: from ?? Math.floor(Math.random() * SEED_RANGE),
    seeds: seeds ?? Number.POSITIVE_INFINITY,
    forMs: seconds === undefined ? Number.POSITIVE_INFINITY : 1000 * seconds,
    jobs,
    quiet,
  });
  if (!quiet || failed.length > 0) console.log(summary);
  if (failed.length === 0) return 0;
  console.log(`failing seeds: ${failed.join(" ")}`);
  if (quiet) return 1;
  for (const seed of failed.slice(0, MAX_EXPLAINED)) await explain(seed, await judge(seed));
  return 1;
}

function describe(seed: number, { result, violations, reports }: Verdict): void {
  console.log(
    `seed ${seed} (${result.scenario}): ${result.history.length} operations, ${result.used.faults} faults, ${result.steps} events in ${Math.round(result.simulatedMs)} ms; trace ${result.digest}`,
  );
  for (const violation of violations) console.log(`  VIOLATION ${violation}`);
  for (const report of reports) console.log(report);
}

async function explain(seed: number, verdict: Verdict): Promise<void> {
  console.log(`\nseed ${seed} fails. The shortest failing run that could be found:`);
  const { limits, verdict: shortest } = await shrink(seed, verdict);
  console.log(historyOf(shortest));
  describe(seed, shortest);
  console.log(
    `replay: npm run sim -- --seed ${seed} --operations ${limits.operations} --faults ${limits.faults} --trace`,
  );
}

function historyOf({ result }: Verdict): string {
  return result.history.map((operation) => `${operation.stream} ${describeOperation(operation)}`).join("\n");
}

process.exitCode = await main();

// npm run model: explores the worlds, then looks for what each mutant breaks, and prints tables. Ends with 1 if either is not as it should be.
//   --large             the large worlds, too
//   --history MUTANT    only that mutant, with the history that breaks it
import { parseArgs } from "node:util";
import { describeViolation } from "./describe.ts";
import { explore, type Outcome } from "./explore.ts";
import type { Bounds, Model } from "./model.ts";
import { MUTANT_CASES, type MutantCase } from "./mutants.ts";
import { LARGE_WORLDS, SMALL_WORLDS } from "./worlds.ts";

const { values } = parseArgs({ options: { large: { type: "boolean" }, history: { type: "string" } } });

function timed(name: string, model: Model): Outcome & { readonly secs: number } {
  const startedMs = performance.now();
  let shownMs = startedMs;
  const outcome = explore(model, {
    onProgress: (found, done) => {
      const nowMs = performance.now();
      if (!process.stderr.isTTY || nowMs - shownMs < 500) return;
      shownMs = nowMs;
      process.stderr.write(`\r${name}: ${found} states found, ${done} gone on from `);
    },
  });
  if (process.stderr.isTTY) process.stderr.write("\r\x1b[K");
  return { ...outcome, secs: (performance.now() - startedMs) / 1000 };
}

function exploreWorlds(worlds: Readonly<Record<string, Bounds>>): boolean {
  let clean = true;
  for (const [name, bounds] of Object.entries(worlds)) {
    const { states, steps, depth, secs, violation } = timed(name, { bounds, mutants: {} });
    console.log(
      `${name.padEnd(18)}${String(states).padStart(10)} states ${String(steps).padStart(11)} steps ${String(depth).padStart(4)} deep ${secs.toFixed(1).padStart(7)} s`,
    );
    if (violation === undefined) continue;
    clean = false;
    console.log(describeViolation(violation));
  }
  return clean;
}

function findMutant({ mutant, world, breaks, behindIt }: MutantCase, withHistory: boolean): boolean {
  const bounds = SMALL_WORLDS[world];
  const mutants = { [mutant]: true, ...(behindIt === undefined ? {} : { [behindIt]: true }) };
  const { violation, secs } = timed(mutant, { bounds, mutants, harmOnly: behindIt !== undefined });
  const found =
    violation === undefined
      ? "NOT FOUND"
      : `${String(violation.history.length).padStart(2)} steps: ${violation.invariant}`;
  console.log(
    `${behindIt === undefined ? mutant : `${mutant} + ${behindIt}`}\n    ${found} (${world}, ${secs.toFixed(1)} s)`,
  );
  if (withHistory && violation !== undefined) console.log(describeViolation(violation));
  if (violation?.invariant !== breaks) return false;
  if (behindIt === undefined) return true;
  const alone = timed(mutant, { bounds, mutants: { [mutant]: true }, harmOnly: true });
  console.log(`    alone: ${alone.violation === undefined ? `no harm in ${alone.states} states` : "HARM"}`);
  return alone.violation === undefined && alone.complete;
}

const wanted = MUTANT_CASES.filter(({ mutant }) => values.history === undefined || mutant === values.history);
if (wanted.length === 0) {
  console.error(
    `There is no mutant "${values.history}". Mutants:\n${MUTANT_CASES.map((each) => each.mutant).join("\n")}`,
  );
  process.exit(2);
}
let good = true;
if (values.history === undefined) {
  good = exploreWorlds(SMALL_WORLDS) && good;
  if (values.large === true) good = exploreWorlds(LARGE_WORLDS) && good;
  console.log();
}
for (const each of wanted) good = findMutant(each, values.history !== undefined) && good;
process.exitCode = good ? 0 : 1;

// `npm run mutants`: puts each deliberate bug into a copy of the tree and looks how many seeds the simulator needs to catch it.
// Exits with 1 when one is not caught. A check that catches no bug is not a check.
import { parseArgs } from "node:util";
import { hunt, passes } from "./hunt.ts";
import { type Mutant, mutants } from "./mutants.ts";
import { type Row, writeTable } from "./table.ts";
import { Tree } from "./tree.ts";

const USAGE = `npm run mutants [-- NAME…] [--seeds N]
    runs the mutants whose names contain one of NAME (default: all, and writes their table into docs/testing.md),
    each over the seeds from 1 to N (default: 200) until it is caught`;

const DEFAULT_SEEDS = 200;

async function main(): Promise<number> {
  let wanted: readonly Mutant[];
  let all: boolean;
  let seeds: number;
  try {
    const { positionals, values } = parseArgs({ allowPositionals: true, options: { seeds: { type: "string" } } });
    seeds = Number(values.seeds ?? DEFAULT_SEEDS);
    if (!Number.isSafeInteger(seeds) || seeds < 1) throw new TypeError("--seeds takes a whole number");
    wanted = mutants(positionals);
    all = positionals.length === 0;
  } catch (error) {
    console.error(`${error instanceof Error ? error.message : String(error)}\n\n${USAGE}`);
    return 2;
  }
  const rows: Row[] = [];
  for (const mutant of wanted) {
    const row = await tryOne(mutant, seeds);
    rows.push(row);
    console.log(
      row.caught === undefined
        ? `${mutant.name}: NOT CAUGHT by ${seeds} seeds`
        : `${mutant.name}: seed ${row.caught.seed}: ${row.caught.reason}`,
    );
  }
  if (all) writeTable(rows, seeds);
  const survivors = rows.filter(({ caught }) => caught === undefined);
  console.log(`${rows.length} mutants, ${survivors.length} not caught`);
  return survivors.length === 0 ? 0 : 1;
}

async function tryOne(mutant: Mutant, seeds: number): Promise<Row> {
  const tree = new Tree();
  try {
    tree.apply(mutant.path);
    const caught = await hunt(tree, seeds);
    if (caught !== undefined) await assertPassesWithout(caught.seed);
    return { mutant, caught };
  } finally {
    tree.remove();
  }
}

const passed = new Set<number>();

/** A seed that fails anyway catches nothing. */
async function assertPassesWithout(seed: number): Promise<void> {
  if (passed.has(seed)) return;
  const tree = new Tree();
  try {
    if (!(await passes(tree, seed))) throw new Error(`seed ${seed} fails without any mutant`);
  } finally {
    tree.remove();
  }
  passed.add(seed);
}

process.exitCode = await main();

// Running the simulator over a tree, seed after seed from 1 on, until one fails.
import { spawn } from "node:child_process";
import { NO_LIMITS } from "../run.ts";
import type { Tree } from "./tree.ts";

/** Seeds of the first run; each run takes twice as many as the one before, for its start costs more than a seed. */
const FIRST_SEEDS = 5;
/** A run that takes longer than this for a seed does not end any more. */
const SEED_DEADLINE_MS = 60_000;
/** As without limits; with them, a failing seed is not looked into. */
const OPERATIONS = String(NO_LIMITS.operations);
const FAULTS = "1000000";
const MAX_REASON_CHARS = 160;

export interface Catch {
  readonly seed: number;
  /** What the simulator says of it, in a line. */
  readonly reason: string;
}

interface Run {
  /** Null when it was ended because it took too long. */
  readonly status: number | null;
  readonly output: string;
}

/** Undefined when no seed up to `seeds` fails. Errors: Error when the simulator does not run at all. */
export async function hunt(tree: Tree, seeds: number): Promise<Catch | undefined> {
  let count = FIRST_SEEDS;
  for (let from = 1; from <= seeds; from += count, count *= 2) {
    count = Math.min(count, seeds - from + 1);
    const run = await simulate(tree, ["--from", String(from), "--seeds", String(count), "--quiet"], count);
    if (run.status === 0) continue;
    if (run.status === null) return { seed: from, reason: "it does not end" };
    const failing = /failing seeds: (\d+)/.exec(run.output);
    if (failing === null) throw new Error(`the simulator does not run:\n${run.output}`);
    const seed = Number(failing[1]);
    return { seed, reason: reasonOf((await replay(tree, seed)).output) };
  }
  return undefined;
}

/** Whether this seed passes. */
export async function passes(tree: Tree, seed: number): Promise<boolean> {
  return (await replay(tree, seed)).status === 0;
}

function replay(tree: Tree, seed: number): Promise<Run> {
  return simulate(tree, ["--seed", String(seed), "--operations", OPERATIONS, "--faults", FAULTS], 1);
}

function simulate(tree: Tree, options: readonly string[], seeds: number): Promise<Run> {
  return new Promise((resolve, reject) => {
    const simulator = spawn(process.execPath, [...process.execArgv, "sim/main.ts", ...options], {
      cwd: tree.path,
      stdio: ["ignore", "pipe", "pipe"],
    });
    let output = "";
    const take = (text: string) => {
      output += text;
    };
    simulator.stdout.setEncoding("utf8").on("data", take);
    simulator.stderr.setEncoding("utf8").on("data", take);
    const deadline = setTimeout(() => simulator.kill("SIGKILL"), seeds * SEED_DEADLINE_MS);
    simulator.on("error", reject);
    simulator.on("close", (status) => {
      clearTimeout(deadline);
      resolve({ status, output });
    });
  });
}

function reasonOf(output: string): string {
  const violation = /^ *VIOLATION (?:at \d+ ms: )?(.*)$/m.exec(output);
  return (violation?.[1] ?? "").slice(0, MAX_REASON_CHARS);
}

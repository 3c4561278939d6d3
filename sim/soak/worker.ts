// One thread of a soak: judges the seeds that it is sent, one at a time.
import { parentPort } from "node:worker_threads";
import { RARE_BRANCHES, type RareBranch } from "@tailrace/engine/runtime";
import { judge } from "../verdict.ts";

/** What a soak needs to know of a seed. */
export interface SeedSummary {
  readonly seed: number;
  readonly failed: boolean;
  readonly undecided: boolean;
  readonly simulatedMs: number;
  readonly busyMs: number;
  readonly operations: number;
  readonly branches: readonly RareBranch[];
}

parentPort?.on("message", async (seed: number) => {
  const { result, violations, undecided } = await judge(seed);
  const summary: SeedSummary = {
    seed,
    failed: violations.length > 0,
    undecided,
    simulatedMs: result.simulatedMs,
    busyMs: result.busyMs,
    operations: result.history.length,
    branches: RARE_BRANCHES.filter((branch) => result.branches.count(branch) > 0),
  };
  parentPort?.postMessage(summary);
});

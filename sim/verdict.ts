// What is to be said of one seed: runs it, has its history checked, and tells whatever is wrong in words.
import { check } from "./check/checker.ts";
import { type RunOptions, type RunResult, run } from "./run.ts";

export interface Verdict {
  readonly result: RunResult;
  /** One line each; empty when all is well. */
  readonly violations: readonly string[];
  /** Nothing is known to be wrong, but the checker gave up on a stream. */
  readonly undecided: boolean;
  /** For people: what led to each violation of the history. */
  readonly reports: readonly string[];
}

export async function judge(seed: number, options: RunOptions = {}): Promise<Verdict> {
  const result = await run(seed, options);
  const found = check(result.history, { standing: result.standing, expiring: result.expiring });
  return {
    result,
    violations: [...result.violations, ...found.map(({ summary }) => summary)],
    undecided: result.violations.length === 0 && found.length > 0 && found.every(({ kind }) => kind === "gave-up"),
    reports: found.map(({ report }) => report),
  };
}

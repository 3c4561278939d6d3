// The shortest failing prefix of a failing run that bisection finds: fewer operations first, then fewer faults.
// What is within a limit happens exactly as it did without; a run need not fail at every length beyond one at which it fails.
import type { Limits } from "./run.ts";
import { judge, type Verdict } from "./verdict.ts";

export interface Shrunk {
  readonly limits: Limits;
  readonly verdict: Verdict;
}

/** `verdict` is that of the whole run, which failed. */
export async function shrink(seed: number, verdict: Verdict): Promise<Shrunk> {
  let best: Shrunk = { limits: verdict.result.used, verdict };
  for (const what of ["operations", "faults"] as const) {
    let passes = -1;
    while (best.limits[what] - passes > 1) {
      const limits = { ...best.limits, [what]: Math.floor((passes + best.limits[what]) / 2) };
      const shorter = await judge(seed, { limits });
      if (shorter.violations.length > 0) best = { limits, verdict: shorter };
      else passes = limits[what];
    }
  }
  return best;
}

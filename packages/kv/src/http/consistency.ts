// `consistency` and `at_least` of a request: what a read must have seen.
import type { Consistency } from "@tailrace/replica";
import { ABSENT, seqNumOf } from "../state/revision.ts";
import { badRequest } from "./errors.ts";
import type { Target } from "./target.ts";

export const CONSISTENCY_PARAMETERS = ["consistency", "at_least"] as const;

/** The state at that revision or a later one. */
export function reaching(revision: number): Consistency {
  // Before everything: a log that is empty holds no record to wait for.
  return revision === ABSENT ? "eventual" : { atLeast: seqNumOf(revision) };
}

/** Throws `ApiError`. */
export function consistencyOf(target: Target): Consistency {
  const named = target.text("consistency");
  const revision = target.number("at_least", 0, Number.MAX_SAFE_INTEGER);
  if (named !== undefined && revision !== undefined) throw badRequest("consistency and at_least exclude each other");
  if (revision !== undefined) return reaching(revision);
  if (named === undefined || named === "strong" || named === "eventual") return named ?? "strong";
  throw badRequest("consistency must be strong or eventual");
}

// The search as it would be without a thought: every order of the steps that time and sessions allow, each tried against the model. For small
// histories only; what the search leaves out is measured against it.
import { apply, initialState, type StreamState } from "../model.ts";
import type { Placement } from "../placement.ts";
import type { Step } from "../steps.ts";

/**
 * Whether any order of these steps, in the order of their invocations, is one that a correct stream allows. At most 30 steps. `strictly`: every
 * session keeps to one incarnation of the stream; otherwise only where its records or its acknowledgements tell.
 */
export function hasOrder(steps: readonly Step[], placement: Placement, expires: boolean, strictly: boolean): boolean {
  const indexes = new Map(steps.map((step, i) => [step, i]));
  const indexOf = (step: Step | undefined) => (step === undefined ? undefined : indexes.get(step));
  const bits = steps.map((step, i) => ({
    step,
    bit: 1 << i,
    after: 1 << (indexOf(step.after) ?? 31),
    before: 1 << (indexOf(step.before) ?? 31),
  }));
  const required = bits.filter(({ step }) => step.returned !== Number.POSITIVE_INFINITY);
  const failed = new Set<string>();
  /** `bound`: sessions, and the incarnation that each has kept to so far. */
  const from = (done: number, state: StreamState, bound: ReadonlyMap<string, number>): boolean => {
    const left = required.filter(({ bit }) => (done & bit) === 0);
    if (left.length === 0) return true;
    const here = `${done} ${textOf(state)} ${JSON.stringify([...bound].toSorted())}`;
    if (failed.has(here)) return false;
    const until = Math.min(...left.map(({ step }) => step.returned));
    for (const { step, bit, after, before } of bits) {
      if ((done & bit) !== 0 || step.invoked > until) continue;
      if (step.after !== undefined && (done & after) === 0) continue;
      if (step.before !== undefined && (done & before) !== 0) continue;
      const next = apply(state, step, placement);
      if (typeof next === "string") continue;
      const { session } = step.operation;
      const binds = strictly && session !== undefined && next.phase === "present";
      if (binds && (bound.get(session) ?? next.incarnation) !== next.incarnation) continue;
      if (from(done | bit, next, binds ? new Map(bound).set(session, next.incarnation) : bound)) return true;
    }
    failed.add(here);
    return false;
  };
  return from(0, initialState("absent", expires), new Map());
}

function textOf({ log, ...rest }: StreamState): string {
  return JSON.stringify([rest, Array.from({ length: log.tail }, (_, i) => log.at(i))]);
}

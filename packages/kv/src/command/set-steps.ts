// What unions, intersections and differences cost, whatever kinds of sets they are of. A set that is named many times costs as
// often: bounded before anything is done.
import type { Steps } from "./steps.ts";

/** Undefined: the key is not there. */
interface Members {
  readonly size: number;
  readonly members: readonly string[];
  has(member: string): boolean;
}

type Sets = readonly (Members | undefined)[];

const sizeOf = (set: Members | undefined): number => set?.size ?? 0;
const together = (sets: Sets): number => sets.reduce((sum, set) => sum + sizeOf(set), 0);

/** Throws `CommandError` where there is too much to look at. */
export function checkUnion(steps: Steps, sets: Sets): void {
  steps.take(together(sets));
}

/** The smallest is walked, and each member looked for in all. Throws as `checkUnion` does. */
export function checkIntersection(steps: Steps, sets: Sets): void {
  const smallest = sets.reduce((least, set) => Math.min(least, sizeOf(set)), Number.MAX_SAFE_INTEGER);
  steps.take(smallest * sets.length);
}

/** Whether a member of `first` is in one of the others, found out in whichever way is the shorter. Throws as `checkUnion` does. */
export function exclusion(steps: Steps, first: Members | undefined, others: Sets): (member: string) => boolean {
  const lookUps = sizeOf(first) * others.length;
  const walk = sizeOf(first) === 0 ? 0 : together(others);
  steps.take(sizeOf(first) + Math.min(lookUps, walk));
  if (lookUps <= walk) return (member) => others.some((other) => other?.has(member));
  const members = new Set<string>();
  for (const other of others) for (const member of other?.members ?? []) members.add(member);
  return (member) => members.has(member);
}

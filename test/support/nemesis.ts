// Does to a running world what a seed decides, one thing after the other, until it is told to stop; then makes everything well again.
import type { Random } from "../../sim/check/testing/random.ts";
import type { Tally } from "./tally.ts";

const SHORTEST_PEACE_MS = 50;
const LONGEST_PEACE_MS = 700;

export interface Fault {
  readonly name: string;
  /** Happens, and is over when this resolves. Returns how often it happened, if not once. */
  readonly happen: (random: Random) => Promise<number | undefined>;
}

/** Resolves once `untilMs` (of `performance.now`) has passed and the last fault is over. */
export async function haunt(faults: readonly Fault[], random: Random, untilMs: number, tally: Tally): Promise<void> {
  let deck: Fault[] = [];
  while (performance.now() < untilMs) {
    const peaceMs = SHORTEST_PEACE_MS + random.fraction() * (LONGEST_PEACE_MS - SHORTEST_PEACE_MS);
    await new Promise((resolve) => setTimeout(resolve, peaceMs));
    // Each of them once before any comes again: no run is without one.
    if (deck.length === 0) deck = random.shuffle(faults);
    const fault = deck.pop();
    if (fault === undefined) throw new Error("there are no faults to choose from");
    // Its choices are its own: how long another took, or how often it asked, must not change what comes next.
    tally.add(fault.name, (await fault.happen(random.fork())) ?? 1);
  }
}

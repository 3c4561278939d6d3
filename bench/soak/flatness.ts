// Whether a soak's figures stayed where they were: the median of its last third against that of its first. Pure.
import { percentile } from "../load/percentile.ts";
import type { Sample } from "./sample.ts";

interface Bound {
  readonly figure: keyof Sample;
  /** The last third's median may be this many times the first's … */
  readonly factor: number;
  /** … and this much more: what a figure may differ by without meaning anything. */
  readonly slack: number;
}

/** Latencies share a machine with others; memory and descriptors do not. */
export const BOUNDS: readonly Bound[] = [
  { figure: "rssMiB", factor: 1.15, slack: 32 },
  { figure: "heapUsedMiB", factor: 1.25, slack: 32 },
  { figure: "openFds", factor: 1, slack: 8 },
  { figure: "ackP50Ms", factor: 1.5, slack: 5 },
  { figure: "ackP99Ms", factor: 2, slack: 20 },
  { figure: "tailP50Ms", factor: 1.5, slack: 5 },
  { figure: "tailP99Ms", factor: 2, slack: 20 },
];

/** Of the samples, this share at the beginning is warming up. */
const WARM_UP = 0.1;

export interface Drift {
  readonly figure: keyof Sample;
  readonly first: number;
  readonly last: number;
  readonly flat: boolean;
}

/** One row a bound. Too few samples to tell, or a figure that is not a number, is not flat. */
export function drifts(samples: readonly Sample[]): Drift[] {
  const warm = samples.slice(Math.ceil(samples.length * WARM_UP));
  const third = Math.floor(warm.length / 3);
  return BOUNDS.map(({ figure, factor, slack }) => {
    const median = (part: readonly Sample[]) =>
      percentile(
        part.map((sample) => sample[figure]),
        0.5,
      );
    const first = median(warm.slice(0, third));
    const last = median(warm.slice(warm.length - third));
    return { figure, first, last, flat: last <= first * factor + slack };
  });
}

// How acknowledgement latencies are distributed: what a histogram of them comes to, as a curve.
import { createHistogram, type RecordableHistogram } from "node:perf_hooks";
import type { ServerName } from "../servers/server.ts";

const US_PER_MS = 1000;
/** Node's histograms are HDR histograms: values up to so much, in microseconds, to so many digits. */
const HIGHEST_US = 10 * 60 * 1e6;
const DIGITS = 3;

export interface LatencyCurve {
  readonly load: string;
  readonly server: ServerName;
  readonly rounds: number;
  readonly count: number;
  /** Of the rounds the least and the greatest. */
  readonly p50Ms: readonly [number, number];
  readonly p99Ms: readonly [number, number];
  /** [fraction, ms]: so large a fraction took at most so long, over all rounds together. */
  readonly curve: readonly (readonly [number, number])[];
}

export class Latencies {
  readonly #histogram: RecordableHistogram = createHistogram({ lowest: 1, highest: HIGHEST_US, figures: DIGITS });

  add(tookMs: number): void {
    this.#histogram.record(Math.max(1, Math.round(tookMs * US_PER_MS)));
  }

  addAll(other: Latencies): void {
    this.#histogram.add(other.#histogram);
  }

  get count(): number {
    return this.#histogram.count;
  }

  /** Milliseconds: so large a fraction took at most so long. */
  at(fraction: number): number {
    return this.#histogram.percentile(100 * fraction) / US_PER_MS;
  }
}

/** Every hundredth, and what lies behind the last of them. */
const FRACTIONS = [...Array.from({ length: 99 }, (_, i) => (i + 1) / 100), 0.995, 0.999, 0.9999, 1];

export function curveOf(load: string, server: ServerName, rounds: readonly Latencies[]): LatencyCurve {
  const all = new Latencies();
  for (const round of rounds) all.addAll(round);
  const spread = (fraction: number): [number, number] => {
    const values = rounds.map((round) => round.at(fraction));
    return [Math.min(...values), Math.max(...values)];
  };
  return {
    load,
    server,
    rounds: rounds.length,
    count: all.count,
    p50Ms: spread(0.5),
    p99Ms: spread(0.99),
    curve: FRACTIONS.map((fraction) => [fraction, all.at(fraction)]),
  };
}

// What usage would cost: a table that the operator may set, and estimates made with it. Pure.
import { INTERVAL_SECS, type UsageInterval, type UsageTotal } from "@tailrace/engine";

/** In US dollars. */
export interface Prices {
  /** A GiB stored for a month of 730 hours. */
  readonly storageGibMonth: number;
  /** A million append operations. */
  readonly appendMillion: number;
  /** A million read operations. */
  readonly readMillion: number;
  /** A GiB appended. */
  readonly appendGib: number;
  /** A GiB read. */
  readonly readGib: number;
}

/** List prices of S3 Standard in us-east-1, with an append taken for a PUT, a read for a GET, and no traffic that leaves the region. */
export const DEFAULT_PRICES: Prices = {
  storageGibMonth: 0.023,
  appendMillion: 5,
  readMillion: 0.4,
  appendGib: 0,
  readGib: 0,
};

const GIB = 2 ** 30;
const HOURS_OF_MONTH = 730;

export interface CostSeries {
  readonly name: string;
  /** Start of the period in seconds since the epoch, and dollars. */
  readonly values: readonly (readonly [number, number])[];
}

/** One series for each thing that is paid for and was used. `hours` are totals by the hour. */
export function costs(hours: readonly UsageTotal[], prices: Prices, interval: UsageInterval): CostSeries[] {
  const items: readonly (readonly [string, (hour: UsageTotal) => number])[] = [
    ["storage", ({ storedBytes }) => (storedBytes / GIB / HOURS_OF_MONTH) * prices.storageGibMonth],
    ["append-ops", (hour) => (sum(hour, "append-ops:") / 1e6) * prices.appendMillion],
    ["read-ops", (hour) => (sum(hour, "read-ops:") / 1e6) * prices.readMillion],
    ["append-throughput", (hour) => (sum(hour, "append-bytes") / GIB) * prices.appendGib],
    ["read-throughput", (hour) => (sum(hour, "read-bytes") / GIB) * prices.readGib],
  ];
  const series: CostSeries[] = [];
  for (const [name, costOf] of items) {
    const byPeriod = new Map<number, number>();
    for (const hour of hours) {
      const at = hour.at - (hour.at % INTERVAL_SECS[interval]);
      byPeriod.set(at, (byPeriod.get(at) ?? 0) + costOf(hour));
    }
    const values = [...byPeriod];
    if (values.some(([, dollars]) => dollars > 0)) series.push({ name, values });
  }
  return series;
}

function sum({ counts }: UsageTotal, prefix: string): number {
  let total = 0;
  for (const key in counts) if (key.startsWith(prefix)) total += counts[key];
  return total;
}

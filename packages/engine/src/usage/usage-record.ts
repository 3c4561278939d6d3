// What was used in one period, as it is counted, kept and stored (docs/format.md). Pure.

export type UsageInterval = "minute" | "hour" | "day";

export const INTERVAL_SECS: Readonly<Record<UsageInterval, number>> = { minute: 60, hour: 3600, day: 86_400 };

/** Sums by what is counted: `op:NAME`, `append-ops:CLASS`, `append-bytes`, `read-ops:unary`, `read-ops:streaming`, `read-bytes`. Bytes are metered. */
export type Counts = Record<string, number>;

export interface BasinUsage {
  /** As it was called; empty where that is not known. */
  readonly name: string;
  readonly counts: Counts;
  /** Metered bytes stored, at last; absent where that has not changed. */
  storage?: number | undefined;
}

export interface UsageRecord {
  /** Start of the period: seconds since the epoch. */
  readonly at: number;
  readonly account: Counts;
  /** By the basin's id. */
  readonly basins: Record<string, BasinUsage>;
  /** Metered bytes stored of streams that changed, by id. Minutes only. */
  readonly streams?: Readonly<Record<string, number>>;
}

export function startOf(secs: number, interval: UsageInterval): number {
  return secs - (secs % INTERVAL_SECS[interval]);
}

function addCounts(to: Counts, from: Counts): void {
  for (const key in from) to[key] = (to[key] ?? 0) + from[key];
}

/** Adds a later record of the same period; what is stored is the later one's. Streams are left out. */
export function addUsage(to: UsageRecord, from: UsageRecord): void {
  addCounts(to.account, from.account);
  for (const id in from.basins) {
    const { name, counts, storage } = from.basins[id];
    to.basins[id] ??= { name, counts: {} };
    const basin = to.basins[id];
    addCounts(basin.counts, counts);
    if (storage !== undefined) basin.storage = storage;
  }
}

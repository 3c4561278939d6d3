// What was used before now, in minutes, hours and days: each kept for its time, and bounded in what it holds. Pure; no clock, no store.
import { addUsage, type Counts, INTERVAL_SECS, startOf, type UsageInterval, type UsageRecord } from "./usage-record.ts";

/** How long each is kept. Ranges of the API span 90 days, by the hour as a rule. */
export const KEPT_SECS: Readonly<Record<UsageInterval, number>> = {
  minute: 3 * 86_400,
  hour: 92 * 86_400,
  day: 2 * 366 * 86_400,
};
/** Basins and streams in all records of a kind; beyond it the oldest records go before their time. */
export const MAX_ENTRIES = 200_000;

export interface UsageRange {
  readonly interval: UsageInterval;
  /** Seconds since the epoch, both inclusive. */
  readonly fromSecs: number;
  readonly toSecs: number;
}

/** A value that holds from an instant on. */
export interface UsagePoint {
  readonly at: number;
  readonly value: number;
}

class Level {
  readonly records: UsageRecord[] = [];
  readonly #keptSecs: number;
  #entries = 0;

  constructor(keptSecs: number) {
    this.#keptSecs = keptSecs;
  }

  get last(): UsageRecord | undefined {
    return this.records.at(-1);
  }

  push(record: UsageRecord): void {
    this.records.push(record);
  }

  /** Counts entries in, after a record was pushed or added to. */
  grew(entries: number): void {
    this.#entries += entries;
    const newest = this.last?.at ?? 0;
    let expired = 0;
    for (const record of this.records) {
      if (record === this.last || (record.at >= newest - this.#keptSecs && this.#entries <= MAX_ENTRIES)) break;
      this.#entries -= entriesOf(record);
      expired += 1;
    }
    if (expired > 0) this.records.splice(0, expired);
  }
}

export class UsageHistory {
  readonly #levels = {
    minute: new Level(KEPT_SECS.minute),
    hour: new Level(KEPT_SECS.hour),
    day: new Level(KEPT_SECS.day),
  };

  records(interval: UsageInterval): readonly UsageRecord[] {
    return this.#levels[interval].records;
  }

  /** Adds what was used in a minute, to its hour and day as well unless `restored` has those already. Minutes come in order. */
  addMinute(minute: UsageRecord, restored: { readonly hour: number; readonly day: number }): void {
    this.#levels.minute.push(minute);
    this.#levels.minute.grew(entriesOf(minute));
    for (const interval of ["hour", "day"] as const) {
      const at = startOf(minute.at, interval);
      if (at > restored[interval]) this.#add(interval, { ...minute, at });
    }
  }

  /** Puts back an hour or a day that was written as a whole, or a part of one. */
  restore(interval: "hour" | "day", record: UsageRecord): void {
    this.#add(interval, record);
  }

  #add(interval: "hour" | "day", record: UsageRecord): void {
    const level = this.#levels[interval];
    let { last } = level;
    if (last === undefined || last.at < record.at) {
      last = { at: record.at, account: {}, basins: {} };
      level.push(last);
      level.grew(1);
    }
    const before = entriesOf(last);
    addUsage(last, record);
    level.grew(entriesOf(last) - before);
  }

  /** The first period that is known of. */
  knownFrom(interval: UsageInterval): number | undefined {
    return this.#levels[interval].records.at(0)?.at;
  }
}

function entriesOf(record: UsageRecord): number {
  return 1 + Object.keys(record.basins).length + Object.keys(record.streams ?? {}).length;
}

/** The starts of the periods of a range: the one that it begins in, and those that begin before it ends. */
export function periodsOf({ interval, fromSecs, toSecs }: UsageRange): number[] {
  const periods: number[] = [];
  const first = startOf(fromSecs, interval);
  for (let at = first; at === first || at < toSecs; at += INTERVAL_SECS[interval]) periods.push(at);
  return periods;
}

/** Sums by what was counted, for each of the periods; `pick` finds in a record what is asked about. */
export function sumsOf(
  records: Iterable<UsageRecord>,
  range: UsageRange,
  periods: readonly number[],
  pick: (record: UsageRecord) => Counts | undefined,
): Map<string, number[]> {
  const sums = new Map<string, number[]>();
  if (periods.length === 0) return sums;
  for (const record of records) {
    const index = (startOf(record.at, range.interval) - periods[0]) / INTERVAL_SECS[range.interval];
    if (index < 0 || index >= periods.length) continue;
    const counts = pick(record) ?? {};
    for (const key in counts) {
      let series = sums.get(key);
      if (series === undefined) {
        series = new Array<number>(periods.length).fill(0);
        sums.set(key, series);
      }
      series[index] += counts[key];
    }
  }
  return sums;
}

/** What stood in each of the periods, by what changed in which. Where nothing is known before the first change, nothing is said. */
export function levelsOf(
  changes: readonly UsagePoint[],
  periods: readonly number[],
  interval: UsageInterval,
): UsagePoint[] {
  const levels: UsagePoint[] = [];
  let next = 0;
  let value: number | undefined;
  for (const at of periods) {
    while (next < changes.length && startOf(changes[next].at, interval) <= at) {
      value = changes[next].value;
      next += 1;
    }
    if (value !== undefined) levels.push({ at, value });
  }
  return levels;
}

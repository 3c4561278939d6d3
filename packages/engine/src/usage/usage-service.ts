// What those above the engine ask about usage, answered from the history and from what has been counted since.
import type { AccountLog } from "../account/account-log.ts";
import type { BasinCount } from "../catalog/stream-catalog.ts";
import type { Runtime } from "../runtime/index.ts";
import type { Shard } from "../shard/shard.ts";
import { levelsOf, periodsOf, sumsOf, type UsagePoint, type UsageRange } from "./usage-history.ts";
import type { UsageLog } from "./usage-log.ts";
import { idOf, type UsageMeter } from "./usage-meter.ts";
import { type Counts, INTERVAL_SECS, startOf, type UsageInterval } from "./usage-record.ts";

/** One sum for each period, by what is counted. */
export interface UsageSums {
  /** Starts of periods: seconds since the epoch. */
  readonly periods: readonly number[];
  readonly sums: ReadonlyMap<string, readonly number[]>;
}

/** What all basins together used in one period. */
export interface UsageTotal {
  readonly at: number;
  readonly counts: Readonly<Counts>;
  /** Metered bytes stored, at last. */
  readonly storedBytes: number;
}

/** What was used, and by whom. Sums may miss the last minute before a crash. Errors: EngineError `unavailable`. */
export interface UsageApi {
  /** Counts an operation that was carried out: of the account where `basin` is null. */
  operation(name: string, basin: string | null): void;
  ofAccount(range: UsageRange): Promise<UsageSums>;
  /** Nothing for a basin that is not there. */
  ofBasin(name: string, range: UsageRange): Promise<UsageSums>;
  /** Metered bytes stored in each of the range's periods, at its end or now. */
  storageOfBasin(name: string, range: UsageRange): Promise<readonly UsagePoint[]>;
  storageOfStream(basin: string, stream: string, range: UsageRange): Promise<readonly UsagePoint[]>;
  /** Names of basins that had a stream in that time. */
  activeBasins(fromSecs: number, toSecs: number): Promise<readonly string[]>;
  /** By the hour or by the day. */
  totals(range: UsageRange): Promise<readonly UsageTotal[]>;
}

export interface UsageServiceOptions {
  readonly runtime: Runtime;
  readonly meter: UsageMeter;
  /** The id of a basin by its name, as far as that is known. */
  readonly basinId: (name: string) => string | undefined;
  /** Errors: EngineError, while the engine does not answer. */
  readonly open: () => { readonly shard: Shard; readonly account: AccountLog; readonly usage: UsageLog };
}

const NOTHING: UsageSums = { periods: [], sums: new Map() };

export class UsageService implements UsageApi {
  readonly #options: UsageServiceOptions;

  constructor(options: UsageServiceOptions) {
    this.#options = options;
  }

  operation(name: string, basin: string | null): void {
    const { meter, basinId } = this.#options;
    const id = basin === null ? undefined : basinId(basin);
    if (basin === null) meter.accountOperation(name);
    else if (id !== undefined) meter.basinOperation(id, name);
  }

  async ofAccount(range: UsageRange): Promise<UsageSums> {
    const { usage } = await this.#current();
    return this.#sums(usage, range, (record) => record.account);
  }

  async ofBasin(name: string, range: UsageRange): Promise<UsageSums> {
    const { usage, account } = await this.#current();
    const basin = account.state.basins.get(name);
    return basin === undefined ? NOTHING : this.#sums(usage, range, (record) => record.basins[basin.id]?.counts);
  }

  #sums(usage: UsageLog, range: UsageRange, pick: Parameters<typeof sumsOf>[3]): UsageSums {
    const knownFrom = usage.history.knownFrom(range.interval) ?? startOf(this.#nowSecs(), range.interval);
    const bounded = {
      ...range,
      fromSecs: Math.max(range.fromSecs, knownFrom),
      toSecs: Math.min(range.toSecs, this.#nowSecs()),
    };
    if (bounded.fromSecs > range.toSecs) return NOTHING;
    const periods = periodsOf(bounded);
    return { periods, sums: sumsOf(usage.records(range.interval), bounded, periods, pick) };
  }

  async storageOfBasin(name: string, range: UsageRange): Promise<readonly UsagePoint[]> {
    const { usage, account } = await this.#current();
    const basin = account.state.basins.get(name);
    if (basin === undefined) return [];
    const changes: UsagePoint[] = [];
    for (const { at, basins } of usage.records(range.interval)) {
      const value = basins[basin.id]?.storage;
      if (value !== undefined) changes.push({ at, value });
    }
    return this.#levels(usage, range, changes, basin.createdAtMs, this.#options.meter.stored(basin.id));
  }

  async storageOfStream(basinName: string, name: string, range: UsageRange): Promise<readonly UsagePoint[]> {
    const { usage, account, shard } = await this.#current();
    const basin = account.state.basins.get(basinName);
    if (basin === undefined) return [];
    await shard.warm(basin.id, name);
    const stream = shard.assigned(basin.id, name);
    if (stream === undefined || !stream.born) return [];
    const id = idOf(stream);
    const changes: UsagePoint[] = [];
    for (const { at, streams } of usage.records("minute")) {
      const value = streams?.[id];
      if (value !== undefined) changes.push({ at, value });
    }
    return this.#levels(usage, range, changes, stream.createdAtMs, stream.index.meteredBytes);
  }

  /** Before the first change that is known, what is stored now stood, if nothing has changed since. */
  #levels(usage: UsageLog, range: UsageRange, changes: UsagePoint[], createdAtMs: number, now: number): UsagePoint[] {
    const { interval, fromSecs, toSecs } = range;
    const nowSecs = this.#nowSecs();
    const createdAt = startOf(Math.floor(createdAtMs / 1000), interval);
    if (changes.length === 0)
      changes.push({ at: Math.max(createdAt, usage.history.knownFrom(interval) ?? nowSecs), value: now });
    if (fromSecs > nowSecs || toSecs < createdAt) return [];
    const bounded = { interval, fromSecs: Math.max(fromSecs, createdAt), toSecs: Math.min(toSecs, nowSecs) };
    const periods = periodsOf(bounded);
    const levels = levelsOf(changes, periods, interval);
    // The period that is not over yet shows what is stored now.
    const last = levels.at(-1);
    if (last !== undefined && last.at === startOf(nowSecs, interval))
      levels[levels.length - 1] = { at: last.at, value: now };
    return levels;
  }

  async activeBasins(fromSecs: number, toSecs: number): Promise<readonly string[]> {
    const { usage, account, shard } = await this.#current();
    const names = new Set<string>();
    for (const record of usage.records("hour")) {
      if (record.at + INTERVAL_SECS.hour <= fromSecs || record.at > toSecs) continue;
      for (const id in record.basins) {
        const { name, storage, counts } = record.basins[id];
        if (storage !== undefined || counts["op:create-stream"] > 0) names.add(name);
      }
    }
    for (const basin of account.state.basins.tree.values())
      if (hadStream(shard.catalog.durable().get(basin.id), toSecs)) names.add(basin.name);
    names.delete("");
    return [...names].sort();
  }

  async totals(range: UsageRange): Promise<readonly UsageTotal[]> {
    const { usage } = await this.#current();
    const { periods } = this.#sums(usage, range, () => undefined);
    if (periods.length === 0) return [];
    const length = INTERVAL_SECS[range.interval];
    const counts = periods.map((): Counts => ({}));
    const storage = new Array<number>(periods.length).fill(0);
    const stored = this.#storedThroughout(usage, range.interval);
    let storedNow = 0;
    for (const bytes of stored.values()) storedNow += bytes;
    let index = 0;
    for (const record of usage.records(range.interval)) {
      const at = startOf(record.at, range.interval);
      for (; index < periods.length && periods[index] < at; index += 1) storage[index] = storedNow;
      for (const id in record.basins) {
        const basin = record.basins[id];
        if (basin.storage !== undefined) {
          storedNow += basin.storage - (stored.get(id) ?? 0);
          stored.set(id, basin.storage);
        }
        const period = (at - periods[0]) / length;
        if (period < 0 || period >= periods.length) continue;
        for (const key in basin.counts) counts[period][key] = (counts[period][key] ?? 0) + basin.counts[key];
      }
    }
    for (; index < periods.length; index += 1) storage[index] = storedNow;
    return periods.map((at, i) => ({ at, counts: counts[i], storedBytes: storage[i] }));
  }

  /** What stands in no record has not changed since the first that is kept. */
  #storedThroughout(usage: UsageLog, interval: UsageInterval): Map<string, number> {
    const stored = new Map(this.#options.meter.storedByBasin());
    for (const { basins } of usage.records(interval))
      for (const id in basins) if (basins[id].storage !== undefined) stored.delete(id);
    return stored;
  }

  #nowSecs(): number {
    return Math.floor(this.#options.runtime.clock.wallMs() / 1000);
  }

  /** Who has been taken over from must not answer. */
  async #current() {
    const opened = this.#options.open();
    await opened.shard.ensureLease();
    return opened;
  }
}

function hadStream(count: Readonly<BasinCount> | undefined, untilSecs: number): boolean {
  return count !== undefined && count.streams > 0 && count.sinceMs < (untilSecs + 1) * 1000;
}

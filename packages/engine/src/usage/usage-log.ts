// The history of usage on streams of the store itself: one of minutes, one of hours, one of days. Written at most once a minute, and only
// when something was used; each is trimmed to what is kept. The only writer of the history.
import { SystemStream } from "../account/system-stream.ts";
import { EngineError } from "../errors.ts";
import type { EngineLogger } from "../logger.ts";
import type { Runtime, TimerHandle } from "../runtime/index.ts";
import type { Shard } from "../shard/shard.ts";
import { KEPT_SECS, UsageHistory } from "./usage-history.ts";
import type { UsageMeter } from "./usage-meter.ts";
import { addUsage, INTERVAL_SECS, startOf, type UsageInterval, type UsageRecord } from "./usage-record.ts";

const STREAMS: Readonly<Record<UsageInterval, { readonly name: string; readonly number: number }>> = {
  minute: { name: "usage/minutes", number: 2 },
  hour: { name: "usage/hours", number: 3 },
  day: { name: "usage/days", number: 4 },
};
const MINUTE_MS = 60_000;
/** Basins in one record of an hour or a day: it must be readable in one piece. */
const MAX_BASINS_PER_PART = 500;

/** An hour or a day as it is stored: in parts, each of which stands once, however often it was written. */
interface StoredPart extends UsageRecord {
  readonly part: number;
  readonly parts: number;
}

export interface UsageLogOptions {
  readonly runtime: Runtime;
  readonly shard: Shard;
  readonly logger: EngineLogger;
  readonly meter: UsageMeter;
  readonly nameOf: (basinId: string) => string;
}

export class UsageLog {
  readonly history = new UsageHistory();
  readonly #options: UsageLogOptions;
  /** Taken from the meter, and not known to be durable yet. */
  readonly #underWay = new Set<UsageRecord>();
  /** The one of them that the log refused: it goes with the next. */
  #refused: UsageRecord | undefined;
  /** The last hour and day that are durable as a whole. */
  readonly #stored = { hour: -1, day: -1 };
  /** Where the records of each kind begin: what to trim to. */
  readonly #places: Readonly<Record<UsageInterval, { at: number; seqNum: number }[]>> = {
    minute: [],
    hour: [],
    day: [],
  };
  #timer: TimerHandle | undefined;
  #flushing = false;
  #closed = false;

  private constructor(options: UsageLogOptions) {
    this.#options = options;
  }

  /** Reads what is kept. Writes nothing. Errors: EngineError. */
  static async open(options: UsageLogOptions): Promise<UsageLog> {
    const log = new UsageLog(options);
    await log.#replayWhole("day");
    await log.#replayWhole("hour");
    await (await SystemStream.find(options.shard, STREAMS.minute.name))?.replay((value, seqNum) => {
      // Written below, and under a checksum since.
      const minute = value as UsageRecord;
      log.#places.minute.push({ at: minute.at, seqNum });
      log.history.addMinute(minute, log.#stored);
    });
    options.meter.onTouched = () => log.#arm();
    return log;
  }

  async #replayWhole(interval: "hour" | "day"): Promise<void> {
    const byTime = new Map<number, Map<number, StoredPart>>();
    await (await SystemStream.find(this.#options.shard, STREAMS[interval].name))?.replay((value, seqNum) => {
      const part = value as StoredPart;
      const parts = byTime.get(part.at) ?? new Map<number, StoredPart>();
      byTime.set(part.at, parts.set(part.part, part));
      this.#places[interval].push({ at: part.at, seqNum });
    });
    for (const [at, parts] of byTime) {
      // What was cut off by a crash is made anew, of smaller periods.
      if ([...parts.values()].some((part) => part.parts !== parts.size)) continue;
      for (const part of parts.values()) this.history.restore(interval, part);
      this.#stored[interval] = at;
    }
  }

  /** Records of a kind with what is not durable yet, which counts as the newest. */
  *records(interval: UsageInterval): Iterable<UsageRecord> {
    yield* this.history.records(interval);
    yield* this.#underWay;
    if (this.#options.meter.touched) yield this.#options.meter.peek(this.#nowMinute(), this.#options.nameOf);
  }

  #nowMinute(): number {
    const now = startOf(Math.floor(this.#options.runtime.clock.wallMs() / 1000), "minute");
    // A clock that was set back does not make minutes anew.
    return Math.max(now, this.history.records("minute").at(-1)?.at ?? 0);
  }

  /** At the end of the minute in which something was counted. */
  #arm(): void {
    if (this.#timer !== undefined || this.#flushing || this.#closed) return;
    const { clock, timers } = this.#options.runtime;
    this.#timer = timers.set(MINUTE_MS - (clock.wallMs() % MINUTE_MS), () => {
      this.#timer = undefined;
      this.#flush(this.#nowMinute() - INTERVAL_SECS.minute).catch((error: unknown) => {
        this.#options.logger.error({ error: String(error) }, "usage is no longer written");
      });
    });
  }

  async #flush(at: number): Promise<void> {
    const { meter } = this.#options;
    this.#flushing = true;
    const record = this.#take(Math.max(at, this.history.records("minute").at(-1)?.at ?? 0));
    this.#underWay.add(record);
    const written =
      (await this.#storeWhole("hour", record.at)) &&
      (await this.#storeWhole("day", record.at)) &&
      (await this.#write("minute", record, () => {
        this.#underWay.delete(record);
        this.history.addMinute(record, this.#stored);
      })) !== "refused";
    if (!written) this.#refused = record;
    this.#flushing = false;
    if (meter.touched || this.#refused !== undefined) this.#arm();
  }

  #take(at: number): UsageRecord {
    const { meter, nameOf } = this.#options;
    const refused = this.#refused;
    if (refused === undefined) return meter.take(at, nameOf);
    this.#refused = undefined;
    this.#underWay.delete(refused);
    if (Object.keys(refused.basins).length >= MAX_BASINS_PER_PART) return { ...refused, at };
    const taken = meter.take(at, nameOf);
    const record: UsageRecord = { at, account: {}, basins: {}, streams: { ...refused.streams, ...taken.streams } };
    addUsage(record, refused);
    addUsage(record, taken);
    return record;
  }

  /** Writes the last hour or day, once one behind it has begun. False where that could not be done. */
  async #storeWhole(interval: "hour" | "day", at: number): Promise<boolean> {
    const whole = this.history.records(interval).at(-1);
    if (whole === undefined || whole.at <= this.#stored[interval] || startOf(at, interval) <= whole.at) return true;
    // What belongs into it may still be on its way, and would be missing for whoever reads the log.
    for (const minute of this.#underWay) if (startOf(minute.at, interval) === whole.at) return false;
    const ids = Object.keys(whole.basins);
    const parts = Math.max(1, Math.ceil(ids.length / MAX_BASINS_PER_PART));
    for (let part = 0; part < parts; part += 1) {
      const basins: UsageRecord["basins"] = {};
      for (const id of ids.slice(part * MAX_BASINS_PER_PART, (part + 1) * MAX_BASINS_PER_PART))
        basins[id] = whole.basins[id];
      const account = part === 0 ? whole.account : {};
      const stored: StoredPart = { at: whole.at, part, parts, account, basins };
      if ((await this.#write(interval, stored, () => undefined)) !== "durable") return false;
    }
    this.#stored[interval] = whole.at;
    return true;
  }

  /** `sequenced`: it is in the log, and either becomes durable or nothing does any more. */
  async #write(
    interval: UsageInterval,
    record: UsageRecord,
    onDurable: () => void,
  ): Promise<"durable" | "sequenced" | "refused"> {
    const { shard, logger } = this.#options;
    const { name, number } = STREAMS[interval];
    const places = this.#places[interval];
    let stream: SystemStream | undefined;
    let seqNum = 0;
    try {
      stream = SystemStream.open(shard, name, number);
      seqNum = stream.nextSeqNum;
      // Trimmed in steps of a tenth: a command for every record would double what is written.
      const keptFrom = record.at - KEPT_SECS[interval];
      const isDue = places.length > 0 && places[0].at < keptFrom - KEPT_SECS[interval] / 10;
      const trimTo = isDue ? (places.find((place) => place.at >= keptFrom)?.seqNum ?? seqNum) : undefined;
      await stream.append(record, onDurable, trimTo);
      if (trimTo !== undefined) {
        const kept = places.findIndex((place) => place.seqNum >= trimTo);
        places.splice(0, kept < 0 ? places.length : kept);
      }
      places.push({ at: record.at, seqNum });
      return "durable";
    } catch (error) {
      if (!(error instanceof EngineError)) throw error;
      logger.warn({ error: error.message }, "usage could not be written, and will be with what comes next");
      if (stream === undefined || stream.nextSeqNum === seqNum) return "refused";
      places.push({ at: record.at, seqNum });
      return "sequenced";
    }
  }

  /** Nothing is written any more. */
  stop(): void {
    this.#closed = true;
    if (this.#timer !== undefined) this.#options.runtime.timers.clear(this.#timer);
    this.#timer = undefined;
  }

  /** Writes what has been counted, if that can be done, and stops. */
  async close(): Promise<void> {
    this.stop();
    const isDue = this.#options.meter.touched || this.#refused !== undefined;
    if (isDue && !this.#flushing) await this.#flush(this.#nowMinute());
  }
}

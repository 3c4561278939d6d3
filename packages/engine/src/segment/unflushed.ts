// What has become durable in the log since the last flush was cut off it: which streams it is about, what was removed, how much it is.
// A cut says what holds at one place of the log, and is taken in one go, while nothing can become durable.
import type { StreamEntry } from "../catalog/entries.ts";
import { durableDueMs } from "../retention/ageing.ts";
import type { LogClock } from "../shard/log-clock.ts";
import type { BasinTotals } from "../shard/manifest.ts";
import type { Stream } from "../stream/stream.ts";
import { Removals } from "./removals.ts";

/** When what is unflushed is enough for a flush: any of these is reached. */
export interface FlushLimits {
  /** Content of chunks: what a restart reads of the log, and what a flush holds in memory. Or records that were trimmed or deleted. */
  readonly bytes: number;
  /** A restart gets them one by one. */
  readonly chunks: number;
  /** A cut looks at each of them. */
  readonly streams: number;
}

/** A stream that a flush is about, as it was at the cut. */
export interface FlushedStream {
  readonly stream: Stream;
  readonly entry: StreamEntry;
  readonly nextSeqNum: number;
  readonly lastTimestampLow: number;
  readonly lastTimestampHigh: number;
}

/** A part of the log that is to become a segment. */
export interface Flush {
  /** Its places: from the first, to the one after the last. */
  readonly fromPlace: number;
  readonly toPlace: number;
  /** Content of its chunks. */
  readonly bytes: number;
  /** In the order of their ids. */
  readonly streams: readonly FlushedStream[];
  readonly removals: Removals;
  /** The log's clock at its end: the newest mark. */
  readonly clockMs: number;
  /** What all basins have there. */
  readonly basins: Readonly<Record<string, BasinTotals>>;
}

/** What a cut asks of others. */
export interface CutSources {
  readonly clock: LogClock;
  /** Counts what a stream stores now into its basin's sum. */
  readonly settleStored: (stream: Stream) => void;
  /** What is durable of all basins. */
  readonly basins: () => Readonly<Record<string, BasinTotals>>;
}

export class Unflushed {
  #cuts = 0;
  #fromPlace: number;
  #bytes = 0;
  #freedBytes = 0;
  #chunks = 0;
  #streams: Stream[] = [];
  #removals = new Removals();

  /** `logStart`: all before it is in segments. */
  constructor(logStart: number) {
    this.#fromPlace = logStart;
  }

  addChunk(contentBytes: number): void {
    this.#bytes += contentBytes;
    this.#chunks += 1;
  }

  /** So many metered bytes were deleted of streams that are not in memory. */
  addFreed(meteredBytes: number): void {
    this.#freedBytes += meteredBytes;
  }

  /** Something of the stream has become durable. Cheap: called at every batch. */
  touch(stream: Stream): void {
    // Space comes back by what follows a flush.
    this.#freedBytes += stream.freedBytes;
    stream.freedBytes = 0;
    if (stream.inFlush === this.#cuts) return;
    stream.inFlush = this.#cuts;
    this.#streams.push(stream);
  }

  /** How many cuts there were. What became durable since the last belongs to the next. */
  get cuts(): number {
    return this.#cuts;
  }

  /** What no cut has taken along yet. */
  get removals(): Removals {
    return this.#removals;
  }

  /** Whether there is enough for a flush, or such a part of that. */
  reaches(limits: FlushLimits, share = 1): boolean {
    if (this.#chunks === 0) return false;
    return (
      this.#bytes >= share * limits.bytes ||
      this.#freedBytes >= share * limits.bytes ||
      this.#chunks >= share * limits.chunks ||
      this.#streams.length >= share * limits.streams
    );
  }

  /** Everything before `toPlace` is durable, and nothing from there on: takes what that comes to, and begins anew. */
  cut(toPlace: number, { clock, settleStored, basins }: CutSources): Flush {
    // Also of those that are gone.
    for (const stream of this.#streams) settleStored(stream);
    const streams = this.#streams
      .filter((stream) => !stream.removed)
      .sort((a, b) => Buffer.compare(a.id, b.id))
      .map((stream) => flushed(stream, clock));
    const flush: Flush = {
      fromPlace: this.#fromPlace,
      toPlace,
      bytes: this.#bytes,
      streams,
      removals: this.#removals,
      clockMs: clock.lastMs,
      basins: basins(),
    };
    this.#cuts += 1;
    this.#fromPlace = toPlace;
    this.#bytes = 0;
    this.#freedBytes = 0;
    this.#chunks = 0;
    this.#streams = [];
    this.#removals = new Removals();
    return flush;
  }
}

function flushed(stream: Stream, clock: LogClock): FlushedStream {
  const { durable, lastWritePlace } = stream;
  const dueMs = durableDueMs(stream, clock);
  return {
    stream,
    entry: {
      basinId: stream.basinId,
      name: stream.name,
      createdAtMs: stream.createdAtMs,
      cipher: stream.cipher,
      idempotencyKey: stream.idempotencyKey,
      config: durable.config,
      deletedAtMs: durable.deletedAtMs,
      fencingToken: durable.fencingToken,
      trimPoint: stream.trimPoint,
      lastWriteMs: lastWritePlace === undefined ? stream.lastWriteMs : clock.latestMs(lastWritePlace),
      dueMs: dueMs === Number.POSITIVE_INFINITY ? null : dueMs,
      storedBytes: stream.countedBytes,
    },
    nextSeqNum: durable.nextSeqNum,
    lastTimestampLow: durable.lastTimestampLow,
    lastTimestampHigh: durable.lastTimestampHigh,
  };
}

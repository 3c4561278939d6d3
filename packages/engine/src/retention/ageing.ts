// What of a stream has outlived its configuration, and when to look at it again: pure, of the stream's durable state and a time.
import type { StreamConfig } from "../config.ts";
import type { LogClock } from "../shard/log-clock.ts";
import { type RunIndex, segmentOf } from "../stream/run-index.ts";
import type { Stream } from "../stream/stream.ts";

/** A stream is looked at again a hundredth of its age after something has outlived it, but no sooner and no later than these: what
 * expires continuously is trimmed in steps, each of them a write. */
const MIN_STEP_MS = 1_000;
const MAX_STEP_MS = 60_000;

export interface Ageing {
  /** Records below have outlived the retention; undefined when none has that is not trimmed yet. */
  readonly trimTo: number | undefined;
  /** Nothing is left, and nothing has been written for long enough: the stream is to be deleted. */
  readonly isSpent: boolean;
  /** When to look again, if nothing happens before; Infinity for never. */
  readonly dueMs: number;
}

/** Whether time alone can do anything to a stream with this config. */
export function ages(config: StreamConfig): boolean {
  return config.retentionAgeSecs !== "infinite" || config.deleteOnEmptyMinAgeSecs > 0;
}

function arrivedMs(index: RunIndex, run: number, clock: LogClock): number {
  const object = index.object(run);
  return segmentOf(object) === undefined ? clock.latestMs(object) : index.arrivedMs(run);
}

function lastWriteMs(stream: Stream, clock: LogClock, nowMs: number): number {
  if (stream.lastChunk !== undefined) return nowMs;
  return stream.lastWritePlace === undefined ? stream.lastWriteMs : clock.latestMs(stream.lastWritePlace);
}

/** How late what has outlived its age may vanish. */
export function latenessMs({ retentionAgeSecs }: StreamConfig): number {
  return retentionAgeSecs === "infinite" ? MAX_STEP_MS : stepMs(retentionAgeSecs * 1000);
}

function stepMs(ageMs: number): number {
  return Math.min(MAX_STEP_MS, Math.max(MIN_STEP_MS, ageMs / 100));
}

/** When time alone will do something to a stream as far as it is durable, by the wall clock: Infinity for never, and 0 where its deletion is to be
 * finished. */
export function durableDueMs(stream: Stream, clock: LogClock): number {
  const { index, durable, trimPoint } = stream;
  const { retentionAgeSecs, deleteOnEmptyMinAgeSecs } = durable.config;
  if (durable.deletedAtMs !== null) return 0;
  let dueMs = Number.POSITIVE_INFINITY;
  if (retentionAgeSecs !== "infinite" && index.firstKept < index.count) {
    const ageMs = retentionAgeSecs * 1000;
    dueMs = arrivedMs(index, index.firstKept, clock) + ageMs + stepMs(ageMs);
  }
  if (deleteOnEmptyMinAgeSecs > 0 && trimPoint >= durable.nextSeqNum) {
    const { lastWritePlace } = stream;
    const writtenMs = lastWritePlace === undefined ? stream.lastWriteMs : clock.latestMs(lastWritePlace);
    dueMs = Math.min(dueMs, Math.max(stream.createdAtMs, writtenMs) + deleteOnEmptyMinAgeSecs * 1000);
  }
  return dueMs;
}

export function ageingOf(stream: Stream, clock: LogClock, nowMs: number): Ageing {
  const { config, index, durable, assigned } = stream;
  let trimTo = 0;
  let dueMs = Number.POSITIVE_INFINITY;
  if (config.retentionAgeSecs !== "infinite") {
    const ageMs = config.retentionAgeSecs * 1000;
    let run = index.firstKept;
    while (run < index.count && arrivedMs(index, run, clock) + ageMs <= nowMs) run += 1;
    if (run > index.firstKept) trimTo = run < index.count ? index.firstSeqNum(run) : durable.nextSeqNum;
    if (run < index.count) dueMs = arrivedMs(index, run, clock) + ageMs + stepMs(ageMs);
  }
  const trimPoint = Math.max(trimTo, stream.assignedTrimPoint);
  let isSpent = false;
  if (config.deleteOnEmptyMinAgeSecs > 0 && trimPoint >= assigned.nextSeqNum) {
    const minAgeMs = config.deleteOnEmptyMinAgeSecs * 1000;
    const writtenMs = lastWriteMs(stream, clock, nowMs);
    const atMs = Math.max(stream.createdAtMs, writtenMs) + minAgeMs;
    if (atMs <= nowMs) isSpent = true;
    else dueMs = Math.min(dueMs, atMs);
  }
  return { trimTo: trimTo > stream.assignedTrimPoint ? trimTo : undefined, isSpent, dueMs };
}

// Where a stream's records are: its runs, in order, those in segments before those in the log. A run is a part of one object in which the
// stream's entries lie (in a chunk among those of others); it begins at one entry of the stream. Kept compact: numbers in one array, no
// object per run.
import { RUN_BYTES } from "../limits.ts";
import type { SegmentRun } from "../segment/segment-format.ts";

/** Numbers per run: firstSeqNum, object, offset, end, lastTimestampLow, lastTimestampHigh, meteredBytes, arrivedMs (0 in the log). */
const STRIDE = 8;

/** An object that holds records: a place of the log, or, below zero, a segment. */
export type RecordsObject = number;

export function segmentObject(segment: number): RecordsObject {
  return -1 - segment;
}

/** The number of a segment; undefined for a place of the log. */
export function segmentOf(object: RecordsObject): number | undefined {
  return object < 0 ? -1 - object : undefined;
}

/** Told of runs that nobody needs any more. */
export interface RunOwner {
  /** `isLast`: the stream has no other run in that object. */
  runForgotten(object: RecordsObject, bytes: number, isLast: boolean): void;
}

export class RunIndex {
  readonly #owner: RunOwner | undefined;
  #runs = new Float64Array(0);
  #start = 0;
  #count = 0;
  /** Runs from the first on that are hidden: trimmed, and still there for sessions that were open before. */
  #hidden = 0;
  #meteredBytes = 0;

  constructor(owner?: RunOwner) {
    this.#owner = owner;
  }

  /** Metered bytes of the runs that are not hidden. A run that is trimmed in part counts as a whole. */
  get meteredBytes(): number {
    return this.#meteredBytes;
  }

  get count(): number {
    return this.#count;
  }

  /** The first run that is not hidden; `count` when all are. */
  get firstKept(): number {
    return this.#hidden;
  }

  firstSeqNum(run: number): number {
    return this.#runs[(this.#start + run) * STRIDE];
  }
  object(run: number): RecordsObject {
    return this.#runs[(this.#start + run) * STRIDE + 1];
  }
  /** Where in the object the run's first entry begins. */
  offset(run: number): number {
    return this.#runs[(this.#start + run) * STRIDE + 2];
  }
  /** Where in the object the run's last entry ends. */
  end(run: number): number {
    return this.#runs[(this.#start + run) * STRIDE + 3];
  }
  /** The latest time at which any of the run can have come in; 0 for one in the log, whose clock knows. */
  arrivedMs(run: number): number {
    return this.#runs[(this.#start + run) * STRIDE + 7];
  }
  /** Whether the run's last timestamp is at or after the given one. */
  reaches(run: number, timestamp: bigint): boolean {
    const at = (this.#start + run) * STRIDE;
    return ((BigInt(this.#runs[at + 5]) << 32n) | BigInt(this.#runs[at + 4])) >= timestamp;
  }

  /** Adds a durable entry of records in the log. Entries come in the order of their sequence numbers. */
  add(
    firstSeqNum: number,
    place: number,
    offset: number,
    end: number,
    lastTimestampLow: number,
    lastTimestampHigh: number,
    meteredBytes: number,
  ): void {
    this.#meteredBytes += meteredBytes;
    const last = (this.#start + this.#count - 1) * STRIDE;
    if (this.#count > this.#hidden && this.#runs[last + 1] === place && end - this.#runs[last + 2] <= RUN_BYTES) {
      this.#runs[last + 3] = end;
      this.#runs[last + 4] = lastTimestampLow;
      this.#runs[last + 5] = lastTimestampHigh;
      this.#runs[last + 6] += meteredBytes;
      return;
    }
    this.#makeRoom();
    const at = (this.#start + this.#count) * STRIDE;
    this.#runs[at] = firstSeqNum;
    this.#runs[at + 1] = place;
    this.#runs[at + 2] = offset;
    this.#runs[at + 3] = end;
    this.#runs[at + 4] = lastTimestampLow;
    this.#runs[at + 5] = lastTimestampHigh;
    this.#runs[at + 6] = meteredBytes;
    this.#runs[at + 7] = 0;
    this.#count += 1;
  }

  /** Adds runs in the log behind all that is there. */
  addAll(other: RunIndex): void {
    this.#makeRoom(other.#count);
    const runs = other.#runs.subarray(other.#start * STRIDE, (other.#start + other.#count) * STRIDE);
    this.#runs.set(runs, (this.#start + this.#count) * STRIDE);
    this.#count += other.#count;
    this.#meteredBytes += other.#meteredBytes;
  }

  /** Adds runs of a segment behind all that is there. */
  addSegment(object: RecordsObject, runs: readonly SegmentRun[]): void {
    this.#makeRoom(runs.length);
    for (const run of runs) {
      this.#set(this.#count, object, run);
      this.#meteredBytes += run.meteredBytes;
      this.#count += 1;
    }
  }

  /**
   * Puts the runs of a segment in place of those in the log before `toPlace`, which hold the same records and perhaps some that were forgotten.
   * The runs in the log before `toPlace` follow those in segments and precede all others.
   */
  moveToSegment(
    toPlace: number,
    object: RecordsObject,
    segmentRuns: readonly SegmentRun[],
    hiddenBelow: number,
    forgottenBelow: number,
    nextSeqNum: number,
  ): void {
    const from = this.firstInLog(0);
    const to = this.firstInLog(toPlace);
    this.#replace(from, to, object, segmentRuns);
    this.trim(hiddenBelow, forgottenBelow, nextSeqNum);
  }

  /**
   * Puts the runs of a segment in place of those in the segments that it was merged from, which lie side by side here, and hold the same records and
   * perhaps some that were forgotten. Where nothing is left of them, all of it was forgotten.
   */
  moveToMerged(
    isMerged: (object: RecordsObject) => boolean,
    object: RecordsObject,
    segmentRuns: readonly SegmentRun[],
    hiddenBelow: number,
    forgottenBelow: number,
    nextSeqNum: number,
  ): void {
    const inLog = this.firstInLog(0);
    let from = 0;
    while (from < inLog && !isMerged(this.object(from))) from += 1;
    let to = from;
    while (to < inLog && isMerged(this.object(to))) to += 1;
    if (from === to) return;
    this.#replace(from, to, object, segmentRuns);
    this.trim(hiddenBelow, forgottenBelow, nextSeqNum);
  }

  /** Puts the runs of a segment in place of those from `from` to before `to`. Nothing is hidden then. */
  #replace(from: number, to: number, object: RecordsObject, segmentRuns: readonly SegmentRun[]): void {
    const kept = this.#runs.slice((this.#start + to) * STRIDE, (this.#start + this.#count) * STRIDE);
    this.#count = from;
    this.#makeRoom(segmentRuns.length + kept.length / STRIDE);
    for (const run of segmentRuns) this.#set(this.#count++, object, run);
    this.#runs.set(kept, (this.#start + this.#count) * STRIDE);
    this.#count += kept.length / STRIDE;
    this.#hidden = 0;
    this.#meteredBytes = 0;
    for (let run = 0; run < this.#count; run += 1) this.#meteredBytes += this.#runs[(this.#start + run) * STRIDE + 6];
  }

  #set(run: number, object: RecordsObject, from: SegmentRun): void {
    const at = (this.#start + run) * STRIDE;
    this.#runs[at] = from.firstSeqNum;
    this.#runs[at + 1] = object;
    this.#runs[at + 2] = from.offset;
    this.#runs[at + 3] = from.end;
    this.#runs[at + 4] = from.lastTimestampLow;
    this.#runs[at + 5] = from.lastTimestampHigh;
    this.#runs[at + 6] = from.meteredBytes;
    this.#runs[at + 7] = from.arrivedMs;
  }

  #makeRoom(runs = 1): void {
    const count = this.#count + runs;
    if ((this.#start + count) * STRIDE <= this.#runs.length) return;
    const fits = this.#start > this.#count && count * STRIDE <= this.#runs.length;
    const grown = fits ? this.#runs : new Float64Array(Math.max(2, this.#count + count) * STRIDE);
    grown.set(this.#runs.subarray(this.#start * STRIDE, (this.#start + this.#count) * STRIDE));
    this.#runs = grown;
    this.#start = 0;
  }

  hasRunsIn(object: RecordsObject): boolean {
    for (let run = 0; run < this.#count; run += 1) if (this.object(run) === object) return true;
    return false;
  }

  /** The last run that begins at or before `seqNum`; 0 when none does. */
  runOf(seqNum: number): number {
    let low = 0;
    let high = this.#count - 1;
    while (low < high) {
      const middle = (low + high + 1) >>> 1;
      if (this.firstSeqNum(middle) <= seqNum) low = middle;
      else high = middle - 1;
    }
    return low;
  }

  /** The first run in the log that stands at `place` or behind it; `count` when none does. */
  firstInLog(place: number): number {
    let low = 0;
    let high = this.#count;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.object(middle) >= place) high = middle;
      else low = middle + 1;
    }
    return low;
  }

  /** The first run whose last timestamp is at or after `timestamp`; `count` when none is. */
  runOfTimestamp(timestamp: bigint): number {
    let low = 0;
    let high = this.#count;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.reaches(middle, timestamp)) high = middle;
      else low = middle + 1;
    }
    return low;
  }

  /** Hides runs that lie wholly before `hiddenBelow`, and forgets those wholly before `forgottenBelow`, which is not above it.
   * The last run stays only if something of it does. */
  trim(hiddenBelow: number, forgottenBelow: number, nextSeqNum: number): void {
    while (this.#hidden < this.#count && this.#endOf(this.#hidden, nextSeqNum) <= hiddenBelow) {
      this.#meteredBytes -= this.#runs[(this.#start + this.#hidden) * STRIDE + 6];
      this.#hidden += 1;
    }
    while (this.#hidden > 0 && this.#endOf(0, nextSeqNum) <= forgottenBelow) {
      const object = this.object(0);
      const isLast = this.#count === 1 || this.object(1) !== object;
      this.#owner?.runForgotten(object, this.end(0) - this.offset(0), isLast);
      this.#start += 1;
      this.#count -= 1;
      this.#hidden -= 1;
    }
  }

  /** The sequence number after a run's last. */
  #endOf(run: number, nextSeqNum: number): number {
    return run + 1 < this.#count ? this.firstSeqNum(run + 1) : nextSeqNum;
  }
}

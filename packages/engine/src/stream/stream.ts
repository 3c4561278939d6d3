// A stream as its owner holds it: what has been assigned (possibly still in flight) and what is durable.
// Sequencing looks at the assigned side, readers only ever at the durable one.
import type { StreamCipher, StreamConfig } from "../config.ts";
import { EngineError } from "../errors.ts";
import type { Due } from "../retention/due-heap.ts";
import type { Chunk } from "../shard/chunk.ts";
import type { Position } from "../wire/index.ts";
import { type RecordsObject, RunIndex, type RunOwner, segmentOf } from "./run-index.ts";
import type { SharedBatch } from "./shared-batch.ts";

/** A place in the stream with its timestamp as words, changed in place: no object per append. */
export interface Tail {
  nextSeqNum: number;
  lastTimestampLow: number;
  lastTimestampHigh: number;
}

/** What of a stream is durable, besides its records. */
export interface DurableState extends Tail {
  fencingToken: string;
  config: StreamConfig;
  deletedAtMs: number | null;
}

export function tailPosition(tail: Tail): Position {
  return { seqNum: tail.nextSeqNum, timestamp: timestampOf(tail.lastTimestampLow, tail.lastTimestampHigh) };
}

export function timestampOf(low: number, high: number): bigint {
  return high < 0x200000 ? BigInt(high * 2 ** 32 + low) : (BigInt(high) << 32n) | BigInt(low);
}

/** Told of what is in segments and nobody needs any more. */
export interface DeadBytes {
  /** `isLast`: there is nothing else of the stream that anybody needs in that object. */
  runDied(object: RecordsObject, bytes: number, isLast: boolean): void;
}

export class Stream implements Due, RunOwner {
  /** The incarnation: random, of this stream alone, whatever its name was or will be used for. */
  readonly id: Uint8Array;
  /** Hexadecimal. */
  readonly basinId: string;
  readonly name: string;
  readonly createdAtMs: number;
  /** What its records are sealed with; null where they are in the clear. */
  readonly cipher: StreamCipher | null;
  /** Request token and fingerprint of its creation, as one string; empty where there was none. */
  readonly idempotencyKey: string;
  config: StreamConfig;
  deletedAtMs: number | null = null;

  readonly assigned: Tail = { nextSeqNum: 0, lastTimestampLow: 0, lastTimestampHigh: 0 };
  fencingToken = "";
  assignedTrimPoint = 0;

  readonly durable: DurableState;
  /** Sequence numbers below are hidden. */
  trimPoint = 0;
  /** The trim point before that one: sessions that were open then still get what stands from here on. */
  keptFrom = 0;
  readonly index = new RunIndex(this);
  /** The newest segment that tells of it, of those that its index is pointed at; -1 for none. */
  catalogSegment = -1;
  /** Where in the log the newest durable records stand; undefined when they are in a segment, or there are none. */
  lastWritePlace: number | undefined;
  /** The latest time at which the newest durable records can have come in, once they are in a segment; 0 when there are none. */
  lastWriteMs = 0;
  /** Told of its runs that are forgotten, once it is open. */
  deadBytes: DeadBytes | undefined;
  /** Metered bytes that its basin's sum has of it. */
  countedBytes = 0;
  /** Metered bytes of what was trimmed, or deleted with it, since anybody asked. */
  freedBytes = 0;
  /** Reads that are open, or being opened, and questions for the tail that wait. */
  readers = 0;
  /** Append sessions that are open, and appends that wait or are being sealed. */
  appenders = 0;
  /** Between which looks for dormant streams somebody last asked for it. */
  usedIn = 0;
  /** It has left memory: whoever still holds it must do nothing with it, for another may stand for the same stream by now. */
  forgotten = false;
  /** Whether its creation is durable. */
  born = false;
  /** Whether its deletion is durable. */
  gone = false;
  /** Whether its removal, or its basin's, is in the log, durable or not: nothing of it may follow there. */
  ended = false;
  /** Whether that is durable. */
  removed = false;
  /** The flush that will take along what has become of it; -1 for none. */
  inFlush = -1;

  /** The newest chunk with an entry of this stream, while it is not durable: answers that rest on assigned state wait for it. */
  lastChunk: Chunk | undefined;
  /** When time alone will do something to it, while it is in the retention's heap. */
  dueMs = 0;
  heapIndex = -1;
  /** Sessions that follow it, waiting or not. */
  followingSessions = 0;
  /** What one of them asked for last, while there are several. */
  sharedBatch: SharedBatch | undefined;
  /** Readers at the tail, waiting to be woken. Absent at rest. */
  #followers: Set<() => void> | undefined;

  constructor(
    id: Uint8Array,
    basinId: string,
    name: string,
    createdAtMs: number,
    config: StreamConfig,
    cipher: StreamCipher | null,
    idempotencyKey: string,
  ) {
    this.id = id;
    this.basinId = basinId;
    this.name = name;
    this.createdAtMs = createdAtMs;
    this.config = config;
    this.durable = {
      nextSeqNum: 0,
      lastTimestampLow: 0,
      lastTimestampHigh: 0,
      fencingToken: "",
      config,
      deletedAtMs: null,
    };
    this.cipher = cipher;
    this.idempotencyKey = idempotencyKey;
  }

  /** Calls `wake` when something durable changes, until `unfollow`. */
  follow(wake: () => void): void {
    this.#followers ??= new Set();
    this.#followers.add(wake);
  }

  unfollow(wake: () => void): void {
    this.#followers?.delete(wake);
    if (this.#followers?.size === 0) this.#followers = undefined;
  }

  wakeFollowers(): void {
    if (this.#followers === undefined) return;
    for (const wake of this.#followers) wake();
  }

  runForgotten(object: RecordsObject, bytes: number, isLast: boolean): void {
    this.deadBytes?.runDied(object, bytes, isLast && segmentOf(object) !== this.catalogSegment);
  }

  /** It is removed: none of its records is needed any more. */
  allDied(): void {
    const { index } = this;
    for (let run = 0; run < index.count; run += 1) {
      const object = index.object(run);
      const isLast = run + 1 === index.count || index.object(run + 1) !== object;
      this.runForgotten(object, index.end(run) - index.offset(run), isLast);
    }
  }

  /** Nobody reads what was trimmed any more: forgets it, if that is so. */
  forgetTrimmed(): void {
    if (this.readers > 0 || this.keptFrom === this.trimPoint) return;
    this.keptFrom = this.trimPoint;
    this.index.trim(this.trimPoint, this.keptFrom, this.durable.nextSeqNum);
  }

  /** Makes a trim point durable; it never moves back. */
  applyTrim(seqNum: number): void {
    if (seqNum <= this.trimPoint) return;
    this.keptFrom = this.trimPoint;
    this.trimPoint = seqNum;
    const { meteredBytes } = this.index;
    this.index.trim(seqNum, this.keptFrom, this.durable.nextSeqNum);
    this.freedBytes += meteredBytes - this.index.meteredBytes;
  }
}

/** Throws when a stream has left memory: whoever held it must ask for it again. Errors: EngineError. */
export function assertInMemory(stream: Stream): void {
  if (!stream.forgotten) return;
  throw new EngineError("unavailable", "the stream was not used for long, and has to be asked for again");
}

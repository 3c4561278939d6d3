// One reader of one incarnation of a stream: from history to the tail and along with it, by the API's rules of reads.
// Pulls; holds no records between calls. Sees only what is durable, and says what is *not* there only under the lease.
import type { ReadEvent, ReadOptions, StreamReader } from "../engine-api.ts";
import { EngineError, UnwrittenError } from "../errors.ts";
import type { History } from "../history/history.ts";
import { ReadAhead } from "../history/read-ahead.ts";
import { HEARTBEAT_MAX_MS, HEARTBEAT_MIN_MS, OPERATION_MS, STORE_DEADLINE_MS } from "../limits.ts";
import type { Runtime, TimerHandle } from "../runtime/index.ts";
import type { UsageMeter } from "../usage/usage-meter.ts";
import { type Gathered, type GatherLimits, gather } from "./gather.ts";
import { ReadBounds } from "./read-bounds.ts";
import { seekTimestamp } from "./seek.ts";
import { SharedBatch } from "./shared-batch.ts";
import { type Stream, tailPosition } from "./stream.ts";

/** A unary read of this many records is taken for one of a row; of fewer, for a look at one place. */
const SEQUENTIAL_RECORDS = 100;

/** What a reader needs of the shard that owns its stream. */
export interface ReaderHost {
  readonly runtime: Runtime;
  readonly history: History;
  readonly usage: UsageMeter;
  /** Whether the right to answer is held now. */
  readonly holdsLease: boolean;
  /** Undefined: the right to answer is held now. Errors: EngineError. */
  ensureLease(): Promise<void> | undefined;
  /** Throws when the shard has stopped. */
  assertAlive(): void;
  /** Told when the reader is closed. */
  closed(reader: Reader): void;
}

export class Reader implements StreamReader {
  readonly #host: ReaderHost;
  readonly #stream: Stream;
  readonly #bounds: ReadBounds;
  readonly #ahead: ReadAhead | undefined;
  #nextSeqNum: number;
  /** The stream's when the read began: what is trimmed later was there for it. */
  readonly #trimPoint: number;
  #nextOperationMs = Number.NEGATIVE_INFINITY;
  #following = false;
  #closed = false;
  #ended = false;
  #heartbeatAtMs = Number.POSITIVE_INFINITY;
  #waitUntilMs: number | undefined;
  /** When a deletion in flight must be durable. */
  #deletedByMs: number | undefined;
  #wake: (() => void) | undefined;

  private constructor(host: ReaderHost, stream: Stream, bounds: ReadBounds, nextSeqNum: number) {
    this.#host = host;
    this.#stream = stream;
    this.#bounds = bounds;
    this.#nextSeqNum = nextSeqNum;
    const sequential = bounds.mode === "session" || bounds.batchCount >= SEQUENTIAL_RECORDS;
    this.#ahead = sequential ? new ReadAhead() : undefined;
    this.#trimPoint = stream.trimPoint;
  }

  get stream(): Stream {
    return this.#stream;
  }

  /** Resolves the start of a read. Errors: UnwrittenError, EngineError. */
  static async open(host: ReaderHost, stream: Stream, options: ReadOptions): Promise<Reader> {
    const bounds = new ReadBounds(options);
    const from = bounds.exhausted ? 0 : await resolveStart(host, stream, options, bounds);
    await host.ensureLease();
    if (options.mode === "unary") host.usage.readOperation(stream, "unary");
    return new Reader(host, stream, bounds, from);
  }

  async next(mostBytes = Number.POSITIVE_INFINITY): Promise<ReadEvent> {
    try {
      for (;;) {
        const event = await this.#step(mostBytes);
        if (event !== undefined) {
          if (event.kind === "end" || this.#bounds.mode === "unary") this.close();
          return event;
        }
      }
    } catch (error) {
      this.close();
      throw error;
    }
  }

  /** One step; undefined when it only waited. */
  async #step(mostBytes: number): Promise<ReadEvent | undefined> {
    const stream = this.#stream;
    if (this.#closed || this.#ended) return { kind: "end", tail: null };
    this.#host.assertAlive();
    if (stream.gone) throw goneError();
    if (stream.deletedAtMs !== null) {
      await this.#untilDeleted();
      return undefined;
    }
    if (this.#bounds.exhausted) return { kind: "end", tail: null };
    const kept = Math.max(this.#trimPoint, stream.keptFrom);
    if (this.#nextSeqNum < kept) this.#nextSeqNum = Math.min(kept, stream.durable.nextSeqNum);
    if (this.#nextSeqNum < stream.durable.nextSeqNum) return this.#deliver(mostBytes);
    return this.#atTail();
  }

  /** A deletion still in flight is no answer yet: its durability wakes this reader. */
  async #untilDeleted(): Promise<void> {
    const nowMs = this.#host.runtime.clock.monotonicMs();
    this.#deletedByMs ??= nowMs + STORE_DEADLINE_MS;
    if (nowMs >= this.#deletedByMs)
      throw new EngineError("unavailable", "the object store did not take the stream's deletion in time");
    await this.#sleep(this.#deletedByMs - nowMs);
  }

  async #deliver(mostBytes: number): Promise<ReadEvent | undefined> {
    const stream = this.#stream;
    const bounds = this.#bounds;
    const limits = {
      count: bounds.batchCount,
      meteredBytes: bounds.batchBytes,
      until: bounds.until,
      ahead: this.#ahead,
    };
    const cut = mostBytes < limits.meteredBytes;
    let batch = await this.#gather(cut ? { ...limits, meteredBytes: mostBytes } : limits);
    // Larger than the cut, the next record goes alone.
    if (cut && batch.count === 0 && batch.withheld)
      batch = await gather(stream, this.#host.history, this.#nextSeqNum, { ...limits, count: 1 });
    if (bounds.mode === "unary") {
      // A short answer would say that nothing follows: what is there now is looked for anew.
      if (batch.torn) return undefined;
      await this.#host.ensureLease();
    }
    if (batch.count === 0) {
      if (!batch.withheld) return undefined;
      this.#ended = true;
      return { kind: "end", tail: null };
    }
    this.#nextSeqNum = batch.nextSeqNum;
    this.#countDelivered(batch.meteredBytes);
    bounds.took(batch.count, batch.meteredBytes);
    this.#waitUntilMs = undefined;
    this.#heartbeatAtMs = Number.POSITIVE_INFINITY;
    return {
      kind: "batch",
      slices: batch.slices,
      count: batch.count,
      meteredBytes: batch.meteredBytes,
      lastSeqNum: batch.nextSeqNum - 1,
      // Records speak for themselves; that nothing follows them is an answer of its own, and not worth waiting for. And one that stands
      // behind a trim would say that nothing trimmed is to come.
      tail:
        this.#following && this.#nextSeqNum >= stream.trimPoint && this.#host.holdsLease
          ? tailPosition(stream.durable)
          : null,
    };
  }

  /** Who follows may be given what another follower was; a unary answer must have all that is there, since a short one is taken for the end. */
  #gather(limits: GatherLimits): Promise<Gathered> {
    const stream = this.#stream;
    const fromSeqNum = this.#nextSeqNum;
    const isOneOfMany = this.#following && this.#bounds.mode === "session" && stream.followingSessions > 1;
    const known = isOneOfMany ? stream.sharedBatch?.find(fromSeqNum, limits) : undefined;
    if (known !== undefined) return known;
    const batch = gather(stream, this.#host.history, fromSeqNum, limits);
    if (isOneOfMany) {
      const shared = new SharedBatch(batch, fromSeqNum, limits);
      stream.sharedBatch = shared;
      // What failed for one is not what the next is told: the store may answer by then.
      batch.catch(() => {
        if (stream.sharedBatch === shared) stream.sharedBatch = undefined;
      });
    }
    return batch;
  }

  async #atTail(): Promise<ReadEvent | undefined> {
    const stream = this.#stream;
    const { clock, random } = this.#host.runtime;
    if (!this.#bounds.mayFollow) return this.#tailEvent("end");
    const nowMs = clock.monotonicMs();
    if (this.#bounds.waitMs !== undefined) {
      this.#waitUntilMs ??= nowMs + this.#bounds.waitMs;
      if (nowMs >= this.#waitUntilMs) return this.#tailEvent("end");
    }
    // Who waits at the tail follows it, be it for one batch.
    if (this.#bounds.mode === "unary") this.#following = true;
    else {
      const due = !this.#following || nowMs >= this.#heartbeatAtMs;
      if (due) {
        this.#beginToFollow();
        this.#heartbeatAtMs = nowMs + HEARTBEAT_MIN_MS + random.fraction() * (HEARTBEAT_MAX_MS - HEARTBEAT_MIN_MS);
        return this.#tailEvent("heartbeat");
      }
      if (this.#heartbeatAtMs === Number.POSITIVE_INFINITY) {
        this.#heartbeatAtMs = nowMs + HEARTBEAT_MIN_MS + random.fraction() * (HEARTBEAT_MAX_MS - HEARTBEAT_MIN_MS);
      }
    }
    const untilMs = Math.min(this.#heartbeatAtMs, this.#waitUntilMs ?? Number.POSITIVE_INFINITY);
    if (stream.durable.nextSeqNum <= this.#nextSeqNum)
      await this.#sleep(untilMs === Number.POSITIVE_INFINITY ? undefined : untilMs - nowMs);
    return undefined;
  }

  #beginToFollow(): void {
    if (this.#following) return;
    this.#following = true;
    this.#stream.followingSessions += 1;
  }

  #endToFollow(): void {
    const stream = this.#stream;
    if (!this.#following || this.#bounds.mode === "unary") return;
    stream.followingSessions -= 1;
    if (stream.followingSessions <= 1) stream.sharedBatch = undefined;
  }

  /** A session counts as one operation for each minute in which it delivers. */
  #countDelivered(meteredBytes: number): void {
    const { runtime, usage } = this.#host;
    usage.delivered(this.#stream, meteredBytes);
    if (this.#bounds.mode === "unary") return;
    const nowMs = runtime.clock.monotonicMs();
    if (nowMs < this.#nextOperationMs) return;
    this.#nextOperationMs = nowMs + OPERATION_MS;
    usage.readOperation(this.#stream, "streaming");
  }

  /** "Nothing more is there" is an answer that needs the lease; if something came meanwhile, it is not the answer. */
  async #tailEvent(kind: "heartbeat" | "end"): Promise<ReadEvent | undefined> {
    const stream = this.#stream;
    const tail = tailPosition(stream.durable);
    await this.#host.ensureLease();
    if (this.#closed) return { kind: "end", tail: null };
    if (stream.gone || (kind === "end" && this.#nextSeqNum < stream.durable.nextSeqNum)) {
      this.#host.runtime.branches.reached("tail-moved-while-renewing");
      return undefined;
    }
    return { kind, tail };
  }

  /** Until something durable happens to the stream, the reader is closed, or `delayMs` have passed. */
  async #sleep(delayMs: number | undefined): Promise<void> {
    let timer: TimerHandle | undefined;
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
      this.#stream.follow(resolve);
      if (delayMs !== undefined) timer = this.#host.runtime.timers.set(Math.max(0, delayMs), resolve);
    });
    if (timer !== undefined) this.#host.runtime.timers.clear(timer);
    if (this.#wake !== undefined) this.#stream.unfollow(this.#wake);
    this.#wake = undefined;
  }

  /** Lets a waiting reader look around: it was closed, or the shard has stopped. */
  wake(): void {
    this.#wake?.();
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#endToFollow();
    this.wake();
    this.#host.closed(this);
  }
}

function goneError(): EngineError {
  return new EngineError("stream_deletion_pending", "the stream is being deleted");
}

async function resolveStart(
  host: ReaderHost,
  stream: Stream,
  options: ReadOptions,
  bounds: ReadBounds,
): Promise<number> {
  let tail = tailPosition(stream.durable);
  const unwritten = async (): Promise<never> => {
    await host.ensureLease();
    if (stream.gone) throw goneError();
    throw new UnwrittenError(tail);
  };
  const { start } = options;
  let seqNum: number;
  if (start.kind === "timestamp") {
    if (start.timestamp <= tail.timestamp) {
      let found = await seekTimestamp(stream, host.history, start.timestamp);
      while (found === undefined && tail.seqNum !== stream.durable.nextSeqNum) {
        // Something came while it was looked for.
        tail = tailPosition(stream.durable);
        found = await seekTimestamp(stream, host.history, start.timestamp);
      }
      if (found !== undefined) return found;
    } else if (!options.clamp) return unwritten();
    seqNum = tail.seqNum;
  } else {
    seqNum = start.kind === "seq_num" ? start.seqNum : Math.max(0, tail.seqNum - start.offset);
    if (seqNum > tail.seqNum) {
      if (!options.clamp) return unwritten();
      seqNum = tail.seqNum;
    }
  }
  if (seqNum === tail.seqNum && !bounds.mayStartAtTail) return unwritten();
  return seqNum;
}

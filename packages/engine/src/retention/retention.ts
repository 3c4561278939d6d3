// Ageing in the background: trims what has outlived its stream's retention and deletes streams that stay empty, whether anybody reads or not.
// Holds one timer, for the stream that falls due first, and none when no stream does. What it decides becomes durable in the log like a
// trim command's effect or a deletion, so that whoever replays the log need not know of it.
import { EngineError } from "../errors.ts";
import type { EngineLogger } from "../logger.ts";
import type { Runtime, TimerHandle } from "../runtime/index.ts";
import type { LogClock } from "../shard/log-clock.ts";
import type { Stream } from "../stream/stream.ts";
import { ageingOf, ages } from "./ageing.ts";
import { DueHeap } from "./due-heap.ts";

/** Streams that are looked at before what follows from them must be durable. */
const STREAMS_PER_TURN = 1_000;
/** The pause after the store has refused. */
const RETRY_MS = 5_000;

export interface RetentionHost {
  readonly runtime: Runtime;
  readonly logger: EngineLogger;
  readonly clock: LogClock;
  /** Sequences a trim. Errors (thrown): EngineError. */
  trim(stream: Stream, seqNum: number): void;
  /** Sequences the deletion of a stream that has stayed empty. Errors (thrown): EngineError. */
  deleteSpent(stream: Stream): void;
  /** Resolves once all that was sequenced is durable. Errors: EngineError. */
  whenAllDurable(): Promise<void>;
  /** When the first of the streams falls due that are not in memory. */
  coldDueMs(): number;
  /** Takes streams into memory that fall due by a time; false when there are none. Errors: EngineError. */
  openDue(nowMs: number): Promise<boolean>;
}

export class Retention {
  readonly #host: RetentionHost;
  readonly #heap = new DueHeap<Stream>();
  #timer: TimerHandle | undefined;
  #timerAtMs = Number.POSITIVE_INFINITY;
  #busy = false;
  #stopped = false;
  #looksInSegments = false;

  constructor(host: RetentionHost) {
    this.#host = host;
  }

  /** Looks when a stream falls due: it is new, its config has changed, it was trimmed or written to. */
  watch(stream: Stream): void {
    if (this.#stopped) return;
    if (stream.deletedAtMs !== null || !ages(stream.config)) {
      this.forget(stream);
      return;
    }
    const nowMs = this.#host.runtime.clock.wallMs();
    const { dueMs, trimTo, isSpent } = ageingOf(stream, this.#host.clock, nowMs);
    this.#schedule(stream, trimTo !== undefined || isSpent ? nowMs : dueMs);
    this.#arm();
  }

  /** Whether a write to this stream may change when it falls due. Cheap: asked at every append. */
  mustWatch(stream: Stream): boolean {
    return stream.heapIndex < 0 && ages(stream.config);
  }

  forget(stream: Stream): void {
    this.#heap.delete(stream);
    this.#arm();
  }

  /** From now on also those are seen to that are not in memory. */
  beginCold(): void {
    this.#looksInSegments = true;
    this.#arm();
  }

  /** Others may fall due that are not in memory. */
  coldChanged(): void {
    this.#arm();
  }

  get #dueMs(): number {
    const dueMs = this.#heap.first?.dueMs ?? Number.POSITIVE_INFINITY;
    return this.#looksInSegments && !this.#stopped ? Math.min(dueMs, this.#host.coldDueMs()) : dueMs;
  }

  stop(): void {
    this.#stopped = true;
    this.#heap.clear();
    this.#arm();
  }

  #schedule(stream: Stream, dueMs: number): void {
    if (dueMs === Number.POSITIVE_INFINITY) this.#heap.delete(stream);
    else this.#heap.set(stream, dueMs);
  }

  #arm(): void {
    if (this.#busy) return;
    const dueMs = this.#dueMs;
    if (dueMs === Number.POSITIVE_INFINITY) this.#disarm();
    else if (dueMs < this.#timerAtMs) this.#wakeAt(dueMs);
  }

  #disarm(): void {
    if (this.#timer !== undefined) this.#host.runtime.timers.clear(this.#timer);
    this.#timer = undefined;
    this.#timerAtMs = Number.POSITIVE_INFINITY;
  }

  /** A timer may fall due before the wall clock says so; then nothing is due, and it is set again. */
  #wakeAt(atMs: number): void {
    this.#disarm();
    const { clock, timers } = this.#host.runtime;
    this.#timerAtMs = atMs;
    this.#timer = timers.set(Math.max(0, atMs - clock.wallMs()), () => {
      this.#disarm();
      void this.#work();
    });
  }

  async #work(): Promise<void> {
    const { runtime, logger, whenAllDurable, openDue } = this.#host;
    this.#busy = true;
    let retry = false;
    try {
      do while (!this.#stopped && this.#turn()) await whenAllDurable();
      while (!this.#stopped && this.#looksInSegments && (await openDue(runtime.clock.wallMs())));
    } catch (error) {
      if (!(error instanceof EngineError)) throw error;
      runtime.branches.reached("retention-retried");
      logger.warn({ error: error.message }, "retention waits for the store");
      retry = true;
    } finally {
      this.#busy = false;
    }
    if (this.#stopped) return;
    if (retry) this.#wakeAt(runtime.clock.wallMs() + RETRY_MS);
    else this.#arm();
  }

  /** Sees to what is due; true when more is. */
  #turn(): boolean {
    const { runtime, clock, trim, deleteSpent } = this.#host;
    const nowMs = runtime.clock.wallMs();
    for (let seen = 0; seen < STREAMS_PER_TURN; seen += 1) {
      const stream = this.#heap.first;
      if (stream === undefined || stream.dueMs > nowMs) return false;
      const { trimTo, isSpent, dueMs } = ageingOf(stream, clock, nowMs);
      if (trimTo !== undefined) trim(stream, trimTo);
      if (isSpent) deleteSpent(stream);
      this.#schedule(stream, isSpent ? Number.POSITIVE_INFINITY : dueMs);
    }
    return true;
  }
}

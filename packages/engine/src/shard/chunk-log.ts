// The owner's end of a shard's log: the open chunk, the chunks in flight, their order and their places.
// Acknowledges a chunk only when it and all before it are in their places. Never skips, refills or reuses a place,
// and never goes on once another owner's object stands where its own should be.
import { EngineError } from "../errors.ts";
import {
  APPEND_DEADLINE_MS,
  MAX_CHUNK_BYTES,
  MAX_CONCURRENT_PUTS,
  MAX_CONCURRENT_SMALL_PUTS,
  RETRY_FIRST_MS,
  RETRY_MAX_MS,
  SMALL_CHUNK_BYTES,
  STORE_DEADLINE_MS,
} from "../limits.ts";
import type { EngineLogger } from "../logger.ts";
import { type ObjectStore, ObjectStoreError } from "../object-store/index.ts";
import type { Runtime, TimerHandle } from "../runtime/index.ts";
import { Chunk } from "./chunk.ts";
import { decodeLogObjectHeader, encodeLogObjectHeader, type LogObjectKind } from "./chunk-format.ts";
import { CorruptObjectError } from "./corrupt.ts";
import { DeposedError } from "./deposed.ts";
import { decideFlush } from "./flush-decision.ts";
import { walKey } from "./keys.ts";
import { instant, Lease } from "./lease.ts";
import { SlabAllocator } from "./slab.ts";
import { pause, withDeadline } from "./waiting.ts";

export interface ChunkLogOptions {
  readonly runtime: Runtime;
  readonly store: ObjectStore;
  readonly logger: EngineLogger;
  readonly shard: number;
  readonly epoch: number;
  readonly incarnation: Uint8Array;
  /** The first place that this owner may fill. */
  readonly nextPlace: number;
  readonly window: number;
  readonly leaseMs: number;
  /** A chunk is about to be bound to its bytes: the last that may be laid into it. */
  readonly onSeal: (chunk: Chunk) => void;
  /** A chunk has become durable; called before its effects. */
  readonly onDurable: (chunk: Chunk) => void;
  /** Its effects, too: all that stands before the next place has taken effect, and nothing behind it. */
  readonly onSettled: (chunk: Chunk) => void;
  /** No chunk may be put now: `resume` is called when one may. */
  readonly mustWait: () => boolean;
  /** The log cannot go on: a DeposedError, a CorruptObjectError, or a broken invariant. Called once. */
  readonly onHalt: (error: Error) => void;
}

export class ChunkLog {
  readonly slabs = new SlabAllocator();
  readonly #options: ChunkLogOptions;
  readonly #lease: Lease;
  #open: Chunk;
  /** Full, and waiting for a slot. */
  readonly #full: Chunk[] = [];
  /** Put and not yet acknowledged, by place. */
  readonly #inFlight: Chunk[] = [];
  #putsUnderWay = 0;
  #decisionPending = false;
  #flushTimer: TimerHandle | undefined;
  #flushTimerAtMs = Number.POSITIVE_INFINITY;
  #deadlineTimer: TimerHandle | undefined;
  #refusing = false;
  /** What comes now is refused; what is in the log already is brought to its end. */
  #draining = false;
  #released = false;
  #halted: Error | undefined;
  #renewal: Promise<void> | undefined;
  chunksPut = 0;
  chunkBytesPut = 0;

  constructor(options: ChunkLogOptions) {
    this.#options = options;
    this.#lease = new Lease(options.runtime.clock, options.leaseMs, options.store.exclusive);
    this.#open = new Chunk(options.nextPlace);
  }

  /** The chunk that entries are laid into now. After laying them, call `gathered`. */
  get open(): Chunk {
    return this.#open;
  }

  /** Throws when nothing new may be sequenced: the log has stopped, or the store does not take what it already has. */
  assertAccepting(): void {
    if (this.#halted !== undefined) throw stopped(this.#halted);
    if (this.#draining) throw draining();
    if (this.#refusing) {
      this.#options.runtime.branches.reached("append-refused-while-store-is-away");
      throw new EngineError("unavailable", "the object store does not accept writes at the moment");
    }
  }

  /** Says that entries were laid into the open chunk which may wait `lingerMs` for company. */
  gathered(lingerMs: number): void {
    const nowMs = this.#options.runtime.clock.monotonicMs();
    const chunk = this.#open;
    chunk.deadlineMs = Math.min(chunk.deadlineMs, nowMs + lingerMs);
    this.#startWaiting(chunk);
    if (chunk.contentBytes < MAX_CHUNK_BYTES) this.#decideSoon();
    else {
      this.#full.push(chunk);
      this.#open = new Chunk(chunk.place + 1);
      this.#decide();
    }
  }

  /** Chunks may be put again. */
  resume(): void {
    this.#decide();
  }

  /** Resolves once everything sequenced so far is durable. */
  whenAllDurable(): Promise<void> {
    if (this.#halted !== undefined) return Promise.reject(stopped(this.#halted));
    if (this.#open.entryCount > 0) return this.whenDurable(this.#open);
    const last = this.#full.at(-1) ?? this.#inFlight.at(-1);
    return last === undefined ? Promise.resolve() : this.whenDurable(last);
  }

  /** Resolves once `chunk` and all before it are durable; rejects at the deadline, or when the log stops. */
  whenDurable(chunk: Chunk): Promise<void> {
    if (chunk.state === "durable") return Promise.resolve();
    if (this.#halted !== undefined) return Promise.reject(stopped(this.#halted));
    this.#startWaiting(chunk);
    return chunk.whenDurable();
  }

  #startWaiting(chunk: Chunk): void {
    const nowMs = this.#options.runtime.clock.monotonicMs();
    if (chunk.waitingSinceMs > nowMs) chunk.waitingSinceMs = nowMs;
    if (this.#deadlineTimer === undefined) this.#armDeadline();
  }

  /** What was gathered in this turn of the event loop goes out together. */
  #decideSoon(): void {
    if (this.#decisionPending) return;
    this.#decisionPending = true;
    this.#options.runtime.timers.immediate(() => {
      this.#decisionPending = false;
      this.#decide();
    });
  }

  #decide(): void {
    for (;;) {
      if (this.#halted !== undefined) return;
      const chunk = this.#full[0] ?? this.#open;
      const firstUnacknowledged = this.#inFlight[0]?.place ?? chunk.place;
      const inWindow = firstUnacknowledged + this.#options.window - chunk.place;
      const nowMs = this.#options.runtime.clock.monotonicMs();
      const decision = decideFlush({
        putsUnderWay: this.#putsUnderWay,
        freeSlots: Math.min(MAX_CONCURRENT_PUTS - this.#putsUnderWay, inWindow),
        gatheredBytes: chunk.contentBytes,
        deadlineMs: chunk.deadlineMs,
        nowMs,
        fullBytes: MAX_CHUNK_BYTES,
        smallBytes: SMALL_CHUNK_BYTES,
        maxSmallPuts: MAX_CONCURRENT_SMALL_PUTS,
      });
      if (decision.kind === "wait") return;
      if (this.#options.mustWait()) {
        this.#options.runtime.branches.reached("chunks-waited-for-flush");
        return;
      }
      if (decision.kind === "wait-until") {
        this.#armFlush(decision.atMs, nowMs);
        return;
      }
      this.#options.onSeal(chunk);
      if (chunk === this.#open) this.#open = new Chunk(chunk.place + 1);
      else this.#full.shift();
      this.#inFlight.push(chunk);
      chunk.state = "in-flight";
      void this.#put(chunk);
    }
  }

  #armFlush(atMs: number, nowMs: number): void {
    if (this.#flushTimerAtMs <= atMs) return;
    if (this.#flushTimer !== undefined) this.#options.runtime.timers.clear(this.#flushTimer);
    this.#flushTimerAtMs = atMs;
    this.#flushTimer = this.#options.runtime.timers.set(atMs - nowMs, () => {
      this.#flushTimer = undefined;
      this.#flushTimerAtMs = Number.POSITIVE_INFINITY;
      this.#decide();
    });
  }

  /** Puts a chunk until it is in its place. */
  async #put(chunk: Chunk): Promise<void> {
    this.#putsUnderWay += 1;
    try {
      await this.#putUntilStored(chunk, "chunk");
      this.#putsUnderWay -= 1;
      if (this.#halted !== undefined) return;
      chunk.state = "stored";
      this.chunksPut += 1;
      this.chunkBytesPut += chunk.objectBytes;
      this.#acknowledge();
      this.#decide();
    } catch (error) {
      this.halt(error instanceof Error ? error : new Error(String(error)));
    }
  }

  /** Puts an object until it is in its place. The bytes never change, whatever the answers are. */
  async #putUntilStored(chunk: Chunk, kind: LogObjectKind): Promise<void> {
    const { runtime, store, shard, epoch, incarnation, logger } = this.#options;
    const key = walKey(shard, chunk.place);
    const header = encodeLogObjectHeader({
      kind,
      place: chunk.place,
      epoch,
      incarnation,
      nextPlace: chunk.place + 1,
      entryCount: chunk.entryCount,
      contentBytes: chunk.contentBytes,
      contentCrc: chunk.contentCrc,
    });
    const parts: Uint8Array[] = [header];
    for (const part of chunk.parts) parts.push(part.slab.subarray(part.start, part.end));
    chunk.firstAttempt = instant(runtime.clock);
    for (let retryMs = RETRY_FIRST_MS; this.#halted === undefined; retryMs = Math.min(2 * retryMs, RETRY_MAX_MS)) {
      try {
        await store.putIfAbsent(key, parts);
        return;
      } catch (error) {
        if (!(error instanceof ObjectStoreError)) throw error;
        if (error.kind === "exists" && (await this.#isOwn(key, chunk.place, header))) {
          runtime.branches.reached("put-exists-own");
          return;
        }
        if (this.#halted !== undefined) return;
        if (error.kind !== "exists")
          logger.warn({ key, kind: error.kind, error: error.message }, "a put failed and will be tried again");
      }
      runtime.branches.reached("put-retried");
      await pause(runtime, retryMs);
    }
  }

  /** Whose object stands in a place: true when it is ours, false when it could not be read yet. Throws DeposedError when it is another's,
   * and an Error when it is ours and not the one with `header`, which stands for all of its bytes. */
  async #isOwn(key: string, place: number, header: Uint8Array | undefined): Promise<boolean> {
    let bytes: Uint8Array;
    try {
      bytes = await this.#options.store.get(key);
    } catch (error) {
      if (!(error instanceof ObjectStoreError)) throw error;
      this.#options.runtime.branches.reached("put-exists-unread");
      return false;
    }
    this.#assertOwn(key, place, bytes, header);
    return true;
  }

  /** Throws a DeposedError when what was found in a place is another's, and an Error when it is ours and not the one with `header`. */
  #assertOwn(key: string, place: number, bytes: Uint8Array, header: Uint8Array | undefined): void {
    const found = decodeLogObjectHeader(key, place, bytes);
    if (Buffer.compare(found.incarnation, this.#options.incarnation) === 0) {
      if (header !== undefined && Buffer.compare(bytes.subarray(0, header.length), header) !== 0)
        throw new Error(`place ${place} holds other bytes of ours than were meant for it`);
      return;
    }
    this.#options.runtime.branches.reached("put-exists-foreign");
    throw new DeposedError({
      shard: this.#options.shard,
      found: { kind: "place", number: place },
      epoch: found.epoch,
      incarnation: Buffer.from(found.incarnation).toString("hex"),
    });
  }

  /** Acknowledges, in order, what is stored with nothing missing before it. */
  #acknowledge(): void {
    for (let first = this.#inFlight[0]; first?.state === "stored"; first = this.#inFlight[0]) {
      this.#inFlight.shift();
      this.#refusing = false;
      if (first.firstAttempt !== undefined) this.#lease.earn(first.firstAttempt);
      try {
        this.#options.onDurable(first);
        first.settle();
        this.#options.onSettled(first);
      } catch (error) {
        // A broken invariant, with which the log stops. Who waits for this chunk is told of that like all others.
        first.fail(stopped(error));
        throw error;
      }
    }
  }

  #armDeadline(): void {
    const oldest = this.#oldestWaitMs();
    if (oldest === Number.POSITIVE_INFINITY || this.#halted !== undefined) return;
    const { clock, timers } = this.#options.runtime;
    this.#deadlineTimer = timers.set(Math.max(1, oldest + APPEND_DEADLINE_MS - clock.monotonicMs()), () => {
      this.#deadlineTimer = undefined;
      this.#failLate();
      this.#armDeadline();
    });
  }

  /** In the order of their places. */
  #unacknowledged(): readonly Chunk[] {
    return [...this.#inFlight, ...this.#full, this.#open];
  }

  #oldestWaitMs(): number {
    let oldest = Number.POSITIVE_INFINITY;
    for (const chunk of this.#unacknowledged()) oldest = Math.min(oldest, chunk.waitingSinceMs);
    return oldest;
  }

  /** Those who have waited too long are told that the outcome is unknown, and new appends are refused until a put gets through. */
  #failLate(): void {
    const nowMs = this.#options.runtime.clock.monotonicMs();
    for (const chunk of this.#unacknowledged()) {
      if (nowMs - chunk.waitingSinceMs < APPEND_DEADLINE_MS) continue;
      this.#refusing = true;
      this.#options.runtime.branches.reached("append-late");
      chunk.fail(
        new EngineError("unavailable", "the object store did not take the write in time: its outcome is unknown"),
      );
    }
  }

  /** True when an answer may be given right now without asking the store. */
  get holdsLease(): boolean {
    return this.#halted === undefined && this.#lease.held;
  }

  /** Resolves when this owner has the right to answer. Under load it has; at rest this costs one get. */
  ensureLease(): Promise<void> | undefined {
    if (this.#halted === undefined && this.#lease.held) return undefined;
    this.#renewal ??= this.#renew().finally(() => {
      this.#renewal = undefined;
    });
    return this.#renewal;
  }

  async #renew(): Promise<void> {
    const { runtime } = this.#options;
    const lateAtMs = runtime.clock.monotonicMs() + STORE_DEADLINE_MS;
    const late = () =>
      new EngineError("unavailable", "the object store does not answer, so nobody can say who owns this shard");
    for (let retryMs = RETRY_FIRST_MS; ; ) {
      // Also with a lease in hand: a log that has stopped answers nothing.
      if (this.#halted !== undefined) throw stopped(this.#halted);
      if (this.#released) throw draining();
      if (this.#lease.held) return;
      const leftMs = lateAtMs - runtime.clock.monotonicMs();
      if (leftMs <= 0) {
        runtime.branches.reached("lease-store-silent");
        throw late();
      }
      const ahead = this.#inFlight[0];
      if (ahead !== undefined) {
        runtime.branches.reached("lease-waits-for-put");
        // A put was attempted in the next place: only its own acknowledgement can prove anything now.
        await withDeadline(runtime, this.whenDurable(ahead), leftMs, late);
        continue;
      }
      const outcome = await withDeadline(runtime, this.#lookAhead(), leftMs, late);
      // A get that took longer than a lease has earned one that is over.
      if (outcome !== "attempted" && !this.#lease.held) {
        if (outcome === "earned") runtime.branches.reached("lease-earned-too-late");
        await pause(runtime, retryMs);
        retryMs = Math.min(2 * retryMs, RETRY_MAX_MS);
      }
    }
  }

  /** Earns the lease if the place after the last acknowledged chunk is empty, and no put of ours was ever sent there. */
  async #lookAhead(): Promise<"earned" | "attempted" | "unanswered"> {
    const { runtime, store, shard } = this.#options;
    // Nothing is in flight, and what waits here was not sent; it may be while the answer is on its way.
    const next = this.#full[0] ?? this.#open;
    const key = walKey(shard, next.place);
    const from = instant(runtime.clock);
    let found: Uint8Array;
    try {
      found = await store.get(key);
    } catch (error) {
      if (!(error instanceof ObjectStoreError)) throw error;
      if (error.kind !== "absent") return "unanswered";
      if (next.state !== "open") {
        runtime.branches.reached("lease-refused-after-put");
        return "attempted";
      }
      this.#lease.earn(from);
      runtime.branches.reached("lease-earned-by-get");
      return "earned";
    }
    try {
      this.#assertOwn(key, next.place, found, undefined);
    } catch (error) {
      if (error instanceof DeposedError) runtime.branches.reached("deposed-by-look-ahead");
      this.halt(error instanceof Error ? error : new Error(String(error)));
      throw stopped(error);
    }
    return "attempted";
  }

  /** Stops for good. What waits is told that its outcome is unknown. */
  halt(error: Error): void {
    if (this.#halted !== undefined) return;
    this.#halted = error;
    const { timers } = this.#options.runtime;
    if (this.#flushTimer !== undefined) timers.clear(this.#flushTimer);
    if (this.#deadlineTimer !== undefined) timers.clear(this.#deadlineTimer);
    for (const chunk of this.#unacknowledged()) chunk.fail(stopped(error));
    this.#options.onHalt(error);
  }

  /** Drains, stops answering, and puts the release as the last object. Nothing more is accepted from here on. Rejects, and stops the log, when the store does not take it in time. */
  async release(): Promise<void> {
    if (this.#halted !== undefined) return;
    // At once: what a settling chunk lets in would stand in the release's place.
    this.#draining = true;
    try {
      await this.#drainAndRelease();
    } catch (error) {
      this.halt(error instanceof Error ? error : new Error(String(error)));
      throw error;
    }
  }

  async #drainAndRelease(): Promise<void> {
    const { runtime } = this.#options;
    const late = () => new EngineError("unavailable", "the object store did not take the last writes in time");
    await withDeadline(runtime, this.whenAllDurable(), APPEND_DEADLINE_MS, late);
    const last = this.#open;
    if (last.entryCount > 0 || this.#full.length > 0 || this.#inFlight.length > 0)
      throw new Error("the log was drained and is not empty");
    this.#released = true;
    this.#lease.drop();
    await withDeadline(runtime, this.#putUntilStored(last, "release"), APPEND_DEADLINE_MS, late);
    runtime.branches.reached("release-put");
  }

  /** Ends without a word to the store, as a crash would. */
  abandon(): void {
    this.halt(new Error("the log was closed"));
  }
}

function draining(): EngineError {
  return new EngineError("server_draining", "the server is shutting down");
}

function stopped(error: unknown): EngineError {
  if (error instanceof EngineError) return error;
  const why =
    error instanceof DeposedError || error instanceof CorruptObjectError ? error.message : "the log has stopped";
  return new EngineError("unavailable", why, { cause: error });
}

// Flushing the log into segments, in the background: cuts a flush off it when enough is unflushed, writes the segment and a manifest version that
// names it, points the streams' indexes there, and, after a grace for readers, collects what that has made unreachable (docs/protocol.md).
// Deletes nothing that a manifest version of its own, seen newest, does not allow; and holds no timer when there is nothing to do.
import { EngineError } from "../errors.ts";
import { type EntryBytes, FetchedRange } from "../history/entry-bytes.ts";
import {
  CACHE_AGE_MS,
  COLLECT_GRACE_MS,
  FLUSH_QUIET_MS,
  MAX_PATIENT_FLUSHES,
  MAX_QUEUED_FLUSHES,
  RETRY_FIRST_MS,
  RETRY_MAX_MS,
  STORE_DEADLINE_MS,
} from "../limits.ts";
import type { EngineLogger } from "../logger.ts";
import { type ObjectStore, ObjectStoreError } from "../object-store/index.ts";
import type { Runtime, TimerHandle } from "../runtime/index.ts";
import { verifyLogObject } from "../shard/chunk-format.ts";
import { CorruptObjectError } from "../shard/corrupt.ts";
import { DeposedError } from "../shard/deposed.ts";
import { manifestKey, segmentKey, walKey } from "../shard/keys.ts";
import type { LogClock } from "../shard/log-clock.ts";
import { decodeManifest, encodeManifest, type Manifest, manifestVersions, type Segment } from "../shard/manifest.ts";
import { pause, withDeadline } from "../shard/waiting.ts";
import { segmentObject } from "../stream/run-index.ts";
import { buildSegment } from "./build-segment.ts";
import { Collector } from "./collector.ts";
import type { SegmentStream } from "./segment-format.ts";
import type { Flush, FlushLimits, Unflushed } from "./unflushed.ts";

export interface FlusherOptions {
  readonly runtime: Runtime;
  readonly store: ObjectStore;
  readonly logger: EngineLogger;
  readonly shard: number;
  readonly incarnation: Uint8Array;
  /** The marker of this owner's epoch. */
  readonly manifest: Manifest;
  readonly clock: LogClock;
  readonly unflushed: Unflushed;
  readonly limits: FlushLimits;
  /** A durable chunk, while it is in memory. */
  readonly cachedChunk: (place: number) => EntryBytes | undefined;
  /** Resolves when this process still owns the shard: then nobody else has collected anything. Errors: EngineError. */
  readonly assertOwner: () => Promise<void> | undefined;
  /** Flushes have caught up: chunks may be put again. */
  readonly onCaughtUp: () => void;
  /** A DeposedError, a CorruptObjectError, or a broken invariant. */
  readonly onHalt: (error: Error) => void;
}

/** A flush whose segment is named by the manifest in force, and which the streams' indexes do not know yet. */
interface Flushed {
  readonly flush: Flush;
  readonly segment: Segment;
  readonly streams: readonly SegmentStream[];
  /** When readers are sent there, at the latest: then its chunks have left memory. */
  readonly moveAtMs: number;
}

export class Flusher {
  readonly #options: FlusherOptions;
  readonly #collector: Collector;
  readonly #queue: Flush[] = [];
  readonly #flushed: Flushed[] = [];
  #manifest: Manifest;
  #working: Promise<void> | undefined;
  #timer: TimerHandle | undefined;
  /** When a chunk was last settled, monotonic. */
  #settledMs = Number.NEGATIVE_INFINITY;
  #quietTimer: TimerHandle | undefined;
  #stopped = false;
  segmentsPut = 0;
  segmentBytesPut = 0;

  constructor(options: FlusherOptions) {
    this.#options = options;
    this.#manifest = options.manifest;
    this.#collector = new Collector({ ...options, isBusy: () => this.#isBusy });
  }

  /** The segments that records are read from. */
  get manifest(): Manifest {
    return this.#manifest;
  }

  /** Too much waits to be flushed: nothing more is to be put into the log until `onCaughtUp`. */
  get isBehind(): boolean {
    return !this.#stopped && this.#queue.length >= MAX_QUEUED_FLUSHES;
  }

  /** All that stands before `toPlace` has become durable and has taken effect, and nothing behind it. */
  settled(toPlace: number): void {
    const { runtime, unflushed, limits, clock } = this.#options;
    this.#settledMs = runtime.clock.monotonicMs();
    if (this.#stopped || !unflushed.reaches(limits)) return;
    this.#queue.push(unflushed.cut(toPlace, clock));
    this.#workOrWait();
  }

  #workOrWait(): void {
    if (this.#working !== undefined || this.#queue.length === 0 || this.#stopped) return;
    const { timers } = this.#options.runtime;
    if (this.#mayWait) this.#quietTimer ??= timers.set(FLUSH_QUIET_MS, () => this.#lookForQuiet());
    else this.#working = this.#work();
  }

  #lookForQuiet(): void {
    this.#quietTimer = undefined;
    this.#workOrWait();
  }

  /** Whether something was written a moment ago. */
  get #isBusy(): boolean {
    return this.#options.runtime.clock.monotonicMs() - this.#settledMs < FLUSH_QUIET_MS;
  }

  /** Whether what is queued had better wait for a quieter moment. */
  get #mayWait(): boolean {
    const { limits } = this.#options;
    const areLarge = this.#queue.every(({ bytes }) => bytes >= limits.bytes);
    return this.#isBusy && areLarge && this.#queue.length <= MAX_PATIENT_FLUSHES;
  }

  /** Begins nothing more. Resolves when the request under way has been answered, or has taken too long. */
  async stop(): Promise<void> {
    this.abandon();
    if (this.#working === undefined) return;
    const { runtime, logger } = this.#options;
    const late = new Error("the object store does not answer");
    await withDeadline(runtime, this.#working, STORE_DEADLINE_MS, () => late).catch((error: Error) =>
      logger.warn({ error: error.message }, "a flush was left under way"),
    );
  }

  abandon(): void {
    this.#stopped = true;
    this.#disarm();
  }

  async #work(): Promise<void> {
    try {
      for (let flush = this.#queue[0]; flush !== undefined && !this.#mayWait; flush = this.#queue[0]) {
        await this.#flush(flush);
        if (this.#stopped) return;
        const wasBehind = this.isBehind;
        this.#queue.shift();
        if (wasBehind) this.#options.onCaughtUp();
      }
    } catch (error) {
      // What a stop leaves under way may fail. An owner that was deposed is told so by its log.
      if (this.#stopped) return;
      this.abandon();
      this.#options.onHalt(error instanceof Error ? error : new Error(String(error)));
    } finally {
      this.#working = undefined;
    }
    this.#workOrWait();
  }

  async #flush(flush: Flush): Promise<void> {
    const { runtime, shard, incarnation, clock } = this.#options;
    const builder = await buildSegment(flush, {
      runtime,
      chunk: (place) => this.#chunk(place),
      arrivedMs: (place) => clock.latestMs(place),
    });
    if (this.#stopped) return;
    const number = this.#manifest.nextSegment;
    const { epoch, incarnation: owner } = this.#manifest;
    const built = builder.finish(epoch, incarnation, number);
    await this.#collector.listOrphans();
    // Whatever stands under a key with this owner's incarnation is this owner's.
    const key = segmentKey(shard, epoch, owner, number);
    if (!(await this.#put(key, built.parts, "segment", () => Promise.resolve()))) return;
    const segment: Segment = { number, epoch, incarnation: owner, bytes: built.bytes, metaBytes: built.metaBytes };
    if (!(await this.#name(segment, flush))) return;
    this.segmentsPut += 1;
    this.segmentBytesPut += built.bytes;
    const moveAtMs = runtime.clock.monotonicMs() + CACHE_AGE_MS;
    this.#flushed.push({ flush, segment, streams: built.streams, moveAtMs });
    this.#moveReaders();
  }

  /** A chunk's content: in memory, or fetched and verified. */
  #chunk(place: number): EntryBytes | Promise<EntryBytes> {
    return this.#options.cachedChunk(place) ?? this.#fetch(place);
  }

  async #fetch(place: number): Promise<EntryBytes> {
    const { runtime, store, shard } = this.#options;
    const key = walKey(shard, place);
    runtime.branches.reached("flush-from-store");
    const bytes = await this.#untilAnswered(() => store.get(key), key);
    verifyLogObject(key, place, bytes);
    return new FetchedRange(bytes, 0);
  }

  /** Asks again until the store answers. Errors: CorruptObjectError when an object is missing that nobody else can have collected;
   * ObjectStoreError once the flusher is stopped. */
  async #untilAnswered<T>(ask: () => Promise<T>, key: string): Promise<T> {
    const { runtime } = this.#options;
    for (let retryMs = RETRY_FIRST_MS; ; retryMs = Math.min(2 * retryMs, RETRY_MAX_MS)) {
      try {
        return await ask();
      } catch (error) {
        if (!(error instanceof ObjectStoreError) || this.#stopped) throw error;
        if (error.kind === "absent" && (await this.#isOwner())) throw new CorruptObjectError(key, "it is missing");
      }
      await pause(runtime, retryMs);
    }
  }

  /** False also when nobody can say at the moment. One that is not the owner any more is stopped with its log. */
  async #isOwner(): Promise<boolean> {
    try {
      await this.#options.assertOwner();
      return !this.#stopped;
    } catch (error) {
      if (!(error instanceof EngineError)) throw error;
      return false;
    }
  }

  /** Puts an object until it is in: true; false when the flusher was stopped. `assertOwn` throws when what stands there is not this owner's. */
  async #put(
    key: string,
    parts: readonly Uint8Array[],
    what: string,
    assertOwn: () => Promise<void>,
  ): Promise<boolean> {
    const { runtime, store, logger } = this.#options;
    for (let retryMs = RETRY_FIRST_MS; !this.#stopped; retryMs = Math.min(2 * retryMs, RETRY_MAX_MS)) {
      try {
        await store.putIfAbsent(key, parts);
        return !this.#stopped;
      } catch (error) {
        if (!(error instanceof ObjectStoreError)) throw error;
        if (error.kind === "exists") {
          await assertOwn();
          runtime.branches.reached("flush-was-in");
          return !this.#stopped;
        }
        logger.warn({ key, kind: error.kind, error: error.message }, `a ${what} was not put and will be tried again`);
      }
      await pause(runtime, retryMs);
    }
    return false;
  }

  /** Puts the manifest version that names the segment and moves the log's start, and sees it newest. */
  async #name(segment: Segment, { toPlace, clockMs }: Flush): Promise<boolean> {
    const before = this.#manifest;
    const { store, shard } = this.#options;
    const manifest: Manifest = {
      ...before,
      version: before.version + 1,
      predecessor: before.version,
      logStart: toPlace,
      inForce: { epoch: before.epoch, incarnation: before.incarnation },
      clockMs,
      segments: [...before.segments, segment],
      nextSegment: segment.number + 1,
    };
    const key = manifestKey(shard, manifest.version);
    const bytes = encodeManifest(manifest);
    const assertOwn = async () => {
      const found = await this.#untilAnswered(() => store.get(key), key);
      if (Buffer.compare(found, bytes) !== 0) await this.#isDeposedBy(manifest.version);
    };
    if (!(await this.#put(key, [bytes], "manifest", assertOwn))) return false;
    const versions = await this.#untilAnswered(() => manifestVersions(store, shard), key);
    if (this.#stopped) return false;
    const newest = versions.at(-1) ?? manifest.version;
    if (newest > manifest.version) await this.#isDeposedBy(newest);
    this.#manifest = manifest;
    this.#collector.confirmed(manifest, versions);
    return true;
  }

  /** Another's manifest stands where only this owner's may. */
  async #isDeposedBy(version: number): Promise<never> {
    const { runtime, store, shard } = this.#options;
    const key = manifestKey(shard, version);
    const theirs = decodeManifest(key, version, await this.#untilAnswered(() => store.get(key), key));
    runtime.branches.reached("deposed-by-manifest");
    const { epoch, incarnation } = theirs;
    throw new DeposedError({ shard, found: { kind: "manifest", number: version }, epoch, incarnation });
  }

  /** Sends readers from chunks that have left memory, or are old enough, to the segments that hold the same. */
  #moveReaders(): void {
    const { runtime, cachedChunk } = this.#options;
    const nowMs = runtime.clock.monotonicMs();
    for (let first = this.#flushed[0]; first !== undefined; first = this.#flushed[0]) {
      if (first.moveAtMs > nowMs && cachedChunk(first.flush.toPlace - 1) !== undefined) break;
      this.#flushed.shift();
      this.#move(first);
      this.#collector.collectBefore(first.flush.toPlace, nowMs + COLLECT_GRACE_MS);
    }
    this.#arm();
  }

  #move({ flush, segment, streams }: Flushed): void {
    const object = segmentObject(segment.number);
    let next = 0;
    // Both are in the order of the streams' ids.
    for (const { stream, entry } of flush.streams) {
      const runs = streams[next]?.id === stream.id ? streams[next++].runs : [];
      if (stream.lastWritePlace !== undefined && stream.lastWritePlace < flush.toPlace) {
        stream.lastWritePlace = undefined;
        stream.lastWriteMs = entry.lastWriteMs;
      }
      const { trimPoint, keptFrom, durable } = stream;
      stream.index.moveToSegment(flush.toPlace, object, runs, trimPoint, keptFrom, durable.nextSeqNum);
    }
    this.#options.clock.forget(flush.toPlace);
  }

  #arm(): void {
    const first = this.#flushed[0];
    if (this.#timer !== undefined || first === undefined || this.#stopped) return;
    const { clock, timers } = this.#options.runtime;
    this.#timer = timers.set(Math.max(0, first.moveAtMs - clock.monotonicMs()), () => {
      this.#timer = undefined;
      this.#moveReaders();
    });
  }

  #disarm(): void {
    const { timers } = this.#options.runtime;
    if (this.#timer !== undefined) timers.clear(this.#timer);
    if (this.#quietTimer !== undefined) timers.clear(this.#quietTimer);
    this.#timer = undefined;
    this.#quietTimer = undefined;
    this.#collector.stop();
  }
}

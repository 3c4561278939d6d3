// A shard under one owner: takes it over, puts together what sequences into its log (`appends.ts`, `stream-changes.ts`) and what is behind it, and answers
// from what is durable.
// Every answer rests on durable state, and every answer but an acknowledgement on the lease. Once stopped, it answers nothing.

import type { ClockEntry } from "../catalog/entries.ts";
import { OpenStreams } from "../catalog/open-streams.ts";
import type { StreamCatalog } from "../catalog/stream-catalog.ts";
import type { Deployment } from "../deployment.ts";
import type { AppendAck, ListOptions, Page, ReadOptions, StreamInfo, StreamReader } from "../engine-api.ts";
import { EngineError } from "../errors.ts";
import { type Caches, cachesOf, manyStreams } from "../history/caches.ts";
import type { ChunkCache } from "../history/chunk-cache.ts";
import { History } from "../history/history.ts";
import type { RunCache } from "../history/run-cache.ts";
import { DORMANT_MS } from "../limits.ts";
import type { EngineLogger } from "../logger.ts";
import { type ObjectStore, ObjectStoreError } from "../object-store/index.ts";
import { Retention } from "../retention/retention.ts";
import type { Runtime } from "../runtime/index.ts";
import type { CompactionLimits } from "../segment/plan-compaction.ts";
import { Segments } from "../segment/segments.ts";
import type { FlushLimits, Unflushed } from "../segment/unflushed.ts";
import { Reader, type ReaderHost } from "../stream/reader.ts";
import { type RecordsObject, segmentOf } from "../stream/run-index.ts";
import type { Sequenced } from "../stream/sequencer.ts";
import { assertInMemory, type Stream, tailPosition } from "../stream/stream.ts";
import type { UsageMeter } from "../usage/usage-meter.ts";
import type { AppendInput, Position } from "../wire/index.ts";
import { type AppendGuard, Appends } from "./appends.ts";
import type { Chunk } from "./chunk.ts";
import { EntryKind, STREAM_ID_BYTES } from "./chunk-format.ts";
import { ChunkLog } from "./chunk-log.ts";
import { CorruptObjectError } from "./corrupt.ts";
import { DeposedError } from "./deposed.ts";
import { manifestKey, walKey } from "./keys.ts";
import type { LogClock } from "./log-clock.ts";
import { type BasinTotals, type Manifest, newestManifest } from "./manifest.ts";
import { addJsonEntry } from "./open-chunk.ts";
import { Rebuilt } from "./rebuilt.ts";
import { retriedReads, type StoreReads } from "./retry.ts";
import { StreamChanges } from "./stream-changes.ts";
import { takeOver } from "./takeover.ts";
import { pause } from "./waiting.ts";

/** What entries of no stream have in place of one's id. */
const NO_STREAM = new Uint8Array(STREAM_ID_BYTES);

export interface ShardOptions {
  readonly runtime: Runtime;
  readonly store: ObjectStore;
  readonly logger: EngineLogger;
  readonly shard: number;
  readonly deployment: Deployment;
  readonly usage: UsageMeter;
  /** Memory for records, written lately or fetched. */
  readonly cacheBytes: number;
  /** When the log is flushed into a segment. Default: FLUSH_BYTES, FLUSH_CHUNKS, FLUSH_STREAMS. */
  readonly flushLimits?: FlushLimits | undefined;
  /** Nothing has been written for so long: what is left of the log is flushed. Default: REST_MS. */
  readonly restMs?: number | undefined;
  /** When segments are merged. Default: COMPACTION_FAN_IN, MERGED_BYTES, DEAD_BYTES, MAX_MERGED_SEGMENTS. */
  readonly compactionLimits?: CompactionLimits | undefined;
  /** What nobody used for so long leaves memory, or twice as long. Default: DORMANT_MS. */
  readonly dormantMs?: number | undefined;
  /** Streams in memory beyond which they leave it as soon as they can. Default: by the memory for records. */
  readonly manyStreams?: number | undefined;
  /** How long an append to a stream of a basin (by id) with a storage class may wait for company. */
  readonly lingerMs: (basinId: string, storageClass: string) => number;
  /** A stream has stayed empty for as long as its config says: it is to be deleted. Errors (thrown): EngineError. */
  readonly onSpent: (stream: Stream) => void;
  /** A stream was found whose deletion has begun: it is to be finished. Errors (thrown): EngineError. */
  readonly onDeletionPending: (stream: Stream) => void;
  /** The shard cannot go on: DeposedError, CorruptObjectError, or a broken invariant. Called once. */
  readonly onHalt: (error: Error) => void;
}

export class Shard implements ReaderHost {
  readonly runtime: Runtime;
  readonly history: History;
  readonly catalog: StreamCatalog;
  readonly epoch: number;
  readonly usage: UsageMeter;
  readonly changes: StreamChanges;
  readonly #log: ChunkLog;
  readonly #chunkCache: ChunkCache;
  readonly #runCache: RunCache;
  readonly #appends: Appends;
  readonly #readers = new Set<Reader>();
  readonly #clock: LogClock;
  readonly #retention: Retention;
  readonly #unflushed: Unflushed;
  readonly #segments: Segments;
  readonly #open: OpenStreams;
  readonly #shard: number;
  readonly #onHalt: (error: Error) => void;
  #halted: Error | undefined;
  #segmentsStopped: Promise<void> | undefined;

  private constructor(
    options: ShardOptions,
    rebuilt: Rebuilt,
    { budget, chunks, runs }: Caches,
    manifest: Manifest,
    nextPlace: number,
    incarnation: Uint8Array,
  ) {
    const { catalog, clock, unflushed, segments } = rebuilt;
    const { runtime, store, shard } = options;
    this.runtime = runtime;
    this.catalog = catalog;
    this.usage = options.usage;
    this.epoch = manifest.epoch;
    this.#shard = shard;
    this.#unflushed = unflushed;
    this.#onHalt = options.onHalt;
    this.#chunkCache = chunks;
    this.#runCache = runs;
    options.usage.begin(rebuilt.stored, rebuilt.changed());
    this.#clock = clock;
    this.#retention = new Retention({
      runtime,
      logger: options.logger,
      clock,
      trim: (stream, seqNum) => this.changes.trim(stream, seqNum),
      deleteSpent: options.onSpent,
      whenAllDurable: () => this.#log.whenAllDurable(),
      coldDueMs: () => segments.nextDueMs,
      openDue: (nowMs) => this.#open.openDue(nowMs),
    });
    this.#log = new ChunkLog({
      runtime,
      store,
      logger: options.logger,
      shard,
      epoch: manifest.epoch,
      incarnation,
      nextPlace,
      window: options.deployment.window,
      leaseMs: options.deployment.leaseMs,
      onSeal: (chunk) => this.#mark(chunk),
      onDurable: (chunk) => this.#chunkCache.add(chunk),
      onSettled: (chunk) => {
        this.#unflushed.addChunk(chunk.contentBytes);
        this.#segments.settled(chunk.place + 1);
      },
      mustWait: () => this.#segments.isBehind,
      onHalt: (error) => this.#halt(error),
    });
    this.#segments = new Segments({
      runtime,
      store,
      logger: options.logger,
      shard,
      manifest,
      nextPlace,
      live: segments,
      catalog,
      clock,
      unflushed,
      cutSources: {
        clock,
        settleStored: (stream) => this.usage.settle(stream),
        basins: () => this.#basinTotals(),
      },
      blockCache: runs,
      isCrowded: () => this.#open.isCrowded,
      onMoved: () => {
        this.#open.movedSome();
        this.#retention.coldChanged();
      },
      flushLimits: options.flushLimits,
      restMs: options.restMs,
      compactionLimits: options.compactionLimits,
      cachedChunk: (place) => this.#chunkCache.get(place),
      assertOwner: () => this.#log.ensureLease(),
      onCaughtUp: () => this.#log.resume(),
      onHalt: (error) => this.#log.halt(error),
    });
    this.#open = new OpenStreams({
      runtime,
      store,
      catalog,
      live: segments,
      clock,
      usage: options.usage,
      cache: runs,
      dormantMs: options.dormantMs ?? DORMANT_MS,
      manyStreams: options.manyStreams ?? manyStreams(options.cacheBytes),
      movedCuts: () => this.#segments.movedCuts,
      isRemovedInLog: (id) => this.#segments.isRemovedInLog(id),
      assertOwner: () => this.#log.ensureLease(),
      onOpened: (stream) => {
        this.#retention.watch(stream);
        if (stream.deletedAtMs !== null) options.onDeletionPending(stream);
      },
      onForgotten: (stream) => this.#retention.forget(stream),
      onCorrupt: (error) => this.#log.halt(error),
    });
    this.changes = new StreamChanges({
      runtime,
      log: this.#log,
      catalog,
      open: this.#open,
      unflushed,
      retention: this.#retention,
      usage: this.usage,
    });
    this.#appends = new Appends({
      runtime,
      log: this.#log,
      unflushed,
      retention: this.#retention,
      usage: this.usage,
      lingerMs: options.lingerMs,
      settled: (stream) => this.settled(stream),
      waits: (stream) => this.appenderOpened(stream),
      waited: (stream) => this.appenderClosed(stream),
    });
    for (const stream of catalog.all()) this.#retention.watch(stream);
    this.#open.movedSome();
    this.history = new History({
      runtime,
      store,
      keyOf: (object) => this.#keyOf(object),
      chunks: this.#chunkCache,
      runs: this.#runCache,
      // Half of what never has to make way: the other half is what is being read.
      maxAheadBytes: budget.fetchedShareBytes / 2,
      readers: () => this.#readers.size,
      assertOwner: () => this.#log.ensureLease(),
      onCorrupt: (error) => this.#log.halt(error),
    });
  }

  /** Takes the shard over and waits until it may answer. Errors: CorruptObjectError, ObjectStoreError. */
  static async open(options: ShardOptions): Promise<Shard> {
    const { runtime, logger } = options;
    const incarnation = runtime.random.bytes(16);
    let rebuilt = new Rebuilt(options.shard, undefined);
    const takeover = await takeOver({
      ...options,
      incarnation,
      begin: async (manifest, reads) => {
        rebuilt = new Rebuilt(options.shard, manifest);
        await rebuilt.load(reads);
      },
      apply: (key, header, bytes) => rebuilt.apply(key, header, bytes),
    });
    const caches = cachesOf(runtime, options.cacheBytes);
    const reads = retriedReads(options.store, runtime);
    try {
      await rebuilt.resolve(runtime, reads, caches.runs);
    } catch (error) {
      caches.runs.close();
      if (!(error instanceof ObjectStoreError) || error.kind !== "absent") throw error;
      // Only a successor can have collected it.
      await assertNewest(reads, options.shard, takeover.manifest);
      throw new CorruptObjectError(manifestKey(options.shard, takeover.manifest.version), error.message);
    }
    const { manifest } = takeover;
    const waitMs = takeover.fencedAtMs + takeover.waitMs - runtime.clock.monotonicMs();
    logger.info(
      { shard: options.shard, epoch: manifest.epoch, streams: rebuilt.catalog.count, waitMs: Math.max(0, waitMs) },
      "shard taken over",
    );
    if (takeover.waitMs > 0 && waitMs > 0) await pause(runtime, waitMs);
    rebuilt.clock.opened(runtime.clock.wallMs());
    return new Shard(options, rebuilt, caches, manifest, takeover.nextPlace, incarnation);
  }

  // Appending.

  /** As Appends. */
  append(
    stream: Stream,
    input: AppendInput,
    guard: AppendGuard | undefined,
    onDurable: (sequenced: Sequenced) => void,
  ): Promise<AppendAck> {
    return this.#appends.append(stream, input, guard, onDurable);
  }

  /** Resolves once all that is assigned of the stream is durable, with the lease held. */
  async settled(stream: Stream): Promise<void> {
    if (stream.lastChunk !== undefined) await this.#log.whenDurable(stream.lastChunk);
    await this.#log.ensureLease();
  }

  // The catalog.

  /** Sees to it that a stream of this name is in memory, if there is one; undefined when that is so at once. Errors: EngineError. */
  warm(basinId: string, name: string): Promise<void> | undefined {
    return this.#open.open(basinId, name);
  }

  /** The stream that has this name, with its creation durable. Errors: `stream_not_found`, `stream_deletion_pending`. */
  async existing(basinId: string, name: string): Promise<Stream> {
    const warming = this.warm(basinId, name);
    if (warming !== undefined) await warming;
    const stream = this.assigned(basinId, name);
    if (stream === undefined) {
      await this.#log.ensureLease();
      throw new EngineError("stream_not_found", "the stream does not exist");
    }
    if (stream.deletedAtMs !== null) {
      await this.settled(stream);
      throw new EngineError("stream_deletion_pending", "the stream is being deleted");
    }
    if (!stream.born) await this.settled(stream);
    return stream;
  }

  /** The stream that has this name, as far as it is assigned, of those in memory (`warm`). What rests on it waits for durability on its own. */
  assigned(basinId: string, name: string): Stream | undefined {
    const stream = this.catalog.get(basinId, name);
    if (stream !== undefined) this.#open.used(stream);
    return stream;
  }

  /** A page of a basin's streams. Errors: EngineError. */
  list(
    basinId: string,
    options: ListOptions,
    shown: (stream: Stream) => StreamInfo | undefined,
  ): Promise<Page<StreamInfo>> {
    return this.#open.list(basinId, options, shown);
  }

  /** What has fallen due may be looked for in segments, and seen to. */
  beginAgeing(): void {
    this.#retention.beginCold();
  }

  #basinTotals(): Record<string, BasinTotals> {
    const totals: Record<string, BasinTotals> = {};
    for (const [id, { streams, sinceMs }] of this.catalog.durable())
      totals[id] = [streams, this.usage.stored(id), sinceMs];
    return totals;
  }

  /** Says in a chunk when it went out, if the last that said so is long enough ago. */
  #mark(chunk: Chunk): void {
    const wallMs = this.runtime.clock.wallMs();
    if (!this.#clock.isDue(wallMs)) return;
    const mark: ClockEntry = { wallMs };
    addJsonEntry(chunk, this.#log.slabs, EntryKind.clock, NO_STREAM, 0, mark);
    this.#clock.add(chunk.place, wallMs);
  }

  /** Resolves once everything assigned is durable and the lease is held. */
  async allSettled(): Promise<void> {
    await this.#log.whenAllDurable();
    await this.#log.ensureLease();
  }

  // Reading.

  async openReader(stream: Stream, options: ReadOptions): Promise<StreamReader> {
    assertInMemory(stream);
    stream.readers += 1;
    try {
      const reader = await Reader.open(this, stream, options);
      this.#readers.add(reader);
      return reader;
    } catch (error) {
      stream.readers -= 1;
      this.#open.mayRest(stream);
      throw error;
    }
  }

  /** The durable tail. */
  async checkTail(stream: Stream): Promise<Position> {
    assertInMemory(stream);
    const renewal = this.#log.ensureLease();
    if (renewal !== undefined) {
      stream.readers += 1;
      try {
        await renewal;
      } finally {
        stream.readers -= 1;
        this.#open.mayRest(stream);
      }
    }
    return tailPosition(stream.durable);
  }

  /** The durable tail, if the lease is held. */
  tailAtOnce(stream: Stream): Position | undefined {
    return this.#log.holdsLease ? tailPosition(stream.durable) : undefined;
  }

  get holdsLease(): boolean {
    return this.#log.holdsLease;
  }

  ensureLease(): Promise<void> | undefined {
    return this.#log.ensureLease();
  }

  /** Throws when nothing new may be appended: while the store takes nothing, appends are refused at once. */
  assertAccepting(): void {
    this.#log.assertAccepting();
  }

  assertAlive(): void {
    if (this.#halted !== undefined) throw new EngineError("unavailable", this.#halted.message);
  }

  #keyOf(object: RecordsObject): string {
    const number = segmentOf(object);
    return number === undefined ? walKey(this.#shard, object) : this.#segments.keyOf(number);
  }

  closed(reader: Reader): void {
    if (!this.#readers.delete(reader)) return;
    reader.stream.readers -= 1;
    this.#open.mayRest(reader.stream);
  }

  /** An append session is open, or an append is on its way: the stream stays in memory until it is over. */
  appenderOpened(stream: Stream): void {
    assertInMemory(stream);
    stream.appenders += 1;
  }

  appenderClosed(stream: Stream): void {
    stream.appenders -= 1;
    this.#open.mayRest(stream);
  }

  // The end.

  #halt(error: Error): void {
    this.#halted = error;
    this.#open.stop();
    this.#retention.stop();
    this.#segments.abandon();
    for (const reader of this.#readers) reader.wake();
    this.#onHalt(error);
  }

  /** The end is near: no flush is begun any more, and nothing waits for one. */
  stopFlushing(): void {
    this.#segmentsStopped ??= this.#segments.stop();
    this.#log.resume();
  }

  /** Drains, releases the shard and lets go of all memory. */
  async close(): Promise<void> {
    this.#open.stop();
    this.#retention.stop();
    this.stopFlushing();
    try {
      await this.#log.release();
      await this.#segmentsStopped;
    } finally {
      for (const reader of [...this.#readers]) reader.close();
      this.#chunkCache.clear();
      this.#runCache.close();
    }
  }

  /** Stops without a word to the store, as a crash would. */
  abandon(): void {
    this.#open.stop();
    this.#retention.stop();
    this.#segments.abandon();
    this.#log.abandon();
    this.#chunkCache.clear();
    this.#runCache.close();
  }

  get stats() {
    return {
      inFlightAppendBytes: this.#appends.inFlightBytes,
      waitingAppendBytes: this.#appends.waitingBytes,
      cachedBytes: this.#chunkCache.bytes + this.#runCache.bytes,
      recordsAppended: this.#appends.recordsAppended,
      activeReaders: this.#readers.size,
      chunksPut: this.#log.chunksPut,
      chunkBytesPut: this.#log.chunkBytesPut,
      ...this.#segments.stats,
      cacheHits: this.history.hits,
      cacheMisses: this.history.misses,
    };
  }
}

/** Errors: DeposedError when a version of another owner's follows. */
async function assertNewest(reads: StoreReads, shard: number, { version }: Manifest): Promise<void> {
  const newest = await newestManifest(reads, shard);
  if (newest === undefined || newest.version <= version) return;
  const { epoch, incarnation } = newest;
  throw new DeposedError({ shard, found: { kind: "manifest", number: newest.version }, epoch, incarnation });
}

// A shard's segments under one owner, and what is done to them in the background: flushes add them, merges replace them, and what is not needed any more is
// collected. Puts the four that do it together: who writes manifests, who flushes, who compacts, who collects.
import { ColdStreams } from "../catalog/cold-streams.ts";
import type { StreamCatalog } from "../catalog/stream-catalog.ts";
import type { EntryBytes } from "../history/entry-bytes.ts";
import type { RunCache } from "../history/run-cache.ts";
import {
  COLLECT_GRACE_MS,
  COMPACTION_FAN_IN,
  DEAD_BYTES,
  FLUSH_BYTES,
  FLUSH_CHUNKS,
  FLUSH_STREAMS,
  MAX_MERGED_SEGMENTS,
  MERGED_BYTES,
  REST_MS,
  STORE_DEADLINE_MS,
} from "../limits.ts";
import type { EngineLogger } from "../logger.ts";
import type { ObjectStore } from "../object-store/index.ts";
import type { Runtime } from "../runtime/index.ts";
import type { LogClock } from "../shard/log-clock.ts";
import type { Manifest } from "../shard/manifest.ts";
import { ManifestWriter } from "../shard/manifest-writer.ts";
import { OwnerRequests } from "../shard/owner-requests.ts";
import { withDeadline } from "../shard/waiting.ts";
import { Collector } from "./collector.ts";
import { Compactor } from "./compactor.ts";
import { Flusher } from "./flusher.ts";
import type { LiveSegments } from "./live-segments.ts";
import type { CompactionLimits } from "./plan-compaction.ts";
import { SegmentBlocks } from "./segment-blocks.ts";
import type { CutSources, FlushLimits, Unflushed } from "./unflushed.ts";

const FLUSH_LIMITS: FlushLimits = { bytes: FLUSH_BYTES, chunks: FLUSH_CHUNKS, streams: FLUSH_STREAMS };
const COMPACTION_LIMITS: CompactionLimits = {
  fanIn: COMPACTION_FAN_IN,
  mergedBytes: MERGED_BYTES,
  deadBytes: DEAD_BYTES,
  inputs: MAX_MERGED_SEGMENTS,
};

export interface SegmentsOptions {
  readonly runtime: Runtime;
  readonly store: ObjectStore;
  readonly logger: EngineLogger;
  readonly shard: number;
  /** The marker of this owner's epoch. */
  readonly manifest: Manifest;
  /** Where this owner's log begins. */
  readonly nextPlace: number;
  /** Those that it names. */
  readonly live: LiveSegments;
  readonly catalog: StreamCatalog;
  readonly clock: LogClock;
  readonly unflushed: Unflushed;
  readonly cutSources: CutSources;
  /** Blocks of catalogs that were fetched. */
  readonly blockCache: RunCache;
  /** There are so many streams in memory that they should leave it as soon as they can. */
  readonly isCrowded: () => boolean;
  /** Default: FLUSH_BYTES, FLUSH_CHUNKS, FLUSH_STREAMS. */
  readonly flushLimits: FlushLimits | undefined;
  /** Default: REST_MS. */
  readonly restMs: number | undefined;
  /** Default: COMPACTION_FAN_IN, MERGED_BYTES, DEAD_BYTES, MAX_MERGED_SEGMENTS. */
  readonly compactionLimits: CompactionLimits | undefined;
  /** A durable chunk, while it is in memory. */
  readonly cachedChunk: (place: number) => EntryBytes | undefined;
  /** Resolves when this process still owns the shard: then nobody else has collected anything. Errors: EngineError. */
  readonly assertOwner: () => Promise<void> | undefined;
  /** Streams that a flush was about are found in its segment. */
  readonly onMoved: () => void;
  /** Flushes have caught up: chunks may be put again. */
  readonly onCaughtUp: () => void;
  /** A DeposedError, a CorruptObjectError, or a broken invariant. */
  readonly onHalt: (error: Error) => void;
}

export class Segments {
  readonly #runtime: Runtime;
  readonly #logger: EngineLogger;
  readonly #live: LiveSegments;
  readonly #requests: OwnerRequests;
  readonly #manifests: ManifestWriter;
  readonly #collector: Collector;
  readonly #flusher: Flusher;
  readonly #compactor: Compactor;

  constructor(options: SegmentsOptions) {
    const { runtime, live } = options;
    this.#runtime = runtime;
    this.#logger = options.logger;
    this.#live = live;
    const isBusy = () => this.#flusher.isBusy;
    const requests = new OwnerRequests(options);
    const collector = new Collector({ ...options, isBusy });
    const manifests = new ManifestWriter({
      ...options,
      requests,
      measured: (segment) => live.measured(segment),
      beforePut: () => collector.listOrphans(),
      onConfirmed: (manifest, versions) => collector.confirmed(manifest, versions),
    });
    const onHalt = (error: Error) => {
      this.abandon();
      options.onHalt(error);
    };
    this.#requests = requests;
    this.#collector = collector;
    this.#manifests = manifests;
    this.#flusher = new Flusher({
      ...options,
      requests,
      manifests,
      limits: options.flushLimits ?? FLUSH_LIMITS,
      restMs: options.restMs ?? REST_MS,
      onMoved: (toPlace) => {
        options.onMoved();
        collector.collectBefore(toPlace, runtime.clock.monotonicMs() + COLLECT_GRACE_MS);
        this.#compactor.look();
      },
      onRest: () => this.#compactor.look(),
      onHalt,
    });
    this.#compactor = new Compactor({
      ...options,
      requests,
      manifests,
      collector,
      segments: live,
      cold: new ColdStreams(
        runtime,
        live,
        new SegmentBlocks(async ({ key }, offset, length, verify) => {
          if (requests.stopped) throw new Error("the owner has stopped");
          const bytes = await requests.untilAnswered(() => options.store.getRange(key, offset, length), key);
          verify(bytes);
          return bytes;
        }, options.blockCache),
      ),
      limits: options.compactionLimits ?? COMPACTION_LIMITS,
      removalsInLog: () => this.#flusher.removalsInLog(),
      onReplaced: () => options.onMoved(),
      isBusy,
      isAtRest: () => this.#flusher.isAtRest,
      onHalt,
    });
  }

  /** Too much waits to be flushed: nothing more is to be put into the log until `onCaughtUp`. */
  get isBehind(): boolean {
    return this.#flusher.isBehind;
  }

  /** All that stands before `toPlace` has become durable and has taken effect, and nothing behind it. */
  settled(toPlace: number): void {
    this.#flusher.settled(toPlace);
  }

  /** The key of a segment that a stream's index is pointed at. */
  keyOf(number: number): string {
    return this.#live.keyOf(number);
  }

  /** Whether a part of the log that is in no segment removes a stream or basin of this id, in hexadecimal. */
  isRemovedInLog(id: string): boolean {
    for (const removals of this.#flusher.removalsInLog())
      if (removals.hasBasin(id) || removals.stream(id) !== undefined) return true;
    return false;
  }

  /** Cuts whose streams are found in segments. */
  get movedCuts(): number {
    return this.#flusher.movedCuts;
  }

  /** Begins nothing more. Resolves when the requests under way have been answered, or have taken too long. */
  async stop(): Promise<void> {
    this.abandon();
    const late = new Error("the object store does not answer");
    for (const working of [this.#flusher.working, this.#compactor.working])
      if (working !== undefined)
        await withDeadline(this.#runtime, working, STORE_DEADLINE_MS, () => late).catch((error: Error) =>
          this.#logger.warn({ error: error.message }, "a flush or a merge was left under way"),
        );
  }

  abandon(): void {
    this.#requests.stop();
    this.#flusher.stop();
    this.#collector.stop();
  }

  get stats() {
    return {
      segments: this.#manifests.manifest.segments.length,
      segmentsPut: this.#flusher.segmentsPut,
      segmentBytesPut: this.#flusher.segmentBytesPut,
      merges: this.#compactor.merges,
      mergedBytesPut: this.#compactor.mergedBytesPut,
      segmentsDropped: this.#compactor.drops,
    };
  }
}

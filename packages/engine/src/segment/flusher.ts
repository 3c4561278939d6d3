// Flushing the log into segments, in the background: cuts a flush off it when enough is unflushed, or less and the log is at rest, writes the segment, has a
// manifest version name it, and points the streams' indexes there once the chunks have left memory (docs/protocol.md). Holds no timer when there is nothing to do.
import { type EntryBytes, FetchedRange } from "../history/entry-bytes.ts";
import { CACHE_AGE_MS, FLUSH_QUIET_MS, MAX_PATIENT_FLUSHES, MAX_QUEUED_FLUSHES, REST_SHARE } from "../limits.ts";
import type { ObjectStore } from "../object-store/index.ts";
import type { Runtime, TimerHandle } from "../runtime/index.ts";
import { verifyLogObject } from "../shard/chunk-format.ts";
import { segmentKey, walKey } from "../shard/keys.ts";
import type { LogClock } from "../shard/log-clock.ts";
import type { Manifest, Segment } from "../shard/manifest.ts";
import type { ManifestWriter } from "../shard/manifest-writer.ts";
import type { OwnerRequests } from "../shard/owner-requests.ts";
import { segmentObject } from "../stream/run-index.ts";
import { buildSegment } from "./build-segment.ts";
import type { LiveSegments } from "./live-segments.ts";
import type { Removals } from "./removals.ts";
import type { BuiltSegment } from "./segment-builder.ts";
import type { CutSources, Flush, FlushLimits, Unflushed } from "./unflushed.ts";

export interface FlusherOptions {
  readonly runtime: Runtime;
  readonly store: ObjectStore;
  readonly shard: number;
  readonly requests: OwnerRequests;
  readonly manifests: ManifestWriter;
  readonly clock: LogClock;
  readonly unflushed: Unflushed;
  readonly limits: FlushLimits;
  /** Nothing has been written for so long: the log is at rest. */
  readonly restMs: number;
  /** Where this owner's log begins: all before it has taken effect. */
  readonly nextPlace: number;
  readonly cutSources: CutSources;
  /** A durable chunk, while it is in memory. */
  readonly cachedChunk: (place: number) => EntryBytes | undefined;
  /** Flushes have caught up: chunks may be put again. */
  readonly onCaughtUp: () => void;
  readonly live: LiveSegments;
  /** Streams are to leave memory as soon as segments tell of them. */
  readonly isCrowded: () => boolean;
  /** No reader is sent into the log before this place any more, but to the segment. */
  readonly onMoved: (toPlace: number) => void;
  /** The log has come to rest, for the first time since the start or since readers were sent to another segment. */
  readonly onRest: () => void;
  /** A DeposedError, a CorruptObjectError, or a broken invariant. */
  readonly onHalt: (error: Error) => void;
}

/** A flush whose segment is named by the manifest in force, and which the streams' indexes do not know yet. */
interface Flushed {
  readonly flush: Flush;
  readonly segment: Segment;
  readonly built: BuiltSegment;
  /** When readers are sent there, at the latest: then its chunks have left memory. */
  readonly moveAtMs: number;
}

export class Flusher {
  readonly #options: FlusherOptions;
  readonly #queue: Flush[] = [];
  readonly #flushed: Flushed[] = [];
  #working: Promise<void> | undefined;
  #timer: TimerHandle | undefined;
  /** When a chunk was last settled, monotonic. */
  #settledMs = Number.NEGATIVE_INFINITY;
  readonly #startedMs: number;
  #settledTo: number;
  #quietTimer: TimerHandle | undefined;
  #restTimer: TimerHandle | undefined;
  /** Cuts that readers had been sent to when the log last came to rest. */
  #restedCuts = -1;
  #movedCuts = 0;
  segmentsPut = 0;
  segmentBytesPut = 0;

  constructor(options: FlusherOptions) {
    this.#options = options;
    this.#startedMs = options.runtime.clock.monotonicMs();
    this.#settledTo = options.nextPlace;
    this.#armRest();
  }

  /** What is under way; undefined at rest. Never fails. */
  get working(): Promise<void> | undefined {
    return this.#working;
  }

  /** What parts of the log remove that are in no segment that streams are found in. */
  *removalsInLog(): Iterable<Removals> {
    for (const { flush } of this.#flushed) yield flush.removals;
    for (const { removals } of this.#queue) yield removals;
    yield this.#options.unflushed.removals;
  }

  /** Cuts whose streams are found in segments: what was touched before them, and not since, is told of there. */
  get movedCuts(): number {
    return this.#movedCuts;
  }

  /** Too much waits to be flushed: nothing more is to be put into the log until `onCaughtUp`. */
  get isBehind(): boolean {
    return !this.#options.requests.stopped && this.#queue.length >= MAX_QUEUED_FLUSHES;
  }

  /** All that stands before `toPlace` has become durable and has taken effect, and nothing behind it. */
  settled(toPlace: number): void {
    const { runtime, unflushed, limits, cutSources } = this.#options;
    this.#settledMs = runtime.clock.monotonicMs();
    this.#settledTo = toPlace;
    if (this.#options.requests.stopped) return;
    this.#armRest();
    if (!unflushed.reaches(limits)) return;
    this.#queue.push(unflushed.cut(toPlace, cutSources));
    this.#workOrWait();
  }

  #workOrWait(): void {
    if (this.#working !== undefined || this.#queue.length === 0 || this.#options.requests.stopped) return;
    const { timers } = this.#options.runtime;
    if (this.#mayWait) this.#quietTimer ??= timers.set(FLUSH_QUIET_MS, () => this.#lookForQuiet());
    else this.#working = this.#work();
  }

  #lookForQuiet(): void {
    this.#quietTimer = undefined;
    this.#workOrWait();
  }

  /** How long nothing has been written. */
  get #quietMs(): number {
    return this.#options.runtime.clock.monotonicMs() - Math.max(this.#settledMs, this.#startedMs);
  }

  /** Whether nothing has been written for long, and perhaps will not be. */
  get isAtRest(): boolean {
    return this.#quietMs >= this.#options.restMs;
  }

  /** Sees to it that a log that is being written to is looked at when it has come to rest: once. */
  #armRest(): void {
    const { runtime, restMs } = this.#options;
    this.#restTimer ??= runtime.timers.set(Math.max(0, restMs - this.#quietMs), () => this.#rest());
  }

  #rest(): void {
    this.#restTimer = undefined;
    if (!this.isAtRest) {
      this.#armRest();
      return;
    }
    const { runtime, unflushed, limits, cutSources, onRest } = this.#options;
    if (unflushed.reaches(limits, REST_SHARE)) {
      runtime.branches.reached("flushed-at-rest");
      this.#queue.push(unflushed.cut(this.#settledTo, cutSources));
      this.#workOrWait();
    } else if (this.#restedCuts !== this.#movedCuts) onRest();
    this.#restedCuts = this.#movedCuts;
  }

  /** Whether something was written a moment ago. */
  get isBusy(): boolean {
    return this.#options.runtime.clock.monotonicMs() - this.#settledMs < FLUSH_QUIET_MS;
  }

  /** Whether what is queued had better wait for a quieter moment. */
  get #mayWait(): boolean {
    const { limits } = this.#options;
    const areLarge = this.#queue.every(({ bytes }) => bytes >= limits.bytes);
    return this.isBusy && areLarge && this.#queue.length <= MAX_PATIENT_FLUSHES;
  }

  /** Waits for nothing more. */
  stop(): void {
    const { timers } = this.#options.runtime;
    if (this.#timer !== undefined) timers.clear(this.#timer);
    if (this.#quietTimer !== undefined) timers.clear(this.#quietTimer);
    if (this.#restTimer !== undefined) timers.clear(this.#restTimer);
    this.#timer = undefined;
    this.#quietTimer = undefined;
    this.#restTimer = undefined;
  }

  async #work(): Promise<void> {
    try {
      for (let flush = this.#queue[0]; flush !== undefined && !this.#mayWait; flush = this.#queue[0]) {
        await this.#flush(flush);
        if (this.#options.requests.stopped) return;
        const wasBehind = this.isBehind;
        this.#queue.shift();
        if (wasBehind) this.#options.onCaughtUp();
      }
    } catch (error) {
      // What a stop leaves under way may fail. An owner that was deposed is told so by its log.
      if (this.#options.requests.stopped) return;
      this.#options.onHalt(error instanceof Error ? error : new Error(String(error)));
    } finally {
      this.#working = undefined;
    }
    this.#workOrWait();
  }

  async #flush(flush: Flush): Promise<void> {
    const { runtime, shard, clock, requests, manifests } = this.#options;
    const builder = await buildSegment(flush, {
      runtime,
      chunk: (place) => this.#chunk(place),
      arrivedMs: (place) => clock.latestMs(place),
    });
    if (requests.stopped) return;
    const { epoch, incarnation } = manifests.manifest;
    const number = manifests.takeSegmentNumber();
    const built = builder.finish(epoch, Buffer.from(incarnation, "hex"), number);
    // Whatever stands under a key with this owner's incarnation is this owner's.
    const key = segmentKey(shard, epoch, incarnation, number);
    if (!(await requests.put(key, built.parts, "segment", () => Promise.resolve()))) return;
    const { bytes, metaBytes, tailBytes } = built;
    const segment: Segment = { number, epoch, incarnation, bytes, metaBytes, tailBytes };
    // The log goes on from there under the fence of this owner.
    const change = ({ segments }: Manifest) => ({
      logStart: flush.toPlace,
      inForce: { epoch, incarnation },
      clockMs: flush.clockMs,
      basins: flush.basins,
      segments: [...segments, segment],
    });
    if (!(await manifests.publish(change))) return;
    this.segmentsPut += 1;
    this.segmentBytesPut += built.bytes;
    const moveAtMs = runtime.clock.monotonicMs() + CACHE_AGE_MS;
    this.#flushed.push({ flush, segment, built, moveAtMs });
    this.#moveReaders();
  }

  /** A chunk's content: in memory, or fetched and verified. */
  #chunk(place: number): EntryBytes | Promise<EntryBytes> {
    return this.#options.cachedChunk(place) ?? this.#fetch(place);
  }

  async #fetch(place: number): Promise<EntryBytes> {
    const { runtime, store, requests, shard } = this.#options;
    const key = walKey(shard, place);
    runtime.branches.reached("flush-from-store");
    const bytes = await requests.untilAnswered(() => store.get(key), key);
    verifyLogObject(key, place, bytes);
    return new FetchedRange(bytes, 0);
  }

  /** Sends readers from chunks that have left memory, or are old enough, to the segments that hold the same. */
  #moveReaders(): void {
    const { runtime, cachedChunk, isCrowded, onMoved } = this.#options;
    const nowMs = runtime.clock.monotonicMs();
    for (let first = this.#flushed[0]; first !== undefined; first = this.#flushed[0]) {
      if (first.moveAtMs > nowMs && cachedChunk(first.flush.toPlace - 1) !== undefined && !isCrowded()) break;
      this.#flushed.shift();
      this.#move(first);
      this.#movedCuts += 1;
      onMoved(first.flush.toPlace);
    }
    this.#arm();
  }

  #move({ flush, segment, built: { streams, facts } }: Flushed): void {
    const { live, clock } = this.#options;
    const { number } = segment;
    const object = segmentObject(number);
    live.add(segment, facts);
    let next = 0;
    // Both are in the order of the streams' ids.
    for (const { stream, entry } of flush.streams) {
      const runs = streams[next]?.id === stream.id ? streams[next++].runs : [];
      if (stream.lastWritePlace !== undefined && stream.lastWritePlace < flush.toPlace) {
        stream.lastWritePlace = undefined;
        stream.lastWriteMs = entry.lastWriteMs;
      }
      const before = stream.catalogSegment;
      stream.catalogSegment = number;
      if (stream.removed) for (const run of runs) live.runDied(object, run.end - run.offset, false);
      if (before >= 0 && (stream.removed || !stream.index.hasRunsIn(segmentObject(before)))) live.wordDied(before);
      const { trimPoint, keptFrom, durable } = stream;
      stream.index.moveToSegment(flush.toPlace, object, runs, trimPoint, keptFrom, durable.nextSeqNum);
    }
    // What the log needed to be told of them is not needed any more.
    for (const { catalogSegment } of flush.removals.streams) if (catalogSegment >= 0) live.wordDied(catalogSegment);
    for (const basinId of flush.removals.basins) live.basinDied(basinId);
    clock.forget(flush.toPlace);
  }

  #arm(): void {
    const first = this.#flushed[0];
    if (this.#timer !== undefined || first === undefined || this.#options.requests.stopped) return;
    const { clock, timers } = this.#options.runtime;
    this.#timer = timers.set(Math.max(0, first.moveAtMs - clock.monotonicMs()), () => {
      this.#timer = undefined;
      this.#moveReaders();
    });
  }
}

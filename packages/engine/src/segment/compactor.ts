// Merging segments and dropping those that nobody needs, in the background: when flushes have added segments it looks at all of them, does what the plan says,
// step by step, and is at rest again. Readers are sent to the new segment before the old ones are collected (docs/protocol.md).
import type { StreamCatalog } from "../catalog/stream-catalog.ts";
import { COLLECT_GRACE_MS, MERGE_PAUSE_MS } from "../limits.ts";
import type { EngineLogger } from "../logger.ts";
import type { ObjectStore } from "../object-store/index.ts";
import type { Runtime } from "../runtime/index.ts";
import { segmentKey } from "../shard/keys.ts";
import type { Manifest, Segment } from "../shard/manifest.ts";
import type { ManifestWriter } from "../shard/manifest-writer.ts";
import type { OwnerRequests } from "../shard/owner-requests.ts";
import { pause } from "../shard/waiting.ts";
import { segmentObject, segmentOf } from "../stream/run-index.ts";
import type { Stream } from "../stream/stream.ts";
import type { Collector } from "./collector.ts";
import type { LiveSegment, LiveSegments } from "./live-segments.ts";
import { type Merged, mergeSegments } from "./merge-segments.ts";
import { type CompactionLimits, type CompactionStep, type PlannedSegment, planCompaction } from "./plan-compaction.ts";
import type { SegmentStream } from "./segment-format.ts";
import { Turns } from "./turns.ts";

export interface CompactorOptions {
  readonly runtime: Runtime;
  readonly store: ObjectStore;
  readonly logger: EngineLogger;
  readonly shard: number;
  readonly requests: OwnerRequests;
  readonly manifests: ManifestWriter;
  readonly collector: Collector;
  readonly segments: LiveSegments;
  readonly catalog: StreamCatalog;
  readonly limits: CompactionLimits;
  /** Streams that a part of the log removes which is in no segment. */
  readonly removedInLog: () => Iterable<Stream>;
  /** The one of this id (in hexadecimal). */
  readonly findRemovedInLog: (id: string) => Stream | undefined;
  /** Whether something was written to the log a moment ago. */
  readonly isBusy: () => boolean;
  /** A DeposedError, a CorruptObjectError, or a broken invariant. */
  readonly onHalt: (error: Error) => void;
}

export class Compactor {
  readonly #options: CompactorOptions;
  #working: Promise<void> | undefined;
  #looksAgain = false;
  merges = 0;
  mergedBytesPut = 0;
  drops = 0;

  constructor(options: CompactorOptions) {
    this.#options = options;
  }

  /** What is under way; undefined at rest. Never fails. */
  get working(): Promise<void> | undefined {
    return this.#working;
  }

  /** Segments have been added. */
  look(): void {
    if (this.#options.requests.stopped) return;
    this.#looksAgain = true;
    this.#working ??= this.#work();
  }

  async #work(): Promise<void> {
    const { runtime, requests, onHalt } = this.#options;
    try {
      while (this.#looksAgain && !requests.stopped) {
        // Several may be added in one go.
        await new Promise<void>((resolve) => runtime.timers.immediate(resolve));
        this.#looksAgain = false;
        for (let step = await this.#plan(); step !== undefined; step = await this.#plan())
          if (!(await this.#do(step))) return;
      }
    } catch (error) {
      // What a stop leaves under way may fail. An owner that was deposed is told so by its log.
      if (requests.stopped) return;
      requests.stop();
      onHalt(error instanceof Error ? error : new Error(String(error)));
    } finally {
      this.#working = undefined;
    }
  }

  async #plan(): Promise<CompactionStep | undefined> {
    const { runtime, manifests, segments, catalog, limits, requests, removedInLog } = this.#options;
    // Those that readers are not sent to yet are the newest, and left alone.
    const named = manifests.manifest.segments.filter(({ number }) => segments.get(number) !== undefined);
    const streams = [...catalog.all(), ...removedInLog()];
    for (const stream of streams) stream.forgetTrimmed();
    const live = await segments.measure(streams, runtime);
    if (requests.stopped) return undefined;
    const planned = named.map(({ number, bytes, level = 0 }): PlannedSegment => {
      const measured = live.get(number) ?? { bytes, isNeeded: true };
      const hides = (segments.get(number)?.catalog.removals ?? 0) > 0;
      return { number, bytes, level, liveBytes: measured.bytes, isNeeded: measured.isNeeded, hides };
    });
    return planCompaction(planned, limits);
  }

  /** False when the owner has stopped. */
  async #do(step: CompactionStep): Promise<boolean> {
    const { runtime, segments } = this.#options;
    const inputs = step.segments.map((number) => {
      const input = segments.get(number);
      if (input === undefined) throw new Error(`segment ${number} is to be compacted, and is not live`);
      return input;
    });
    if (step.kind === "merge") return this.#merge(inputs, step.level);
    runtime.branches.reached("segment-dropped");
    if (!(await this.#publish(inputs, undefined))) return false;
    this.drops += inputs.length;
    this.#collect(inputs);
    return true;
  }

  async #merge(inputs: readonly LiveSegment[], level: number): Promise<boolean> {
    const { runtime, shard, requests, manifests, segments, catalog, findRemovedInLog } = this.#options;
    const { logStart } = manifests.manifest;
    const isOldest = manifests.manifest.segments[0]?.number === inputs[0].segment.number;
    const merged = await mergeSegments(inputs, isOldest, {
      runtime,
      catalog,
      findRemovedInLog,
      getRange: (key, offset, length) => this.#read(key, offset, length),
    });
    if (requests.stopped) return false;
    if (merged.isEmpty) {
      runtime.branches.reached("merged-into-nothing");
      if (!(await this.#publish(inputs, undefined))) return false;
      this.#collect(inputs);
      return true;
    }
    const { epoch, incarnation } = manifests.manifest;
    const number = manifests.takeSegmentNumber();
    const built = merged.builder.finish(epoch, Buffer.from(incarnation, "hex"), number);
    // Whatever stands under a key with this owner's incarnation is this owner's.
    const key = segmentKey(shard, epoch, incarnation, number);
    if (!(await requests.put(key, built.parts, "merged segment", () => Promise.resolve()))) return false;
    const segment: Segment = { number, epoch, incarnation, bytes: built.bytes, metaBytes: built.metaBytes, level };
    if (!(await this.#publish(inputs, segment))) return false;
    runtime.branches.reached(inputs.length > 1 ? "segments-merged" : "segment-rewritten");
    this.merges += 1;
    this.mergedBytesPut += built.bytes;
    if (manifests.manifest.logStart !== logStart) runtime.branches.reached("flushed-during-merge");
    segments.add(segment, built.catalog);
    await this.#moveReaders(inputs, number, merged, built.streams);
    if (requests.stopped) return false;
    this.#collect(inputs);
    return true;
  }

  /** A part of an input. While the log is busy, it waits a little first. Errors: CorruptObjectError; any, once stopped. */
  async #read(key: string, offset: number, length: number): Promise<Uint8Array> {
    const { runtime, store, requests, isBusy } = this.#options;
    if (isBusy()) {
      runtime.branches.reached("merge-paused");
      await pause(runtime, MERGE_PAUSE_MS);
    }
    if (requests.stopped) throw new Error("the owner has stopped");
    return requests.untilAnswered(() => store.getRange(key, offset, length), key);
  }

  /** Puts a manifest that names `segment`, if there is one, in the place of the inputs. */
  #publish(inputs: readonly LiveSegment[], segment: Segment | undefined): Promise<boolean> {
    const replaced = new Set(inputs.map((input) => input.segment.number));
    const change = ({ segments }: Manifest) => {
      const at = segments.findIndex(({ number }) => replaced.has(number));
      const rest = segments.filter(({ number }) => !replaced.has(number));
      if (rest.length + replaced.size !== segments.length)
        throw new Error("what was compacted is not named by the manifest in force");
      return { segments: segment === undefined ? rest : rest.toSpliced(at, 0, segment) };
    };
    return this.#options.manifests.publish(change);
  }

  /** Sends readers from the inputs to what was made of them. */
  async #moveReaders(
    inputs: readonly LiveSegment[],
    number: number,
    { streams }: Merged,
    built: readonly SegmentStream[],
  ): Promise<void> {
    const turns = new Turns(this.#options.runtime);
    const replaced = new Set(inputs.map((input) => input.segment.number));
    const isMerged = (object: number) => replaced.has(segmentOf(object) ?? -1);
    const object = segmentObject(number);
    let next = 0;
    // Both are in the order of the streams' ids.
    for (const stream of streams) {
      const runs = built[next]?.id === stream.id ? built[next++].runs : [];
      const { trimPoint, keptFrom, durable, index } = stream;
      index.moveToMerged(isMerged, object, runs, trimPoint, keptFrom, durable.nextSeqNum);
      if (replaced.has(stream.catalogSegment)) stream.catalogSegment = number;
      const turn = turns.after(0);
      if (turn !== undefined) await turn;
    }
    // Of those that the log removes, nothing is read any more.
    for (const stream of this.#options.removedInLog())
      if (replaced.has(stream.catalogSegment)) stream.catalogSegment = number;
  }

  /** No stream's index is pointed at these from now on. */
  #collect(inputs: readonly LiveSegment[]): void {
    const { runtime, segments, collector } = this.#options;
    for (const { segment } of inputs) segments.remove(segment.number);
    const atMs = runtime.clock.monotonicMs() + COLLECT_GRACE_MS;
    collector.collectSegments(
      inputs.map(({ key }) => key),
      atMs,
    );
  }
}

// Merging segments and dropping those that nobody needs, in the background: when flushes have added segments, or the log comes to rest, it looks at all of
// them, does what the plan says, step by step, and is at rest again. Readers are sent to the new segment before the old ones are collected (docs/protocol.md).
import type { ColdStreams } from "../catalog/cold-streams.ts";
import type { StreamCatalog } from "../catalog/stream-catalog.ts";
import { COLLECT_GRACE_MS, MERGE_PAUSE_MS } from "../limits.ts";
import type { EngineLogger } from "../logger.ts";
import type { ObjectStore } from "../object-store/index.ts";
import type { Runtime } from "../runtime/index.ts";
import { segmentKey } from "../shard/keys.ts";
import type { LogClock } from "../shard/log-clock.ts";
import type { Manifest, Segment } from "../shard/manifest.ts";
import type { ManifestWriter } from "../shard/manifest-writer.ts";
import type { OwnerRequests } from "../shard/owner-requests.ts";
import { pause } from "../shard/waiting.ts";
import { segmentObject, segmentOf } from "../stream/run-index.ts";
import type { Collector } from "./collector.ts";
import type { LiveSegment, LiveSegments } from "./live-segments.ts";
import { mergeSegments } from "./merge-segments.ts";
import { type CompactionLimits, type CompactionStep, type PlannedSegment, planCompaction } from "./plan-compaction.ts";
import type { Removals } from "./removals.ts";
import type { BuiltSegment } from "./segment-builder.ts";
import type { SegmentRun } from "./segment-format.ts";
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
  readonly clock: LogClock;
  /** What streams are that are not in memory; waits for the store until it answers. */
  readonly cold: ColdStreams;
  readonly limits: CompactionLimits;
  /** What parts of the log remove that are in no segment. */
  readonly removalsInLog: () => Iterable<Removals>;
  /** Streams are found in another segment. */
  readonly onReplaced: () => void;
  /** Whether something was written to the log a moment ago. */
  readonly isBusy: () => boolean;
  /** Whether nothing has been written for long: then as few segments are left as can be. */
  readonly isAtRest: () => boolean;
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

  /** Segments have been added, or the log has come to rest. */
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
    const { runtime, manifests, segments, catalog, limits, requests, isAtRest } = this.#options;
    const turns = new Turns(runtime);
    for (const stream of [...catalog.all()]) {
      stream.forgetTrimmed();
      const turn = turns.after(0);
      if (turn !== undefined) await turn;
    }
    if (requests.stopped) return undefined;
    // Those that readers are not sent to yet are the newest, and left alone.
    const named = manifests.manifest.segments.filter(({ number }) => segments.get(number) !== undefined);
    const planned = named.map(({ number, bytes, level = 0 }): PlannedSegment => {
      const live = segments.get(number);
      const liveBytes = Math.max(0, live?.liveBytes ?? bytes);
      const removalBytes = live?.directory?.removalBytes ?? 0;
      // What dies is counted by averages: what seems to be needed by nobody is read all the same.
      const isNeeded = live?.directory === undefined || liveBytes - removalBytes > live.wordBytes / 2;
      return { number, bytes, level, liveBytes, isNeeded, hides: removalBytes > 0 };
    });
    const step = planCompaction(planned, limits);
    if (step !== undefined || !isAtRest()) return step ?? this.#upgrade(named);
    const restStep = planCompaction(planned, limits, true);
    if (restStep !== undefined) runtime.branches.reached("merged-at-rest");
    return restStep ?? this.#upgrade(named);
  }

  /** What has no directory is written anew, one after another. */
  #upgrade(named: readonly Segment[]): CompactionStep | undefined {
    const old = named.find(({ tailBytes }) => tailBytes === undefined);
    return old === undefined ? undefined : { kind: "merge", segments: [old.number], level: old.level ?? 0 };
  }

  /** False when the owner has stopped. */
  async #do(step: CompactionStep): Promise<boolean> {
    const { segments } = this.#options;
    const inputs = step.segments.map((number) => {
      const input = segments.get(number);
      if (input === undefined) throw new Error(`segment ${number} is to be compacted, and is not live`);
      return input;
    });
    if (step.kind === "merge") return this.#merge(inputs, step.level);
    for (const input of inputs) if (!(await this.#merge([input], input.segment.level ?? 0))) return false;
    return true;
  }

  async #merge(inputs: readonly LiveSegment[], level: number): Promise<boolean> {
    const { runtime, shard, requests, manifests, segments } = this.#options;
    const { logStart } = manifests.manifest;
    const isOldest = manifests.manifest.segments[0]?.number === inputs[0].segment.number;
    const merged = await mergeSegments(inputs, isOldest, {
      ...this.#options,
      live: segments,
      getRange: (key, offset, length) => this.#read(key, offset, length),
    });
    if (requests.stopped) return false;
    if (merged.isEmpty) {
      runtime.branches.reached("merged-into-nothing");
      if (!(await this.#publish(inputs, undefined))) return false;
      this.drops += inputs.length;
      await this.#moveReaders(inputs, undefined, undefined);
      if (requests.stopped) return false;
      this.#collect(inputs);
      return true;
    }
    const { epoch, incarnation } = manifests.manifest;
    const number = manifests.takeSegmentNumber();
    const built = merged.builder.finish(epoch, Buffer.from(incarnation, "hex"), number);
    // Whatever stands under a key with this owner's incarnation is this owner's.
    const key = segmentKey(shard, epoch, incarnation, number);
    if (!(await requests.put(key, built.parts, "merged segment", () => Promise.resolve()))) return false;
    const { bytes, metaBytes, tailBytes } = built;
    const segment: Segment = { number, epoch, incarnation, bytes, metaBytes, tailBytes, level };
    if (!(await this.#publish(inputs, segment))) return false;
    runtime.branches.reached(inputs.length > 1 ? "segments-merged" : "segment-rewritten");
    this.merges += 1;
    this.mergedBytesPut += built.bytes;
    if (manifests.manifest.logStart !== logStart) runtime.branches.reached("flushed-during-merge");
    await this.#moveReaders(inputs, segment, built);
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

  /** Sends readers from the inputs to what was made of them, if that is anything: first those who open a stream from now on, then those in memory. */
  async #moveReaders(
    inputs: readonly LiveSegment[],
    segment: Segment | undefined,
    built: BuiltSegment | undefined,
  ): Promise<void> {
    const { runtime, segments, catalog, onReplaced } = this.#options;
    const turns = new Turns(runtime);
    const replaced = new Set(inputs.map((input) => input.segment.number));
    segments.replace(replaced, segment, built?.facts);
    onReplaced();
    // Who comes into memory from here on has been found in the new one. Of most streams that it tells of nobody is in memory.
    const inMemory = [...catalog.all()];
    const runsOf = new Map<string, readonly SegmentRun[]>();
    for (const { id } of inMemory) runsOf.set(Buffer.from(id).toString("hex"), []);
    for (const { id, runs } of built?.streams ?? []) {
      const hex = Buffer.from(id).toString("hex");
      if (runsOf.has(hex)) runsOf.set(hex, runs);
      const turn = turns.after(0);
      if (turn !== undefined) await turn;
    }
    const number = segment?.number ?? -1;
    const isMerged = (object: number) => replaced.has(segmentOf(object) ?? -1);
    for (const stream of inMemory) {
      const { trimPoint, keptFrom, durable, index } = stream;
      if (replaced.has(stream.catalogSegment)) stream.catalogSegment = number;
      const runs = runsOf.get(Buffer.from(stream.id).toString("hex")) ?? [];
      index.moveToMerged(isMerged, segmentObject(number), runs, trimPoint, keptFrom, durable.nextSeqNum);
      const turn = turns.after(0);
      if (turn !== undefined) await turn;
    }
    // Of those that the log removes nothing is read any more.
    for (const { streams } of this.#options.removalsInLog())
      for (const stream of streams) if (replaced.has(stream.catalogSegment)) stream.catalogSegment = number;
  }

  /** No stream's index is pointed at these from now on. */
  #collect(inputs: readonly LiveSegment[]): void {
    const { runtime, segments, collector } = this.#options;
    for (const { segment } of inputs) segments.retire(segment.number);
    const atMs = runtime.clock.monotonicMs() + COLLECT_GRACE_MS;
    collector.collectSegments(
      inputs.map(({ key }) => key),
      atMs,
    );
  }
}

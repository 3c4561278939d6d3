// What a takeover makes of what it reads: the streams that the log tells of, in memory, and where all others are found. Of segments it reads what is at
// their ends; all of them, as long as there is one of before segments had directories.
import { ColdStreams } from "../catalog/cold-streams.ts";
import { Replay } from "../catalog/replay.ts";
import { StreamCatalog } from "../catalog/stream-catalog.ts";
import type { RunCache } from "../history/run-cache.ts";
import type { Runtime } from "../runtime/index.ts";
import { LiveSegments } from "../segment/live-segments.ts";
import { loadSegments, loadTails } from "../segment/load-segments.ts";
import { SegmentBlocks } from "../segment/segment-blocks.ts";
import { Unflushed } from "../segment/unflushed.ts";
import type { Stream } from "../stream/stream.ts";
import type { LogObjectHeader } from "./chunk-format.ts";
import { LogClock } from "./log-clock.ts";
import type { Manifest } from "./manifest.ts";
import type { StoreReads } from "./retry.ts";

export class Rebuilt {
  readonly catalog = new StreamCatalog();
  readonly clock = new LogClock();
  readonly unflushed: Unflushed;
  readonly segments: LiveSegments;
  /** Metered bytes that are counted of each basin, as of the log's start. */
  readonly stored = new Map<string, number>();
  readonly #shard: number;
  readonly #replay: Replay;
  readonly #manifest: Manifest | undefined;

  constructor(shard: number, manifest: Manifest | undefined) {
    const { logStart = 0, clockMs = 0, basins } = manifest ?? {};
    this.#shard = shard;
    this.#manifest = manifest;
    this.segments = new LiveSegments(shard);
    this.unflushed = new Unflushed(logStart);
    if (clockMs > 0) this.clock.add(logStart - 1, clockMs);
    this.#replay = new Replay(this.catalog, this.clock, this.unflushed, basins !== undefined);
    for (const [id, [streams, storedBytes, sinceMs]] of Object.entries(basins ?? {})) {
      this.catalog.begin(id, { streams, sinceMs });
      this.stored.set(id, storedBytes);
    }
  }

  /** Errors: CorruptObjectError, ObjectStoreError; LogMovedError when a segment is missing. */
  async load(reads: StoreReads): Promise<void> {
    const { segments = [], basins } = this.#manifest ?? {};
    if (segments.every(({ tailBytes }) => tailBytes !== undefined)) {
      await loadTails(reads, this.#shard, segments, (segment, facts) => this.segments.add(segment, facts));
      return;
    }
    await loadSegments(reads, this.#shard, segments, (segment, key, meta) => {
      this.#replay.applySegment(key, meta);
      this.segments.add(segment, meta);
    });
    this.#replay.segmentsApplied();
    if (basins !== undefined) return;
    for (const { basinId, countedBytes } of this.catalog.all())
      this.stored.set(basinId, (this.stored.get(basinId) ?? 0) + countedBytes);
  }

  apply(key: string, header: LogObjectHeader, bytes: Uint8Array): void {
    this.#replay.apply(key, header, bytes);
  }

  /** The log has been read, and the shard is this process's: looks up the streams that the log tells of, and segments know. Errors: CorruptObjectError;
   * ObjectStoreError, of kind `absent` when a segment is missing. */
  async resolve(runtime: Runtime, reads: StoreReads, cache: RunCache): Promise<void> {
    const blocks = new SegmentBlocks(async ({ key }, offset, length, verify) => {
      const bytes = await reads.getRange(key, offset, length);
      verify(bytes);
      return bytes;
    }, cache);
    if (await this.#replay.resolve(new ColdStreams(runtime, this.segments, blocks), this.segments))
      runtime.branches.reached("resolved-from-segments");
    for (const stream of this.catalog.all()) {
      stream.deadBytes = this.segments;
      // Nobody reads yet. The owner before may have left out of a segment what he had forgotten: what stands before that must not be kept without it.
      stream.forgetTrimmed();
    }
    for (const basinId of this.unflushed.removals.basins) this.stored.delete(basinId);
  }

  /** Whose stored bytes may be others than those that are counted: the log has told of them. */
  *changed(): Iterable<Stream> {
    yield* this.catalog.all();
    for (const stream of this.unflushed.removals.streams) if (!this.catalog.hasEnded(stream.basinId)) yield stream;
  }
}

// Which of a shard's streams are in memory: opens those that are asked for or fall due, lists all of them, and lets go of those that nobody uses. Puts the
// parts together that do it.
import type { ListOptions, Page, StreamInfo } from "../engine-api.ts";
import { OwnedRanges } from "../history/owned-ranges.ts";
import type { RunCache } from "../history/run-cache.ts";
import type { ObjectStore } from "../object-store/index.ts";
import type { Runtime } from "../runtime/index.ts";
import type { LiveSegments } from "../segment/live-segments.ts";
import { SegmentBlocks } from "../segment/segment-blocks.ts";
import type { CorruptObjectError } from "../shard/corrupt.ts";
import type { LogClock } from "../shard/log-clock.ts";
import type { Stream } from "../stream/stream.ts";
import type { UsageMeter } from "../usage/usage-meter.ts";
import { ColdStreams, SegmentReplacedError } from "./cold-streams.ts";
import { Dormancy } from "./dormancy.ts";
import type { StreamCatalog } from "./stream-catalog.ts";
import { StreamListing } from "./stream-listing.ts";
import { StreamOpener } from "./stream-opener.ts";

export interface OpenStreamsOptions {
  readonly runtime: Runtime;
  readonly store: ObjectStore;
  readonly catalog: StreamCatalog;
  readonly live: LiveSegments;
  readonly clock: LogClock;
  readonly usage: UsageMeter;
  readonly cache: RunCache;
  readonly dormantMs: number;
  readonly manyStreams: number;
  /** Flushes whose streams are found in segments. */
  readonly movedCuts: () => number;
  /** Whether the log, beyond all segments, removes a stream or basin of this id. */
  readonly isRemovedInLog: (id: string) => boolean;
  /** Resolves when this process still owns the shard. Errors: EngineError. */
  readonly assertOwner: () => Promise<void> | undefined;
  /** A stream has come into memory. */
  readonly onOpened: (stream: Stream) => void;
  /** A stream has left memory. */
  readonly onForgotten: (stream: Stream) => void;
  readonly onCorrupt: (error: CorruptObjectError) => void;
}

export class OpenStreams {
  readonly live: LiveSegments;
  readonly #options: OpenStreamsOptions;
  readonly #cold: ColdStreams;
  readonly #opener: StreamOpener;
  readonly #listing: StreamListing;
  readonly #dormancy: Dormancy;

  constructor(options: OpenStreamsOptions) {
    const { runtime, live, cache, assertOwner, onOpened } = options;
    const ranges = new OwnedRanges(options);
    const blocks = new SegmentBlocks((segment, offset, length, verify) => {
      // What is read while it is live stays for longer than a get may take.
      if (!live.has(segment)) return Promise.reject(new SegmentReplacedError());
      return ranges.get(segment.key, offset, length, verify);
    }, cache);
    this.#options = options;
    this.live = live;
    this.#cold = new ColdStreams(runtime, live, blocks);
    this.#listing = new StreamListing({ ...options, blocks, ensureLease: assertOwner });
    this.#dormancy = new Dormancy(options);
    this.#opener = new StreamOpener({
      ...options,
      cold: this.#cold,
      onOpened: (stream) => {
        this.#dormancy.used(stream);
        this.#dormancy.arm();
        onOpened(stream);
      },
    });
  }

  /** Sees to it that the stream of this name is in memory, if there is one; undefined when that is so at once. Errors: EngineError. */
  open(basinId: string, name: string): Promise<void> | undefined {
    return this.#opener.open(basinId, name);
  }

  /** It is new: used for the first time, and what else is being looked up under its name is an older one. */
  created(stream: Stream): void {
    this.#dormancy.used(stream);
    this.#opener.created(stream.basinId, stream.name);
  }

  /** There are so many in memory that they leave it as soon as they can. */
  get isCrowded(): boolean {
    return this.#dormancy.isCrowded;
  }

  /** Somebody asked for it. */
  used(stream: Stream): void {
    this.#dormancy.used(stream);
  }

  /** Something that kept it in memory is over. */
  mayRest(stream: Stream): void {
    if (stream.readers === 0 && stream.appenders === 0) this.#dormancy.arm();
  }

  /** Streams of a flush are found in its segment. */
  movedSome(): void {
    this.#dormancy.arm();
  }

  list(
    basinId: string,
    options: ListOptions,
    shown: (stream: Stream) => StreamInfo | undefined,
  ): Promise<Page<StreamInfo>> {
    return this.#listing.list(basinId, options, shown);
  }

  /** Takes streams into memory that fall due by a time, a block's; false when there is none. Errors: EngineError, and then they are still due. */
  async openDue(nowMs: number): Promise<boolean> {
    const { runtime, live, catalog } = this.#options;
    const block = live.takeDue(nowMs);
    if (block === undefined) return false;
    let dueMs = nowMs;
    try {
      const { due, nextMs } = await this.#cold.dueIn(block.live, block.block, nowMs);
      for (const { basinId, name, id } of due) {
        // What is in memory is watched; what was removed is gone.
        if (catalog.byId(id) !== undefined || this.#isRemoved(id) || this.#isRemoved(basinId)) continue;
        runtime.branches.reached("cold-stream-due");
        const opening = this.open(basinId, name);
        if (opening !== undefined) await opening;
      }
      dueMs = nextMs;
    } catch (error) {
      if (!(error instanceof SegmentReplacedError)) throw error;
    } finally {
      live.seenTo(block, dueMs);
    }
    return true;
  }

  #isRemoved(id: string): boolean {
    return this.live.removes(id) || this.#options.isRemovedInLog(id);
  }

  stop(): void {
    this.#opener.stop();
    this.#dormancy.stop();
  }
}

// Letting go of streams that nobody uses: those of which segments tell all, with nothing open on them and nothing on its way, that nobody has asked for
// between two looks. Holds a timer only while a stream may become one of these.
import { SYSTEM_BASIN_ID } from "../account/system-stream.ts";
import { CROWDED_LOOK_MS } from "../limits.ts";
import { durableDueMs } from "../retention/ageing.ts";
import type { Runtime, TimerHandle } from "../runtime/index.ts";
import type { LiveSegments } from "../segment/live-segments.ts";
import { Turns } from "../segment/turns.ts";
import type { LogClock } from "../shard/log-clock.ts";
import { segmentOf } from "../stream/run-index.ts";
import type { Stream } from "../stream/stream.ts";
import type { UsageMeter } from "../usage/usage-meter.ts";
import type { StreamCatalog } from "./stream-catalog.ts";

export interface DormancyOptions {
  readonly runtime: Runtime;
  readonly catalog: StreamCatalog;
  readonly live: LiveSegments;
  readonly clock: LogClock;
  readonly usage: UsageMeter;
  /** Between two looks: what was not used from one to the next is let go. */
  readonly dormantMs: number;
  /** Streams in memory beyond which they leave it whether somebody asked for them lately or not. */
  readonly manyStreams: number;
  /** Flushes whose streams are found in segments. */
  readonly movedCuts: () => number;
  readonly onForgotten: (stream: Stream) => void;
}

export class Dormancy {
  readonly #options: DormancyOptions;
  #timer: TimerHandle | undefined;
  /** When it comes, monotonic. */
  #timerAtMs = 0;
  #looking = false;
  #stopped = false;
  /** How many looks there were. */
  #looks = 0;

  constructor(options: DormancyOptions) {
    this.#options = options;
  }

  get isCrowded(): boolean {
    return this.#options.catalog.inMemory > this.#options.manyStreams;
  }

  /** Somebody uses it. Cheap: called whenever a stream is asked for. */
  used(stream: Stream): void {
    stream.usedIn = this.#looks;
  }

  /** A stream may have become dormant. */
  arm(): void {
    if (this.#looking || this.#stopped) return;
    const { runtime, dormantMs } = this.#options;
    const { clock, timers } = runtime;
    const delayMs = this.isCrowded ? Math.min(CROWDED_LOOK_MS, dormantMs) : dormantMs;
    const atMs = clock.monotonicMs() + delayMs;
    if (this.#timer !== undefined) {
      if (this.#timerAtMs <= atMs) return;
      timers.clear(this.#timer);
    }
    this.#timerAtMs = atMs;
    this.#timer = timers.set(delayMs, () => {
      this.#timer = undefined;
      void this.#look();
    });
  }

  stop(): void {
    this.#stopped = true;
    if (this.#timer !== undefined) this.#options.runtime.timers.clear(this.#timer);
    this.#timer = undefined;
  }

  async #look(): Promise<void> {
    const { runtime, catalog } = this.#options;
    const turns = new Turns(runtime);
    this.#looking = true;
    this.#looks += 1;
    let looksAgain = false;
    for (const stream of [...catalog.all()]) {
      if (this.#stopped) return;
      if (this.#mayGo(stream)) {
        if (stream.usedIn < this.#looks - 1 || this.isCrowded) this.#forget(stream);
        else looksAgain = true;
      }
      const turn = turns.after(0);
      if (turn !== undefined) await turn;
    }
    this.#looking = false;
    if (looksAgain) this.arm();
  }

  /** Whether segments tell all of it, and nobody needs it in memory. */
  #mayGo(stream: Stream): boolean {
    const { movedCuts, live } = this.#options;
    if (stream.forgotten || stream.removed || stream.ended || !stream.born || stream.deletedAtMs !== null) return false;
    if (stream.readers > 0 || stream.appenders > 0 || stream.lastChunk !== undefined) return false;
    if (stream.basinId === SYSTEM_BASIN_ID || stream.inFlush >= movedCuts()) return false;
    if (live.get(stream.catalogSegment)?.directory === undefined) return false;
    for (let run = 0; run < stream.index.count; run += 1) {
      const number = segmentOf(stream.index.object(run));
      if (number === undefined || live.get(number)?.directory === undefined) return false;
    }
    return true;
  }

  #forget(stream: Stream): void {
    const { runtime, catalog, live, clock, usage, onForgotten } = this.#options;
    stream.forgotten = true;
    live.noteDue(stream.catalogSegment, Buffer.from(stream.id).toString("hex"), durableDueMs(stream, clock));
    catalog.forget(stream);
    usage.forget(stream);
    runtime.branches.reached("stream-forgotten");
    onForgotten(stream);
  }
}

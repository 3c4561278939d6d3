// Opening streams that are not in memory: whoever asks for one waits for the same lookup. What is found enters the catalog as it was, or not at all: as
// long as a stream is being looked up nobody can have it, and so nothing can happen to it meanwhile. But a stream of the name may be created, by somebody
// who waited for a lookup that ended when this one began: then what this one finds is old, and it looks again.
import { EngineError } from "../errors.ts";
import type { Runtime } from "../runtime/index.ts";
import type { LiveSegment, LiveSegments } from "../segment/live-segments.ts";
import { idOfEntry } from "../segment/segment-blocks.ts";
import type { Stream } from "../stream/stream.ts";
import { type ColdStream, type ColdStreams, SegmentReplacedError } from "./cold-streams.ts";
import type { StreamCatalog } from "./stream-catalog.ts";
import { openedStream } from "./told-stream.ts";

export interface StreamOpenerOptions {
  readonly runtime: Runtime;
  readonly catalog: StreamCatalog;
  readonly live: LiveSegments;
  readonly cold: ColdStreams;
  /** Whether the log, beyond all segments, removes a stream or basin of this id. */
  readonly isRemovedInLog: (id: string) => boolean;
  readonly onOpened: (stream: Stream) => void;
}

export class StreamOpener {
  readonly #options: StreamOpenerOptions;
  readonly #opening = new Map<string, Promise<void>>();
  /** Of what is being looked up: names that were given to a new stream since the last look. */
  readonly #overtaken = new Set<string>();
  #stopped = false;

  constructor(options: StreamOpenerOptions) {
    this.#options = options;
  }

  /** Sees to it that the stream of this name is in the catalog, if there is one; undefined when that is so at once. Errors: EngineError `unavailable`,
   * `storage`. */
  open(basinId: string, name: string): Promise<void> | undefined {
    const { catalog, live } = this.#options;
    if (catalog.get(basinId, name) !== undefined || catalog.hasEnded(basinId)) return undefined;
    const key = keyOf(basinId, name);
    const opening = this.#opening.get(key);
    if (opening !== undefined) return opening;
    if (!live.mayHaveName({ basinId, name })) return undefined;
    const open = this.#open(basinId, name).finally(() => {
      this.#opening.delete(key);
      this.#overtaken.delete(key);
    });
    this.#opening.set(key, open);
    return open;
  }

  /** A stream of this name was created: what is being looked up is an older one. */
  created(basinId: string, name: string): void {
    const key = keyOf(basinId, name);
    if (this.#opening.has(key)) this.#overtaken.add(key);
  }

  async #open(basinId: string, name: string): Promise<void> {
    const { runtime, catalog, live, cold, isRemovedInLog, onOpened } = this.#options;
    while (catalog.get(basinId, name) === undefined) {
      const found = await this.#found(() => cold.find({ basinId, name }));
      if (this.#stopped) throw new EngineError("unavailable", "the shard has stopped");
      if (this.#overtaken.delete(keyOf(basinId, name))) {
        runtime.branches.reached("cold-open-overtaken");
        continue;
      }
      if (found === undefined) return;
      if (found === "replaced" || !segmentsOf(found).every((segment) => live.has(segment))) {
        runtime.branches.reached("cold-open-restarted");
        continue;
      }
      const ids = [idOfEntry(found.entry), basinId];
      // Also meanwhile.
      if (catalog.hasEnded(basinId)) return;
      if (ids.some((id) => live.removes(id) || isRemovedInLog(id))) return;
      const stream = openedStream(found, live);
      catalog.open(stream);
      runtime.branches.reached("stream-opened-cold");
      onOpened(stream);
      return;
    }
  }

  /** What a lookup finds; `replaced` when it has come upon a segment in whose place another stands. */
  async #found<T>(lookUp: () => Promise<T>): Promise<T | "replaced"> {
    try {
      return await lookUp();
    } catch (error) {
      if (error instanceof SegmentReplacedError) return "replaced";
      throw error;
    }
  }

  stop(): void {
    this.#stopped = true;
  }
}

function keyOf(basinId: string, name: string): string {
  return `${basinId}/${name}`;
}

function segmentsOf({ source, runs }: ColdStream): LiveSegment[] {
  return [source, ...runs.map(({ segment }) => segment)];
}

// A page of a basin's streams: what segments tell of, with what is in memory in its place. What is told holds at one moment, at its end.
import { ALL_RESOURCES, narrowed } from "../account/resource-set.ts";
import type { ListOptions, Page, StreamInfo } from "../engine-api.ts";
import type { Runtime } from "../runtime/index.ts";
import type { LiveSegments } from "../segment/live-segments.ts";
import type { SegmentBlocks } from "../segment/segment-blocks.ts";
import type { NamedStream } from "../segment/segment-names.ts";
import type { Stream } from "../stream/stream.ts";
import { compareNames } from "./byte-order.ts";
import { ColdNames } from "./cold-names.ts";
import { SegmentReplacedError } from "./cold-streams.ts";
import type { StreamCatalog } from "./stream-catalog.ts";

export interface StreamListingOptions {
  readonly runtime: Runtime;
  readonly catalog: StreamCatalog;
  readonly live: LiveSegments;
  readonly blocks: SegmentBlocks;
  /** Whether the log, beyond all segments, removes a stream or basin of this id. */
  readonly isRemovedInLog: (id: string) => boolean;
  readonly ensureLease: () => Promise<void> | undefined;
}

/** What the pages of a listing are made of: those that `shown` answers nothing for are left out. */
type Shown = (stream: Stream) => StreamInfo | undefined;

export class StreamListing {
  readonly #options: StreamListingOptions;

  constructor(options: StreamListingOptions) {
    this.#options = options;
  }

  /** Errors: EngineError. */
  async list(basinId: string, options: ListOptions, shown: Shown): Promise<Page<StreamInfo>> {
    const { runtime, live } = this.#options;
    for (;;) {
      const segments = live.inOrder;
      const page = await this.#page(basinId, options, shown).catch((error: unknown) => {
        if (error instanceof SegmentReplacedError) return undefined;
        throw error;
      });
      // What was flushed or merged meanwhile may have left memory since.
      if (page !== undefined && live.inOrder === segments) return page;
      runtime.branches.reached("listing-restarted");
    }
  }

  async #page(basinId: string, options: ListOptions, shown: Shown): Promise<Page<StreamInfo>> {
    const { catalog, live, blocks, isRemovedInLog, ensureLease } = this.#options;
    const wanted = narrowed(options.within ?? ALL_RESOURCES, options.prefix);
    if (wanted.kind === "none") return { items: [], hasMore: false };
    const begin = wanted.kind === "exact" ? wanted.name : wanted.prefix;
    const from = compareNames(options.startAfter, begin) >= 0 ? options.startAfter : begin;
    const isWanted = (name: string) => (wanted.kind === "exact" ? name === begin : name.startsWith(begin));
    const names = new ColdNames(live.inOrder, blocks, { basinId, name: from });
    const isCold = ({ name, id }: NamedStream) =>
      catalog.get(basinId, name) === undefined && !live.removes(id) && !isRemovedInLog(id);
    const found: NamedStream[] = [];
    // What is removed makes the page short: then it goes on, twice as far each time, for it looks at all that was found again.
    for (let wantedNames = options.limit + 1; ; wantedNames *= 2) {
      let isWhole = false;
      while (found.length < wantedNames && !isWhole) {
        const named = await names.next();
        if (named === undefined || named.basinId !== basinId || !isWanted(named.name)) isWhole = true;
        else if (named.name !== options.startAfter) found.push(named);
      }
      const lease = ensureLease();
      if (lease !== undefined) await lease;
      const cold = live.removes(basinId) || isRemovedInLog(basinId) ? [] : found.filter(isCold);
      const inMemory = catalog.basin(basinId)?.list({ ...options, limit: options.limit + 1 }, shown).items ?? [];
      const items = [...inMemory, ...cold.map(infoOf)].sort((a, b) => compareNames(a.name, b.name));
      const last = items[options.limit];
      // Segments may tell of others behind the last name that was found, and of none before it.
      const to = found.at(-1)?.name;
      if (isWhole || (last !== undefined && to !== undefined && compareNames(last.name, to) <= 0))
        return { items: items.slice(0, options.limit), hasMore: last !== undefined };
    }
  }
}

function infoOf({ name, createdAtMs, deletedAtMs, cipher }: NamedStream): StreamInfo {
  return { name, createdAtMs, deletedAtMs, cipher };
}

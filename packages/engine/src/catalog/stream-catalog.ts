// The streams of a shard that are in memory, by basin and name and by id: what has been assigned, whether durable yet or not. And how many there are
// in all, those that are found in segments alone included. A pure container: what stands in the log about streams is in `entries.ts`, where the
// others are found in `cold-streams.ts`, and who may see what is the shard's to decide.
import type { Stream } from "../stream/stream.ts";
import { NameTree } from "./name-tree.ts";

/** What is durable of a basin's streams. */
export interface BasinCount {
  streams: number;
  /** When the first of them was created, of all that it ever had; Infinity before. */
  sinceMs: number;
}

export class StreamCatalog {
  readonly #basins = new Map<string, NameTree<Stream>>();
  readonly #byId = new Map<string, Stream>();
  /** Names that are taken, whether that is durable or not. */
  readonly #taken = new Map<string, number>();
  readonly #durable = new Map<string, BasinCount>();
  /** Basins whose end is in the log, durable or not: nothing of them is opened any more. */
  readonly #ended = new Set<string>();
  #count = 0;

  /** Streams of all basins. */
  get count(): number {
    return this.#count;
  }

  /** Of those, the ones in memory. */
  get inMemory(): number {
    return this.#byId.size;
  }

  /** Streams that a basin has, those whose creation is in flight included. */
  taken(basinId: string): number {
    return this.#taken.get(basinId) ?? 0;
  }

  durable(): ReadonlyMap<string, Readonly<BasinCount>> {
    return this.#durable;
  }

  get(basinId: string, name: string): Stream | undefined {
    return this.#basins.get(basinId)?.get(name);
  }

  /** By id in hexadecimal. */
  byId(id: string): Stream | undefined {
    return this.#byId.get(id);
  }

  /** What segments hold when counting begins. */
  begin(basinId: string, count: BasinCount): void {
    this.#durable.set(basinId, { ...count });
    this.#taken.set(basinId, count.streams);
    this.#count += count.streams;
  }

  /** A new stream. */
  add(stream: Stream): void {
    this.open(stream);
    this.#taken.set(stream.basinId, this.taken(stream.basinId) + 1);
    this.#count += 1;
  }

  /** Its creation is durable. */
  born({ basinId, createdAtMs }: Stream): void {
    const count = this.#durable.get(basinId) ?? { streams: 0, sinceMs: Number.POSITIVE_INFINITY };
    this.#durable.set(basinId, count);
    count.streams += 1;
    count.sinceMs = Math.min(count.sinceMs, createdAtMs);
  }

  /** Takes a stream into memory that was there before. */
  open(stream: Stream): void {
    let basin = this.#basins.get(stream.basinId);
    if (basin === undefined) {
      basin = new NameTree();
      this.#basins.set(stream.basinId, basin);
    }
    basin.set(stream.name, stream);
    this.#byId.set(hexOf(stream.id), stream);
  }

  /** Lets go of a stream that is found in segments. */
  forget(stream: Stream): void {
    this.#byId.delete(hexOf(stream.id));
    const basin = this.#basins.get(stream.basinId);
    if (basin?.get(stream.name) !== stream) return;
    basin.delete(stream.name);
    if (basin.size === 0) this.#basins.delete(stream.basinId);
  }

  /** Frees the stream's name, if it is still this stream's: its removal is durable. */
  remove(stream: Stream): void {
    if (this.get(stream.basinId, stream.name) !== stream) return;
    this.forget(stream);
    this.uncount(stream.basinId);
  }

  /** A stream of the basin is removed that was not in memory. */
  uncount(basinId: string): void {
    // Then all of its streams are.
    if (this.#ended.has(basinId)) return;
    this.#count -= 1;
    this.#taken.set(basinId, this.taken(basinId) - 1);
    const count = this.#durable.get(basinId);
    if (count !== undefined) count.streams -= 1;
  }

  /** The streams of a basin that are in memory, by name; undefined when none is. */
  basin(basinId: string): NameTree<Stream> | undefined {
    return this.#basins.get(basinId);
  }

  /** The basin's end is in the log. */
  endBasin(basinId: string): void {
    this.#ended.add(basinId);
  }

  hasEnded(basinId: string): boolean {
    return this.#ended.has(basinId);
  }

  /** The basin's end is durable. */
  removeBasin(basinId: string): void {
    this.#ended.add(basinId);
    for (const stream of this.#basins.get(basinId)?.values() ?? []) this.#byId.delete(hexOf(stream.id));
    this.#basins.delete(basinId);
    this.#count -= this.taken(basinId);
    this.#taken.delete(basinId);
    this.#durable.delete(basinId);
  }

  /** Those in memory. */
  *all(): Iterable<Stream> {
    for (const basin of this.#basins.values()) yield* basin.values();
  }
}

function hexOf(id: Uint8Array): string {
  return Buffer.from(id).toString("hex");
}

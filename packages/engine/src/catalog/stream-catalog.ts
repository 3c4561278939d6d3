// The streams of a shard by basin and name: what has been assigned, whether durable yet or not.
// A pure container: what stands in the log about it is in `entries.ts`, and who may see what is the shard's to decide.
import type { Stream } from "../stream/stream.ts";
import { NameTree } from "./name-tree.ts";

export class StreamCatalog {
  readonly #basins = new Map<string, NameTree<Stream>>();
  #count = 0;

  get count(): number {
    return this.#count;
  }

  get(basinId: string, name: string): Stream | undefined {
    return this.#basins.get(basinId)?.get(name);
  }

  add(stream: Stream): void {
    let basin = this.#basins.get(stream.basinId);
    if (basin === undefined) {
      basin = new NameTree();
      this.#basins.set(stream.basinId, basin);
    }
    basin.set(stream.name, stream);
    this.#count += 1;
  }

  /** Frees the stream's name, if it is still this stream's. */
  remove(stream: Stream): void {
    const basin = this.#basins.get(stream.basinId);
    if (basin?.get(stream.name) !== stream) return;
    basin.delete(stream.name);
    this.#count -= 1;
    if (basin.size === 0) this.#basins.delete(stream.basinId);
  }

  /** The streams of a basin, by name; undefined when it has none. */
  basin(basinId: string): NameTree<Stream> | undefined {
    return this.#basins.get(basinId);
  }

  removeBasin(basinId: string): void {
    this.#count -= this.#basins.get(basinId)?.size ?? 0;
    this.#basins.delete(basinId);
  }

  *all(): Iterable<Stream> {
    for (const basin of this.#basins.values()) yield* basin.values();
  }

  clear(): void {
    this.#basins.clear();
    this.#count = 0;
  }
}

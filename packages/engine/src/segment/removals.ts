// The streams that a part of the log removes: each by itself, or with its basin. As long as that part is in no segment, whoever reads the log needs what
// older segments say of them.
import type { Stream } from "../stream/stream.ts";

export class Removals {
  /** Those that were removed by themselves, by id in hexadecimal. */
  readonly #streams = new Map<string, Stream>();
  /** Ids of basins, in hexadecimal. */
  readonly #basins = new Set<string>();

  /** The stream's removal has become durable. */
  removed(stream: Stream): void {
    this.#streams.set(Buffer.from(stream.id).toString("hex"), stream);
  }

  /** The removal of a basin has become durable. */
  basinRemoved(basinId: string): void {
    this.#basins.add(basinId);
  }

  get streams(): Iterable<Stream> {
    return this.#streams.values();
  }

  /** Ids, in hexadecimal. */
  get basins(): Iterable<string> {
    return this.#basins;
  }

  /** By id in hexadecimal; undefined unless it was removed by itself. */
  stream(id: string): Stream | undefined {
    return this.#streams.get(id);
  }

  hasBasin(id: string): boolean {
    return this.#basins.has(id);
  }
}

// The streams that a part of the log removes: each by itself, or with its basin. As long as that part is in no segment, whoever reads the log needs what
// older segments say of them.
import type { Stream } from "../stream/stream.ts";

export class Removals {
  /** Those that were removed by themselves. */
  readonly streams: Stream[] = [];
  /** Ids of basins, in hexadecimal. */
  readonly basins: string[] = [];
  /** All of them, by id in hexadecimal. */
  readonly #all = new Map<string, Stream>();

  /** The stream's removal has become durable. */
  removed(stream: Stream): void {
    this.streams.push(stream);
    this.#all.set(hexOf(stream.id), stream);
  }

  /** The removal of a basin with these streams has become durable. */
  basinRemoved(basinId: string, streams: Iterable<Stream>): void {
    this.basins.push(basinId);
    for (const stream of streams) this.#all.set(hexOf(stream.id), stream);
  }

  /** By the id in hexadecimal. */
  get(id: string): Stream | undefined {
    return this.#all.get(id);
  }

  all(): Iterable<Stream> {
    return this.#all.values();
  }
}

function hexOf(id: Uint8Array): string {
  return Buffer.from(id).toString("hex");
}

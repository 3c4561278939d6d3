// The bounds of one read and what is left of them (API: read). Pure.
import type { ReadOptions } from "../engine-api.ts";
import { MAX_BATCH_METERED_BYTES, MAX_BATCH_RECORDS } from "../wire/index.ts";

export class ReadBounds {
  #count: number;
  #bytes: number;
  readonly until: bigint | undefined;
  readonly #bounded: boolean;
  readonly waitMs: number | undefined;
  readonly mode: ReadOptions["mode"];

  constructor(options: ReadOptions) {
    this.#count = options.count ?? Number.POSITIVE_INFINITY;
    this.#bytes = options.bytes ?? Number.POSITIVE_INFINITY;
    this.until = options.until;
    this.waitMs = options.waitMs;
    this.mode = options.mode;
    this.#bounded = options.count !== undefined || options.bytes !== undefined || options.until !== undefined;
  }

  /** Nothing more may be delivered, whatever comes. */
  get exhausted(): boolean {
    return this.#count <= 0 || this.#bytes <= 0;
  }

  /** Whether a reader at the tail stays there for what comes. */
  get mayFollow(): boolean {
    if (this.waitMs !== undefined) return this.waitMs > 0;
    return this.mode === "session" && !this.#bounded;
  }

  /** Whether a read may start at the tail: a session without bounds may even if it ends there at once, as with a wait of 0 (API: read). */
  get mayStartAtTail(): boolean {
    return this.mayFollow || (this.mode === "session" && !this.#bounded);
  }

  /** What the next batch may hold: the bounds, and the API's limits of a batch. */
  get batchCount(): number {
    return Math.min(this.#count, MAX_BATCH_RECORDS);
  }
  get batchBytes(): number {
    return Math.min(this.#bytes, MAX_BATCH_METERED_BYTES);
  }

  took(count: number, meteredBytes: number): void {
    this.#count -= count;
    this.#bytes -= meteredBytes;
  }
}

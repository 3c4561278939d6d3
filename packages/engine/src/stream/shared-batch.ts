// The batch that a follower of a stream asked for last, for the others who follow it: one chunk wakes them all, at the same place. Remembered
// only as long as somebody waits for it or has not let go of it, so that it keeps nothing in memory.
import type { Gathered, GatherLimits } from "./gather.ts";

export class SharedBatch {
  readonly #batch: WeakRef<Promise<Gathered>>;
  readonly #fromSeqNum: number;
  readonly #limits: GatherLimits;

  constructor(batch: Promise<Gathered>, fromSeqNum: number, limits: GatherLimits) {
    this.#batch = new WeakRef(batch);
    this.#fromSeqNum = fromSeqNum;
    this.#limits = limits;
  }

  /** The batch, if it is what somebody at this place within these limits would have been given then. More may stand behind it by now. */
  find(fromSeqNum: number, { count, meteredBytes, until }: GatherLimits): Promise<Gathered> | undefined {
    const own = this.#limits;
    const isAsked =
      fromSeqNum === this.#fromSeqNum &&
      count === own.count &&
      meteredBytes === own.meteredBytes &&
      until === own.until;
    return isAsked ? this.#batch.deref() : undefined;
  }
}

// What follows when an append's chunk becomes durable: the durable tail moves, the index grows, followers wake, the client is told.
// One object a batch.
import type { AppendAck } from "../engine-api.ts";
import type { Sequenced } from "../stream/sequencer.ts";
import { type Stream, tailPosition, timestampOf } from "../stream/stream.ts";
import type { Chunk, Effect } from "./chunk.ts";

export class AppendEffect implements Effect {
  readonly #stream: Stream;
  readonly #chunk: Chunk;
  readonly #sequenced: Sequenced;
  readonly #resolve: (ack: AppendAck) => void;
  readonly #reject: (error: Error) => void;
  /** Called in any case once durable, before the acknowledgement. */
  readonly #onDurable: (sequenced: Sequenced) => void;

  constructor(
    stream: Stream,
    chunk: Chunk,
    sequenced: Sequenced,
    resolve: (ack: AppendAck) => void,
    reject: (error: Error) => void,
    onDurable: (sequenced: Sequenced) => void,
  ) {
    this.#stream = stream;
    this.#chunk = chunk;
    this.#sequenced = sequenced;
    this.#resolve = resolve;
    this.#reject = reject;
    this.#onDurable = onDurable;
  }

  apply(): void {
    const stream = this.#stream;
    const { firstSeqNum, nextSeqNum, lastTimestampLow, lastTimestampHigh, meteredBytes, entry, state } =
      this.#sequenced;
    if (firstSeqNum !== stream.durable.nextSeqNum) {
      throw new Error(`durable sequence numbers jump from ${stream.durable.nextSeqNum} to ${firstSeqNum}`);
    }
    stream.durable.nextSeqNum = nextSeqNum;
    stream.durable.lastTimestampLow = lastTimestampLow;
    stream.durable.lastTimestampHigh = lastTimestampHigh;
    stream.lastWritePlace = this.#chunk.place;
    stream.index.add(
      firstSeqNum,
      this.#chunk.place,
      entry.offset,
      entry.end,
      lastTimestampLow,
      lastTimestampHigh,
      meteredBytes,
    );
    if (state !== undefined) {
      stream.durable.fencingToken = state.fencingToken;
      stream.applyTrim(state.trimPoint);
    }
    if (stream.lastChunk === this.#chunk) stream.lastChunk = undefined;
    this.#onDurable(this.#sequenced);
    stream.wakeFollowers();
    const tail = tailPosition(stream.durable);
    this.#resolve({
      start: {
        seqNum: firstSeqNum,
        timestamp: timestampOf(this.#sequenced.firstTimestampLow, this.#sequenced.firstTimestampHigh),
      },
      end: tail,
      tail,
      place: this.#chunk.place,
    });
  }

  fail(error: Error): void {
    this.#reject(error);
  }
}

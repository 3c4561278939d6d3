// A record's place in its stream (API: StreamPosition).

/** `seqNum` is a dense integer below 2^53; `timestamp` is a full u64, exact. */
export interface Position {
  readonly seqNum: number;
  readonly timestamp: bigint;
}

/** The tail of an empty stream. */
export const ORIGIN: Position = { seqNum: 0, timestamp: 0n };

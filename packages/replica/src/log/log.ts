// The port through which a replica knows its stream: append, read, follow, check the tail. `s2-log.ts` is the implementation,
// over the official SDK; tests put a simulated log here. Owns the words alone, and knows nothing of commands or states.

/** Where a record stands, and when the log took it. */
export interface Position {
  readonly seqNum: number;
  /** Milliseconds since the epoch by the log's clock; never goes back from record to record. */
  readonly timestampMs: number;
}

export type Header = readonly [name: Uint8Array, value: Uint8Array];

export interface LogEntry {
  readonly headers: readonly Header[];
  readonly body: Uint8Array;
}

export interface LogRecord extends LogEntry, Position {}

/** At most `MAX_BATCH_RECORDS` entries of `MAX_BATCH_BYTES` metered bytes: there as a whole or not at all. */
export interface AppendBatch {
  readonly entries: readonly LogEntry[];
  /** Only if the first entry would get this sequence number. */
  readonly matchSeqNum?: number;
  /** Only while this is the stream's fencing token. */
  readonly fencingToken?: string;
}

/** The durable batch's sequence numbers: from `start`, to before `end`. */
export interface AppendAck {
  readonly start: number;
  readonly end: number;
}

/** Batches in order: none is appended unless all before it were. Once one has failed, all later ones fail. */
export interface Appender {
  /** Resolves once the batch is durable; rejects with `LogError`. */
  append(batch: AppendBatch): Promise<AppendAck>;
  /** What is on its way may still arrive, in order; nothing else will. */
  close(): void;
}

/** A reader along with the tail. */
export interface Follower {
  /** The next records, in order, at least one; undefined when it has ended, which it may at any time. Rejects with `LogError`. */
  next(): Promise<readonly LogRecord[] | undefined>;
  /** A pending `next` resolves to undefined. */
  close(): void;
}

/** One stream. */
export interface Log {
  /** One batch by itself. Resolves once it is durable; rejects with `LogError`. */
  append(batch: AppendBatch): Promise<AppendAck>;
  openAppender(): Appender;
  /** Records from `from` on, or from the first one kept where that is later; none at the tail. Rejects with `LogError`. */
  read(from: number): Promise<readonly LogRecord[]>;
  /** From `from` on, or from the first record kept where that is later. Holds a bounded number of bytes ahead of its reader. */
  follow(from: number): Follower;
  /** The sequence number that the next record will get. Linearizable. Rejects with `LogError`. */
  checkTail(): Promise<number>;
  /** Lets go of connections. */
  close(): Promise<void>;
}

export type LogFailure =
  /** `matchSeqNum` did not match: nothing was appended. */
  | "mismatch"
  /** `fencingToken` did not match: nothing was appended. */
  | "fenced"
  /** Refused for good, such as a missing permission or stream: nothing was appended, and asking again would not help. */
  | "refused"
  /** Of reads: everything from there to the tail is gone. */
  | "trimmed"
  /** It may or may not have been appended; worth asking again. Of reads: not answered. */
  | "unknown";

export class LogError extends Error {
  readonly failure: LogFailure;
  constructor(failure: LogFailure, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "LogError";
    this.failure = failure;
  }
}

/** As S2 meters a record. */
export function meteredBytes({ headers, body }: LogEntry): number {
  let bytes = 8 + body.length;
  for (const [name, value] of headers) bytes += 2 + name.length + value.length;
  return bytes;
}

/** The fencing token that a record sets, if it is S2's command to do so. */
export function fenceOf({ headers, body }: LogEntry): string | undefined {
  if (headers.length !== 1 || headers[0][0].length !== 0) return undefined;
  return text(headers[0][1]) === "fence" ? text(body) : undefined;
}

const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
const encoder = new TextEncoder();
const text = (bytes: Uint8Array): string => decoder.decode(bytes);

const EMPTY = new Uint8Array(0);

/** S2's command that sets the fencing token. */
export function fenceEntry(token: string): LogEntry {
  return { headers: [[EMPTY, encoder.encode("fence")]], body: encoder.encode(token) };
}

/** S2's command that drops all records before `seqNum`. */
export function trimEntry(seqNum: number): LogEntry {
  const body = new Uint8Array(8);
  new DataView(body.buffer).setBigUint64(0, BigInt(seqNum));
  return { headers: [[EMPTY, encoder.encode("trim")]], body };
}

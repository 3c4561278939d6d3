// The log as it really is: a stream of any S2 endpoint, through the official SDK. The only file that imports the SDK.
// Repeats nothing by itself: what a failure leaves open, its callers resolve. Holds a bounded number of bytes ahead of a reader.
import {
  AppendInput,
  AppendRecord,
  type AppendSession,
  FencingTokenMismatchError,
  RangeNotSatisfiableError,
  type ReadRecord,
  S2,
  type S2ClientOptions,
  S2Error,
  type S2Stream,
  SeqNumMismatchError,
} from "@s2-dev/streamstore";
import { MAX_BATCH_BYTES, MAX_IN_FLIGHT_BATCHES } from "../limits.ts";
import { type ReplicaRuntime, systemRuntime } from "../runtime.ts";
import {
  type AppendAck,
  type AppendBatch,
  type Appender,
  type Follower,
  type Log,
  LogError,
  type LogFailure,
  type LogRecord,
} from "./log.ts";

export interface S2LogOptions {
  /** As the SDK's constructor takes them: access token, endpoints. Its `retry` is replaced: replicas try again by themselves. */
  readonly client: S2ClientOptions;
  readonly basin: string;
  /** Must be there, and keep its records until they are trimmed: see `createS2Log`. */
  readonly stream: string;
  /** How long one request may take. */
  readonly requestTimeoutMs?: number;
  readonly runtime?: ReplicaRuntime;
}

/** Longer than servers keep an append under way before they give it up themselves. */
const DEFAULT_REQUEST_TIMEOUT_MS = 15_000;
/** What a session may send ahead of a slow reader: the SDK takes in whatever comes. */
const FOLLOW_BYTES = 8 * MAX_BATCH_BYTES;
/** A session that nothing comes through ends after this, and another begins: S2's longest wait. */
const FOLLOW_WAIT_SECS = 60;

/** The stream as a log. Asks nothing before it is used. */
export function s2Log(options: S2LogOptions): Log {
  return new S2Log(options);
}

/**
 * The stream as a log, created where there is none. Rejects with `LogError` ("refused") where it is there and lets records
 * age: what ages out of a log is lost.
 */
export async function createS2Log(options: S2LogOptions): Promise<Log> {
  const { streams } = new S2(options.client).basin(options.basin);
  const { stream } = options;
  try {
    await streams.create({ stream, config: { retentionPolicy: { infinite: {} } } });
  } catch (error) {
    if (!(error instanceof S2Error && error.code === "resource_already_exists")) throw logError(error);
    const { retentionPolicy } = await streams.getConfig({ stream });
    if (retentionPolicy === undefined || retentionPolicy === null || !("infinite" in retentionPolicy)) {
      throw new LogError("refused", `the stream "${stream}" lets records age; a log must have infinite retention`);
    }
  }
  return s2Log(options);
}

class S2Log implements Log {
  readonly #stream: S2Stream;
  readonly #requestTimeoutMs: number;
  readonly #runtime: ReplicaRuntime;

  constructor({ client, basin, stream, requestTimeoutMs, runtime }: S2LogOptions) {
    this.#requestTimeoutMs = requestTimeoutMs ?? DEFAULT_REQUEST_TIMEOUT_MS;
    this.#runtime = runtime ?? systemRuntime;
    const s2 = new S2({ ...client, requestTimeoutMillis: this.#requestTimeoutMs, retry: { maxAttempts: 1 } });
    this.#stream = s2.basin(basin).stream(stream);
  }

  append(batch: AppendBatch): Promise<AppendAck> {
    return this.#ask(async (signal) => acked(await this.#stream.append(inputOf(batch), { signal })));
  }

  openAppender(): Appender {
    return new S2Appender(this.#stream);
  }

  async read(from: number): Promise<readonly LogRecord[]> {
    return (await this.#ask((signal) => readFrom(this.#stream, from, signal))) ?? [];
  }

  follow(from: number): Follower {
    return new S2Follower(this.#stream, (work) => this.#ask(work), from);
  }

  checkTail(): Promise<number> {
    return this.#ask(async (signal) => (await this.#stream.checkTail({ signal })).tail.seqNum);
  }

  close(): Promise<void> {
    return this.#stream.close();
  }

  /** One request, bounded in time, its error in our words. */
  async #ask<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const controller = new AbortController();
    const timer = this.#runtime.setTimer(this.#requestTimeoutMs, () => controller.abort());
    try {
      return await work(controller.signal);
    } catch (error) {
      throw logError(error);
    } finally {
      this.#runtime.clearTimer(timer);
    }
  }
}

/** An append session: in order, and over with its first failure, since it may not try again. */
class S2Appender implements Appender {
  readonly #session: Promise<AppendSession>;
  /** Acknowledgements are counted here, too: the SDK keeps those that nobody takes. */
  #acks: Promise<ReadableStreamDefaultReader> | undefined;
  /** A session may go on behind a batch that it never took; an appender may not. */
  #failed: LogError | undefined;

  constructor(stream: S2Stream) {
    // Our own bound is the lower one: the SDK never has to hold a batch back, and so keeps their order.
    this.#session = stream.appendSession({ maxInflightBytes: (MAX_IN_FLIGHT_BATCHES + 1) * MAX_BATCH_BYTES });
    this.#acks = this.#session.then((session) => takeAll(session.readable));
    this.#acks.catch(() => undefined);
  }

  async append(batch: AppendBatch): Promise<AppendAck> {
    try {
      const session = await this.#session;
      if (this.#failed !== undefined) throw this.#failed;
      const ticket = await session.submit(inputOf(batch));
      return acked(await ticket.ack());
    } catch (error) {
      this.#failed ??= logError(error);
      throw logError(error);
    }
  }

  close(): void {
    this.#acks?.then((reader) => reader.cancel("closed")).catch(() => undefined);
    this.#acks = undefined;
  }
}

async function takeAll(readable: ReadableStream): Promise<ReadableStreamDefaultReader> {
  const reader = readable.getReader();
  const take = async (): Promise<void> => {
    while (!(await reader.read()).done);
  };
  // It ends as the session does, whose appends say why.
  take().catch(() => undefined);
  return reader;
}

type Ask = <T>(work: (signal: AbortSignal) => Promise<T>) => Promise<T>;

/** History by plain reads, as fast as it is taken; at the tail by a session, in real time. */
class S2Follower implements Follower {
  readonly #stream: S2Stream;
  readonly #ask: Ask;
  #from: number;
  #reader: ReadableStreamDefaultReader<ReadRecord<"bytes">> | undefined;
  #over = false;
  /** Lets go of a `next` that waits. */
  #letGo: (() => void) | undefined;

  constructor(stream: S2Stream, ask: Ask, from: number) {
    this.#stream = stream;
    this.#ask = ask;
    this.#from = from;
  }

  /** A race with one promise of the end would keep with it all that was ever read. */
  next(): Promise<readonly LogRecord[] | undefined> {
    return new Promise((resolve, reject) => {
      this.#letGo = () => resolve(undefined);
      this.#next().then(resolve, reject);
    });
  }

  close(): void {
    this.#over = true;
    this.#letGo?.();
    const reader = this.#reader;
    this.#reader = undefined;
    reader?.cancel("closed").catch(() => undefined);
  }

  async #next(): Promise<readonly LogRecord[] | undefined> {
    while (!this.#over) {
      const records = this.#reader === undefined ? await this.#history() : await this.#realTime(this.#reader);
      const last = records?.at(-1);
      if (last === undefined) continue;
      this.#from = last.seqNum + 1;
      return records;
    }
    return undefined;
  }

  /** Undefined at the tail, with a session open from then on. */
  async #history(): Promise<readonly LogRecord[] | undefined> {
    const records = await this.#ask((signal) => readFrom(this.#stream, this.#from, signal));
    if (records !== undefined && records.length > 0) return records;
    if (records !== undefined) await this.#refuseGap();
    try {
      const session = await this.#stream.readSession(
        {
          start: { from: { seqNum: this.#from } },
          stop: { limits: { bytes: FOLLOW_BYTES }, waitSecs: FOLLOW_WAIT_SECS },
        },
        { as: "bytes" },
      );
      this.#reader = session.getReader();
      if (this.#over) this.close();
    } catch (error) {
      throw logError(error);
    }
    return undefined;
  }

  /** Nothing is kept from here on; that there never was anything would have been an answer of its own. */
  async #refuseGap(): Promise<void> {
    const { tail } = await this.#ask((signal) => this.#stream.checkTail({ signal }));
    if (tail.seqNum > this.#from) {
      throw new LogError("trimmed", `the records from ${this.#from} to ${tail.seqNum} are gone`);
    }
  }

  /** Undefined once the session has ended: at its bounds, or since the server said so. */
  async #realTime(reader: ReadableStreamDefaultReader<ReadRecord<"bytes">>): Promise<readonly LogRecord[] | undefined> {
    try {
      const { done, value } = await reader.read();
      if (!done) return [recordOf(value)];
      this.#reader = undefined;
      return undefined;
    } catch (error) {
      throw logError(error);
    }
  }
}

/** Undefined at the tail. */
async function readFrom(stream: S2Stream, seqNum: number, signal: AbortSignal): Promise<LogRecord[] | undefined> {
  try {
    const { records } = await stream.read({ start: { from: { seqNum } } }, { as: "bytes", signal });
    return records.map(recordOf);
  } catch (error) {
    if (!(error instanceof RangeNotSatisfiableError)) throw error;
    if (error.tail === undefined || error.tail.seqNum >= seqNum) return undefined;
    // Not the stream that was read before.
    throw new LogError("refused", `the log ends at ${error.tail.seqNum}, before ${seqNum}`, { cause: error });
  }
}

function recordOf({ seqNum, timestamp, headers, body }: ReadRecord<"bytes">): LogRecord {
  return { seqNum, timestampMs: timestamp.getTime(), headers, body };
}

function inputOf({ entries, ...conditions }: AppendBatch): AppendInput {
  return AppendInput.create(
    entries.map(({ headers, body }) => AppendRecord.bytes({ headers, body })),
    conditions,
  );
}

function acked({ start, end }: { start: { seqNum: number }; end: { seqNum: number } }): AppendAck {
  return { start: start.seqNum, end: end.seqNum };
}

function logError(error: unknown): LogError {
  if (error instanceof LogError) return error;
  return new LogError(failureOf(error), error instanceof Error ? error.message : String(error), { cause: error });
}

/** Statuses below 500 that say nothing about what happened, or that will be another one later. */
const WORTH_ASKING_AGAIN = new Set([408, 409, 429, 499]);

function failureOf(error: unknown): LogFailure {
  if (error instanceof SeqNumMismatchError) return "mismatch";
  if (error instanceof FencingTokenMismatchError) return "fenced";
  const refused =
    error instanceof S2Error &&
    error.origin === "server" &&
    error.status >= 400 &&
    error.status < 500 &&
    !WORTH_ASKING_AGAIN.has(error.status);
  return refused ? "refused" : "unknown";
}

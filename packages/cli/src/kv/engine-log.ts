// The log of an embedded Tailrace: a stream of an engine in this process, with neither server nor client between them. Says
// what `s2Log` says of the API, and bounds no wait: the engine bounds its own. Holds nothing ahead of a reader.
import {
  ConditionFailedError,
  DEFAULT_BASIN_CONFIG,
  type EngineApi,
  EngineError,
  type ReadOptions,
  type StreamAppender,
  type StreamOpening,
  type StreamReader,
  UnwrittenError,
} from "@tailrace/engine";
import { RecordCursor, WireError } from "@tailrace/engine/wire";
import {
  type AppendAck,
  type AppendBatch,
  type Appender,
  type Follower,
  type Log,
  LogError,
  type LogFailure,
  type LogRecord,
} from "@tailrace/replica";
import { appendInputOf } from "./append-input.ts";

export interface StreamName {
  readonly basin: string;
  readonly stream: string;
}

/** The stream was made before it is opened. */
const OPENING: StreamOpening = { config: {} };

/**
 * The stream as a log, it and its basin created where they are not there. Rejects with `LogError` ("refused") where the stream
 * lets records age: what ages out of a log is lost.
 */
export async function createEngineLog(engine: EngineApi, name: StreamName): Promise<Log> {
  const { basin, stream } = name;
  try {
    await engine.basins.ensure(basin, DEFAULT_BASIN_CONFIG);
    await engine.streams.create(basin, stream, { retentionAgeSecs: "infinite" }, undefined);
  } catch (error) {
    if (!(error instanceof EngineError && error.code === "resource_already_exists")) throw logError(error);
    const { config } = await engine.streams.get(basin, stream);
    if (config.retentionAgeSecs !== "infinite") {
      throw new LogError("refused", `the stream "${stream}" lets records age; a log must have infinite retention`);
    }
  }
  return new EngineLog(engine, name);
}

class EngineLog implements Log {
  readonly #engine: EngineApi;
  readonly #name: StreamName;

  constructor(engine: EngineApi, name: StreamName) {
    this.#engine = engine;
    this.#name = name;
  }

  async append(batch: AppendBatch): Promise<AppendAck> {
    const { basin, stream } = this.#name;
    return acked(() => this.#engine.append(basin, stream, appendInputOf(batch), OPENING));
  }

  openAppender(): Appender {
    const { basin, stream } = this.#name;
    return new EngineAppender(this.#engine.openAppender(basin, stream, OPENING));
  }

  async read(from: number): Promise<readonly LogRecord[]> {
    try {
      const event = await (await this.#reader(from, "unary")).next();
      return event.kind === "batch" ? recordsOf(event.slices) : [];
    } catch (error) {
      if (error instanceof UnwrittenError && error.tail.seqNum >= from) return [];
      throw logError(error);
    }
  }

  follow(from: number): Follower {
    return new EngineFollower(this.#reader(from, "session"), from);
  }

  async checkTail(): Promise<number> {
    const { basin, stream } = this.#name;
    const tail = this.#engine.tailAtOnce(basin, stream);
    if (tail !== undefined) return tail.seqNum;
    try {
      return (await this.#engine.checkTail(basin, stream)).seqNum;
    } catch (error) {
      throw logError(error);
    }
  }

  /** The engine is its owner's to close. */
  async close(): Promise<void> {}

  #reader(seqNum: number, mode: ReadOptions["mode"]): Promise<StreamReader> {
    const { basin, stream } = this.#name;
    const bounds = { count: undefined, bytes: undefined, until: undefined, waitMs: undefined };
    const start = { kind: "seq_num" as const, seqNum };
    return this.#engine.openReader(basin, stream, { start, clamp: false, ...bounds, mode }, OPENING);
  }
}

class EngineAppender implements Appender {
  readonly #appender: Promise<StreamAppender>;
  /** What one batch failed with before the engine had it: those behind it must not be appended either. */
  #failed: LogError | undefined;

  constructor(appender: Promise<StreamAppender>) {
    this.#appender = appender;
    appender.catch(() => undefined);
  }

  append(batch: AppendBatch): Promise<AppendAck> {
    return acked(async () => {
      const appender = await this.#appender;
      if (this.#failed !== undefined) throw this.#failed;
      try {
        return await appender.append(appendInputOf(batch));
      } catch (error) {
        this.#failed = logError(error);
        throw this.#failed;
      }
    });
  }

  close(): void {
    this.#appender.then((appender) => appender.close()).catch(() => undefined);
  }
}

class EngineFollower implements Follower {
  readonly #reader: Promise<StreamReader>;
  #from: number;
  #closed = false;

  constructor(reader: Promise<StreamReader>, from: number) {
    this.#reader = reader;
    this.#from = from;
    reader.catch(() => undefined);
  }

  async next(): Promise<readonly LogRecord[] | undefined> {
    try {
      const reader = await this.#reader;
      while (!this.#closed) {
        const event = await reader.next();
        if (this.#closed || event.kind === "end") return undefined;
        if (event.kind === "batch") {
          this.#from = event.lastSeqNum + 1;
          return recordsOf(event.slices);
        }
        // Caught up, and not with what is kept.
        if (event.tail.seqNum > this.#from) {
          throw new LogError("trimmed", `the records from ${this.#from} to ${event.tail.seqNum} are gone`);
        }
      }
      return undefined;
    } catch (error) {
      throw logError(error);
    }
  }

  close(): void {
    this.#closed = true;
    this.#reader.then((reader) => reader.close()).catch(() => undefined);
  }
}

/** Views of what the engine holds: for a replica, which keeps none of them. */
function recordsOf(slices: readonly Uint8Array[]): LogRecord[] {
  const records: LogRecord[] = [];
  const cursor = new RecordCursor();
  for (const bytes of slices) {
    cursor.reset(bytes, 0, bytes.length);
    while (cursor.next()) {
      const headers: [Uint8Array, Uint8Array][] = [];
      for (let at = cursor.headersStart; at < cursor.headersEnd; ) {
        at = cursor.header(at);
        const { nameStart, nameEnd, valueStart, valueEnd } = cursor;
        headers.push([bytes.subarray(nameStart, nameEnd), bytes.subarray(valueStart, valueEnd)]);
      }
      records.push({
        seqNum: cursor.seqNum,
        timestampMs: cursor.timestampHigh * 2 ** 32 + cursor.timestampLow,
        headers,
        body: bytes.subarray(cursor.bodyStart, cursor.bodyEnd),
      });
    }
  }
  return records;
}

async function acked(
  append: () => Promise<{ readonly start: { readonly seqNum: number }; readonly end: { readonly seqNum: number } }>,
): Promise<AppendAck> {
  try {
    const { start, end } = await append();
    return { start: start.seqNum, end: end.seqNum };
  } catch (error) {
    throw logError(error);
  }
}

function logError(error: unknown): LogError {
  if (error instanceof LogError) return error;
  return new LogError(failureOf(error), error instanceof Error ? error.message : String(error), { cause: error });
}

function failureOf(error: unknown): LogFailure {
  if (error instanceof ConditionFailedError) return error.mismatch.kind === "seq_num" ? "mismatch" : "fenced";
  if (error instanceof UnwrittenError || error instanceof WireError) return "refused";
  return error instanceof EngineError && isFinal(error) ? "refused" : "unknown";
}

/** Whatever else goes wrong may be over the next time. */
function isFinal({ code }: EngineError): boolean {
  return code === "stream_not_found" || code === "basin_not_found" || code === "invalid";
}

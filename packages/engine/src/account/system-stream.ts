// A stream of the store itself, for what the store has to remember: records of JSON, appended and read back. Knows nothing of what they say.
import type { Shard } from "../shard/shard.ts";
import type { Stream } from "../stream/stream.ts";
import { type AppendCommand, type AppendInput, RecordCursor, varintBytes, writeVarint } from "../wire/index.ts";

/** No basin of the API can have this id: theirs are random, and names are looked up through the account alone. */
export const SYSTEM_BASIN_ID = "00000000000000000000000000000000";

const BODY_TAG = 0x22;
/** A header without a name, whose value is "trim", and the tag and length of an 8-byte body. */
const TRIM_PREFIX = Buffer.from([0x1a, 6, 0x12, 4, 0x74, 0x72, 0x69, 0x6d, BODY_TAG, 8]);

export class SystemStream {
  readonly #shard: Shard;
  readonly #stream: Stream;

  private constructor(shard: Shard, stream: Stream) {
    this.#shard = shard;
    this.#stream = stream;
  }

  /** Undefined where it was never founded. From then on it is in memory. Errors: EngineError. */
  static async find(shard: Shard, name: string): Promise<SystemStream | undefined> {
    await shard.warm(SYSTEM_BASIN_ID, name);
    return SystemStream.#inMemory(shard, name);
  }

  static #inMemory(shard: Shard, name: string): SystemStream | undefined {
    const stream = shard.assigned(SYSTEM_BASIN_ID, name);
    return stream === undefined ? undefined : new SystemStream(shard, stream);
  }

  /** Founds it where there is none, with an id made of `number`; it must have been looked for before. Errors: EngineError. */
  static open(shard: Shard, name: string, number: number): SystemStream {
    const id = Buffer.alloc(16);
    id[15] = number;
    const config = { timestampingMode: "arrival", retentionAgeSecs: "infinite" } as const;
    return (
      SystemStream.#inMemory(shard, name) ??
      new SystemStream(shard, shard.changes.createWithId(id, SYSTEM_BASIN_ID, name, config, ""))
    );
  }

  /** The sequence number of what is appended next. */
  get nextSeqNum(): number {
    return this.#stream.assigned.nextSeqNum;
  }

  /** Calls back with every record that is durable and kept, in order. */
  async replay(apply: (value: unknown, seqNum: number) => void): Promise<void> {
    const { durable, trimPoint } = this.#stream;
    if (durable.nextSeqNum <= trimPoint) return;
    const reader = await this.#shard.openReader(this.#stream, {
      start: { kind: "seq_num", seqNum: trimPoint },
      clamp: false,
      count: durable.nextSeqNum - trimPoint,
      bytes: undefined,
      until: undefined,
      waitMs: undefined,
      mode: "session",
    });
    const cursor = new RecordCursor();
    for (let event = await reader.next(); event.kind !== "end"; event = await reader.next()) {
      if (event.kind !== "batch") continue;
      for (const slice of event.slices) {
        cursor.reset(slice, 0, slice.length);
        while (cursor.next()) {
          // What has a header is a trim command.
          if (cursor.headerCount > 0) continue;
          const { bodyStart, bodyEnd, seqNum } = cursor;
          const body = Buffer.from(slice.buffer, slice.byteOffset + bodyStart, bodyEnd - bodyStart);
          apply(JSON.parse(body.toString()), seqNum);
        }
      }
    }
  }

  /** Appends a record, and forgets those before `trimTo`. Resolves once that is durable; `onDurable` is called also when it came too late for that. Errors: EngineError. */
  async append(value: object, onDurable: () => void, trimTo?: number): Promise<void> {
    await this.#shard.append(this.#stream, inputOf(value, trimTo), undefined, onDurable);
  }
}

function inputOf(value: object, trimTo: number | undefined): AppendInput {
  const body = Buffer.from(JSON.stringify(value));
  const record = Buffer.alloc(1 + varintBytes(body.length, 0) + body.length);
  record[0] = BODY_TAG;
  body.copy(record, writeVarint(record, 1, body.length, 0));
  const parts = [record];
  const commands: AppendCommand[] = [];
  let meteredBytes = 8 + body.length;
  if (trimTo !== undefined) {
    const argument = Buffer.alloc(8);
    argument.writeBigUInt64BE(BigInt(trimTo));
    parts.push(Buffer.concat([TRIM_PREFIX, argument]));
    commands.push({ kind: "trim", index: 1, seqNum: trimTo });
    meteredBytes += 8 + 2 + 4 + 8;
  }
  const bytes = Buffer.concat(parts);
  const spans = Uint32Array.of(0, record.length, record.length, bytes.length).subarray(0, 2 * parts.length);
  return {
    batch: { count: parts.length, meteredBytes, bytes, spans, timestamps: null, hasTimestamp: null, commands },
    matchSeqNum: undefined,
    fencingToken: undefined,
  };
}

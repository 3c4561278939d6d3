// The system stream that the account lives on: proposes commands to it and applies what has become durable.
// The only writer of the account's state. An outcome that the client never heard is applied all the same.
import { EngineError } from "../errors.ts";
import type { Shard } from "../shard/shard.ts";
import type { Stream } from "../stream/stream.ts";
import { type AppendInput, RecordCursor } from "../wire/index.ts";
import type { AccessTokenCommand, AccessTokenOutcome } from "./access-tokens.ts";
import { Account, type AccountCommand, type AccountOutcome } from "./account.ts";
import type { BasinCommand, BasinOutcome } from "./basins.ts";

/** No basin of the API can have this id: theirs are random, and names are looked up through the directory alone. */
const SYSTEM_BASIN_ID = "00000000000000000000000000000000";
/** The stream is named after what it held first. */
const STREAM_NAME = "basins";
const STREAM_ID = Buffer.from("00000000000000000000000000000001", "hex");

export class AccountLog {
  readonly state = new Account();
  readonly #shard: Shard;
  readonly #stream: Stream;
  readonly #onApplied: (outcome: AccountOutcome) => void;

  private constructor(shard: Shard, stream: Stream, onApplied: (outcome: AccountOutcome) => void) {
    this.#shard = shard;
    this.#stream = stream;
    this.#onApplied = onApplied;
  }

  /** Founds the system stream where there is none, and applies all that it holds. `onApplied` hears of every command applied after that, also when its proposer was told that the outcome is unknown. Errors: EngineError. */
  static async open(shard: Shard, onApplied: (outcome: AccountOutcome) => void): Promise<AccountLog> {
    const found = shard.assigned(SYSTEM_BASIN_ID, STREAM_NAME);
    const stream =
      found ??
      shard.createWithId(
        STREAM_ID,
        SYSTEM_BASIN_ID,
        STREAM_NAME,
        { timestampingMode: "arrival", retentionAgeSecs: "infinite" },
        "",
      );
    const log = new AccountLog(shard, stream, onApplied);
    await log.#replay();
    return log;
  }

  async #replay(): Promise<void> {
    if (this.#stream.durable.nextSeqNum === 0) return;
    const reader = await this.#shard.openReader(this.#stream, {
      start: { kind: "seq_num", seqNum: 0 },
      clamp: false,
      count: this.#stream.durable.nextSeqNum,
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
          const body = Buffer.from(
            slice.buffer,
            slice.byteOffset + cursor.bodyStart,
            cursor.bodyEnd - cursor.bodyStart,
          );
          // Written by `propose` below, and under a checksum since.
          this.state.apply(JSON.parse(body.toString()) as AccountCommand);
        }
      }
    }
  }

  /** Resolves with what the command did, once it is durable. Errors: EngineError. */
  propose(command: BasinCommand): Promise<BasinOutcome>;
  propose(command: AccessTokenCommand): Promise<AccessTokenOutcome>;
  async propose(command: AccountCommand): Promise<AccountOutcome> {
    let outcome: AccountOutcome | undefined;
    await this.#shard.append(this.#stream, commandInput(command), undefined, () => {
      outcome = this.state.apply(command);
      this.#onApplied(outcome);
    });
    if (outcome === undefined) throw new EngineError("storage", "a command became durable and was not applied");
    return outcome;
  }
}

/** One record whose body is the command's JSON. */
function commandInput(command: AccountCommand): AppendInput {
  const body = Buffer.from(JSON.stringify(command));
  const prefix = [0x22];
  for (let length = body.length; ; length >>>= 7) {
    if (length < 0x80) {
      prefix.push(length);
      break;
    }
    prefix.push((length & 0x7f) | 0x80);
  }
  const bytes = Buffer.concat([Buffer.from(prefix), body]);
  return {
    batch: {
      count: 1,
      meteredBytes: 8 + body.length,
      bytes,
      spans: Uint32Array.of(0, bytes.length),
      timestamps: null,
      hasTimestamp: null,
      commands: [],
    },
    matchSeqNum: undefined,
    fencingToken: undefined,
  };
}

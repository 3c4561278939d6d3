// The system stream that the account lives on: proposes commands to it and applies what has become durable.
// The only writer of the account's state. An outcome that the client never heard is applied all the same.
import { EngineError } from "../errors.ts";
import type { Shard } from "../shard/shard.ts";
import type { AccessTokenCommand, AccessTokenOutcome } from "./access-tokens.ts";
import { Account, type AccountCommand, type AccountOutcome } from "./account.ts";
import type { BasinCommand, BasinOutcome } from "./basins.ts";
import type { LocationCommand, LocationOutcome } from "./locations.ts";
import { SystemStream } from "./system-stream.ts";

/** The stream is named after what it held first. */
const STREAM_NAME = "basins";
const STREAM_NUMBER = 1;

/** What answers about the account rest on. */
export interface OpenedAccount {
  readonly shard: Shard;
  readonly account: AccountLog;
}

export class AccountLog {
  readonly state = new Account();
  readonly #stream: SystemStream;
  readonly #onApplied: (outcome: AccountOutcome) => void;

  private constructor(stream: SystemStream, onApplied: (outcome: AccountOutcome) => void) {
    this.#stream = stream;
    this.#onApplied = onApplied;
  }

  /** Founds the system stream where there is none, and applies all that it holds. `onApplied` hears of every command applied after that, also when its proposer was told that the outcome is unknown. Errors: EngineError. */
  static async open(shard: Shard, onApplied: (outcome: AccountOutcome) => void): Promise<AccountLog> {
    await SystemStream.find(shard, STREAM_NAME);
    const stream = SystemStream.open(shard, STREAM_NAME, STREAM_NUMBER);
    const log = new AccountLog(stream, onApplied);
    // Written by `propose` below, and under a checksum since.
    await stream.replay((command) => log.state.apply(command as AccountCommand));
    return log;
  }

  /** Resolves with what the command did, once it is durable. Errors: EngineError. */
  propose(command: BasinCommand): Promise<BasinOutcome>;
  propose(command: AccessTokenCommand): Promise<AccessTokenOutcome>;
  propose(command: LocationCommand): Promise<LocationOutcome>;
  async propose(command: AccountCommand): Promise<AccountOutcome> {
    let outcome: AccountOutcome | undefined;
    await this.#stream.append(command, () => {
      outcome = this.state.apply(command);
      this.#onApplied(outcome);
    });
    if (outcome === undefined) throw new EngineError("storage", "a command became durable and was not applied");
    return outcome;
  }
}

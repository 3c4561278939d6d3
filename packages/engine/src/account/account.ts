// The account: basins and access tokens as one replicated state machine over a system stream of the store itself.
// `apply` is deterministic and total: what a command does is decided when it is applied, in the order of the log, and never
// before. No clock, no chance, no store in here.
import { type AccessTokenCommand, type AccessTokenOutcome, AccessTokens } from "./access-tokens.ts";
import { type BasinCommand, type BasinOutcome, Basins } from "./basins.ts";

export type AccountCommand = BasinCommand | AccessTokenCommand;
export type AccountOutcome = BasinOutcome | AccessTokenOutcome;

export class Account {
  readonly basins = new Basins();
  readonly accessTokens = new AccessTokens();

  apply(command: AccountCommand): AccountOutcome {
    switch (command.kind) {
      case "issue-token":
      case "revoke-token":
        return this.accessTokens.apply(command);
      default:
        return this.basins.apply(command);
    }
  }
}

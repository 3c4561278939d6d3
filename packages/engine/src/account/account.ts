// The account: basins, access tokens and locations as one replicated state machine over a system stream of the store itself.
// `apply` is deterministic and total: what a command does is decided when it is applied, in the order of the log, and never
// before. No clock, no chance, no store in here.
import { type AccessTokenCommand, type AccessTokenOutcome, AccessTokens } from "./access-tokens.ts";
import { type BasinCommand, type BasinOutcome, Basins } from "./basins.ts";
import { type LocationCommand, type LocationOutcome, Locations } from "./locations.ts";

export type AccountCommand = BasinCommand | AccessTokenCommand | LocationCommand;
export type AccountOutcome = BasinOutcome | AccessTokenOutcome | LocationOutcome;

export class Account {
  readonly locations = new Locations();
  readonly basins = new Basins(this.locations);
  readonly accessTokens = new AccessTokens();

  apply(command: AccountCommand): AccountOutcome {
    switch (command.kind) {
      case "issue-token":
      case "revoke-token":
        return this.accessTokens.apply(command);
      case "define-locations":
      case "set-default-location":
        return this.locations.apply(command, this.basins.tree.values());
      default:
        return this.basins.apply(command);
    }
  }

  /** How long an append to a stream of this class may wait for company. */
  lingerMs(basinId: string, storageClass: string): number {
    const basin = this.basins.withId(basinId);
    return basin === undefined ? 0 : this.locations.lingerMs(basin.location, storageClass);
  }
}

// Names of basins by their ids, for what was counted by id. Looks through all basins only when it meets one that it does not know.
import type { AccountLog } from "./account-log.ts";

export class BasinNames {
  readonly #account: AccountLog;
  #names: ReadonlyMap<string, string> = new Map();

  constructor(account: AccountLog) {
    this.#account = account;
  }

  /** Empty for a basin that is not there. */
  of(id: string): string {
    const known = this.#names.get(id);
    if (known !== undefined) return known;
    const names = new Map<string, string>();
    for (const basin of this.#account.state.basins.tree.values()) names.set(basin.id, basin.name);
    // Remembered also where it is not there: it never will be again.
    names.set(id, names.get(id) ?? "");
    this.#names = names;
    return names.get(id) ?? "";
  }
}

// What the engine offers for locations: proposes commands to the account and answers from its state.
import type { LocationsApi } from "../engine-api.ts";
import { EngineError } from "../errors.ts";
import type { OpenedAccount } from "./account-log.ts";
import type { Location } from "./locations.ts";

export class LocationService implements LocationsApi {
  readonly #open: () => OpenedAccount;

  /** `open` throws an EngineError while the engine cannot answer. */
  constructor(open: () => OpenedAccount) {
    this.#open = open;
  }

  async define(locations: readonly Location[]): Promise<void> {
    const { account, shard } = this.#open();
    if (JSON.stringify(account.state.locations.all()) === JSON.stringify(locations)) {
      // That nothing is to be done is an answer, too.
      await shard.ensureLease();
      return;
    }
    const outcome = await account.propose({ kind: "define-locations", locations });
    if (outcome.kind !== "location-in-use") return;
    throw new EngineError("invalid", `basin "${outcome.basin}" needs ${outcome.missing}`);
  }

  async list(): Promise<readonly Location[]> {
    const { account, shard } = this.#open();
    const locations = account.state.locations.all();
    await shard.ensureLease();
    return locations;
  }

  async getDefault(): Promise<Location> {
    const { account, shard } = this.#open();
    const location = account.state.locations.default;
    await shard.ensureLease();
    return location;
  }

  async setDefault(name: string): Promise<Location> {
    const outcome = await this.#open().account.propose({ kind: "set-default-location", name });
    if (outcome.kind !== "default-location-set") throw unknownLocation(name);
    return outcome.location;
  }
}

export function unknownLocation(name: string): EngineError {
  return new EngineError("invalid", `there is no location "${name}"`);
}

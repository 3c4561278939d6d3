// What the engine offers for basins: proposes commands to the account, answers from its state, and sees a deletion through.
// Says for the streams of a basin what they have by default and what its location offers.
import type { OpenedAccount } from "../account/account-log.ts";
import type { Basin, BasinOutcome } from "../account/basins.ts";
import { unknownLocation } from "../account/location-service.ts";
import {
  type BasinConfig,
  type BasinConfigPatch,
  type PartialStreamConfig,
  resolveStreamConfig,
  type StreamConfig,
} from "../config.ts";
import type { BasinInfo, BasinsApi, Idempotency, ListOptions, Page, ProvisionResult } from "../engine-api.ts";
import { EngineError } from "../errors.ts";
import { DELETION_GRACE_MS } from "../limits.ts";
import type { Runtime } from "../runtime/index.ts";
import type { Background } from "./background.ts";
import { idempotencyKey } from "./idempotency.ts";

export interface BasinServiceOptions {
  readonly runtime: Runtime;
  readonly background: Background;
  /** Throws an EngineError while the engine cannot answer. */
  readonly open: () => OpenedAccount;
}

export class BasinService implements BasinsApi {
  readonly #options: BasinServiceOptions;

  constructor(options: BasinServiceOptions) {
    this.#options = options;
  }

  async create(name: string, config: BasinConfig, idempotency: Idempotency | undefined, location?: string) {
    return this.#provisioned(
      name,
      await this.#open().account.propose({
        kind: "create",
        id: this.#newId(),
        name,
        atMs: this.#nowMs(),
        idempotencyKey: idempotencyKey(idempotency),
        config,
        location,
      }),
    );
  }

  async ensure(name: string, config: BasinConfig, location?: string) {
    const { account } = this.#open();
    return this.#provisioned(
      name,
      await account.propose({ kind: "ensure", id: this.#newId(), name, atMs: this.#nowMs(), config, location }),
    );
  }

  #provisioned(name: string, outcome: BasinOutcome): { info: BasinInfo; config: BasinConfig; result: ProvisionResult } {
    if (outcome.kind === "created" || outcome.kind === "updated" || outcome.kind === "noop") {
      return { info: basinInfo(outcome.basin), config: outcome.basin.config, result: outcome.kind };
    }
    throw basinError(name, outcome);
  }

  async get(name: string) {
    const basin = await this.existing(name);
    await this.#open().shard.ensureLease();
    return { info: basinInfo(basin), config: this.#shownConfig(basin) };
  }

  async reconfigure(name: string, patch: BasinConfigPatch): Promise<BasinConfig> {
    const outcome = await this.#open().account.propose({ kind: "reconfigure", name, patch });
    if (outcome.kind !== "updated") throw basinError(name, outcome);
    return this.#shownConfig(outcome.basin);
  }

  async delete(name: string): Promise<void> {
    const outcome = await this.#open().account.propose({ kind: "delete", name, atMs: this.#nowMs() });
    if (outcome.kind !== "deleted") throw basinError(name, outcome);
  }

  async list(options: ListOptions): Promise<Page<BasinInfo>> {
    const { account, shard } = this.#open();
    await shard.ensureLease();
    return account.state.basins.tree.list(options, basinInfo);
  }

  /** A basin that is there and not being deleted. Its absence is told under the lease; what rests on its presence must see to that itself. */
  async existing(name: string): Promise<Basin> {
    const { account, shard } = this.#open();
    const basin = account.state.basins.get(name);
    if (basin !== undefined && basin.deletedAtMs === null) return basin;
    await shard.ensureLease();
    throw basinError(name, { kind: basin === undefined ? "not-found" : "deletion-pending" });
  }

  /** A basin as long as its name is taken. Its absence is told under the lease. */
  async named(name: string): Promise<Basin> {
    const { account, shard } = this.#open();
    await shard.ensureLease();
    const basin = account.state.basins.get(name);
    if (basin === undefined) throw basinError(name, { kind: "not-found" });
    return basin;
  }

  #shownConfig(basin: Basin): BasinConfig {
    return { ...basin.config, defaultStreamConfig: this.streamDefaults(basin) };
  }

  /** What streams of a basin have where nothing else is given. */
  streamDefaults({ config, location }: Basin): PartialStreamConfig {
    const { defaultStreamConfig } = config;
    const { locations } = this.#open().account.state;
    const storageClass = defaultStreamConfig.storageClass ?? locations.get(location)?.defaultStorageClass;
    return { ...defaultStreamConfig, storageClass };
  }

  /** What a stream of a basin gets from `config`. Errors: `invalid` when the basin's location does not offer its class. */
  resolved(basin: Basin, config: PartialStreamConfig): StreamConfig {
    return this.offered(basin, resolveStreamConfig(config, this.streamDefaults(basin)));
  }

  /** The config, if the basin's location offers its class. Errors: `invalid`. */
  offered(basin: Basin, config: StreamConfig): StreamConfig {
    const { storageClass } = config;
    if (this.#open().account.state.locations.offers(basin.location, storageClass)) return config;
    throw unknownClass(storageClass, basin.location);
  }

  /** Sees to it that a deleted basin's streams end in the shard's log, and then its name is free. */
  removeLater(basin: Basin, delayMs: number = DELETION_GRACE_MS): void {
    this.#options.background.later(delayMs, async () => {
      const { shard, account } = this.#open();
      const current = account.state.basins.get(basin.name);
      if (current === undefined || current.id !== basin.id) return;
      await shard.changes.removeBasin(basin.id);
      await account.propose({ kind: "remove", id: basin.id, name: basin.name });
    });
  }

  #open(): OpenedAccount {
    return this.#options.open();
  }

  #nowMs(): number {
    return this.#options.runtime.clock.wallMs();
  }

  #newId(): string {
    return Buffer.from(this.#options.runtime.random.bytes(16)).toString("hex");
  }
}

function basinInfo(basin: Basin): BasinInfo {
  return { name: basin.name, location: basin.location, createdAtMs: basin.createdAtMs, deletedAtMs: basin.deletedAtMs };
}

type BasinRefusal = Exclude<BasinOutcome, { readonly basin: Basin }>;

function unknownClass(name: string, location: string): EngineError {
  return new EngineError("invalid", `location "${location}" does not offer storage class "${name}"`);
}

function basinError(name: string, outcome: BasinOutcome | BasinRefusal): EngineError {
  switch (outcome.kind) {
    case "unknown-location":
      return unknownLocation(outcome.name);
    case "unknown-class":
      return unknownClass(outcome.name, outcome.location);
    case "location-differs":
      return new EngineError("invalid", `basin "${name}" is in location "${outcome.location}", for good`);
    case "exists":
      return new EngineError("resource_already_exists", `basin "${name}" already exists`);
    case "deletion-pending":
      return new EngineError("basin_deletion_pending", `basin "${name}" is being deleted`);
    default:
      return new EngineError("basin_not_found", `basin "${name}" does not exist`);
  }
}

// The basins: part of the account's state machine. What a command does is decided when it is applied.

import { NameTree } from "../catalog/name-tree.ts";
import { type BasinConfig, type BasinConfigPatch, patchPartialStreamConfig } from "../config.ts";
import type { Locations } from "./locations.ts";

export interface Basin {
  /** The incarnation, hexadecimal: a name used again never revives what was there. */
  readonly id: string;
  readonly name: string;
  readonly createdAtMs: number;
  readonly idempotencyKey: string;
  /** For good. */
  readonly location: string;
  readonly config: BasinConfig;
  readonly deletedAtMs: number | null;
}

export type BasinCommand =
  | {
      readonly kind: "create";
      readonly id: string;
      readonly name: string;
      readonly atMs: number;
      readonly idempotencyKey: string;
      readonly config: BasinConfig;
      /** Absent: the default at the time when it is applied. */
      readonly location?: string | undefined;
    }
  | {
      readonly kind: "ensure";
      readonly id: string;
      readonly name: string;
      readonly atMs: number;
      readonly config: BasinConfig;
      /** Absent: where the basin is, or the default. */
      readonly location?: string | undefined;
    }
  | { readonly kind: "reconfigure"; readonly name: string; readonly patch: BasinConfigPatch }
  | { readonly kind: "delete"; readonly name: string; readonly atMs: number }
  /** The last step of a deletion, once no shard has anything of the basin. */
  | { readonly kind: "remove"; readonly id: string; readonly name: string };

export type BasinOutcome =
  | { readonly kind: "created" | "updated" | "noop" | "deleted" | "removed"; readonly basin: Basin }
  | { readonly kind: "exists" | "deletion-pending" | "not-found" }
  /** The basin lives elsewhere. */
  | { readonly kind: "location-differs"; readonly location: string }
  | { readonly kind: "unknown-location"; readonly name: string }
  | { readonly kind: "unknown-class"; readonly name: string; readonly location: string };

export class Basins {
  readonly #basins = new NameTree<Basin>();
  readonly #byId = new Map<string, Basin>();
  readonly #locations: Locations;

  constructor(locations: Locations) {
    this.#locations = locations;
  }

  get tree(): NameTree<Basin> {
    return this.#basins;
  }

  get(name: string): Basin | undefined {
    return this.#basins.get(name);
  }

  /** The basin of this incarnation, until its name is free again. */
  withId(id: string): Basin | undefined {
    return this.#byId.get(id);
  }

  apply(command: BasinCommand): BasinOutcome {
    const current = this.#basins.get(command.name);
    switch (command.kind) {
      case "create":
        if (current === undefined) return this.#found(command, command.idempotencyKey);
        if (current.deletedAtMs !== null) return { kind: "deletion-pending" };
        return command.idempotencyKey !== "" && command.idempotencyKey === current.idempotencyKey
          ? { kind: "noop", basin: current }
          : { kind: "exists" };
      case "ensure":
        if (current === undefined) return this.#found(command, "");
        if (current.deletedAtMs !== null) return { kind: "deletion-pending" };
        if (command.location !== undefined && command.location !== current.location) {
          return { kind: "location-differs", location: current.location };
        }
        if (JSON.stringify(current.config) === JSON.stringify(command.config)) return { kind: "noop", basin: current };
        return this.#update(current, command.config);
      case "reconfigure":
        if (current === undefined) return { kind: "not-found" };
        if (current.deletedAtMs !== null) return { kind: "deletion-pending" };
        return this.#update(current, patched(current.config, command.patch));
      case "delete":
        if (current === undefined) return { kind: "not-found" };
        return {
          kind: "deleted",
          basin: current.deletedAtMs !== null ? current : this.#replace({ ...current, deletedAtMs: command.atMs }),
        };
      case "remove":
        if (current === undefined || current.id !== command.id) return { kind: "not-found" };
        this.#basins.delete(command.name);
        this.#byId.delete(command.id);
        return { kind: "removed", basin: current };
    }
  }

  #found(
    command: { id: string; name: string; atMs: number; config: BasinConfig; location?: string | undefined },
    idempotencyKey: string,
  ): BasinOutcome {
    const { id, name, atMs, config } = command;
    const location = command.location ?? this.#locations.default.name;
    if (this.#locations.get(location) === undefined) return { kind: "unknown-location", name: location };
    const refusal = this.#refusedClass(location, config);
    if (refusal !== undefined) return refusal;
    return {
      kind: "created",
      basin: this.#replace({ id, name, createdAtMs: atMs, idempotencyKey, location, config, deletedAtMs: null }),
    };
  }

  #update(current: Basin, config: BasinConfig): BasinOutcome {
    return (
      this.#refusedClass(current.location, config) ?? { kind: "updated", basin: this.#replace({ ...current, config }) }
    );
  }

  #refusedClass(location: string, config: BasinConfig): BasinOutcome | undefined {
    const name = config.defaultStreamConfig.storageClass;
    if (name === undefined || this.#locations.offers(location, name)) return undefined;
    return { kind: "unknown-class", name, location };
  }

  #replace(basin: Basin): Basin {
    this.#basins.set(basin.name, basin);
    this.#byId.set(basin.id, basin);
    return basin;
  }
}

function patched(config: BasinConfig, patch: BasinConfigPatch): BasinConfig {
  const { defaultStreamConfig } = patch;
  return {
    defaultStreamConfig:
      defaultStreamConfig === undefined
        ? config.defaultStreamConfig
        : defaultStreamConfig === null
          ? {}
          : patchPartialStreamConfig(config.defaultStreamConfig, defaultStreamConfig),
    createStreamOnAppend: patch.createStreamOnAppend ?? config.createStreamOnAppend,
    createStreamOnRead: patch.createStreamOnRead ?? config.createStreamOnRead,
    streamCipher: patch.streamCipher === undefined ? config.streamCipher : (patch.streamCipher ?? undefined),
  };
}

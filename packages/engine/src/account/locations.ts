// Where basins live and what storage classes there are: part of the account's state machine.
// Stored, and not a setting of each process: a linger decides what an append costs, a location what a basin may be given, and all owners
// must decide alike.
import { STANDARD_LINGER_MS } from "../limits.ts";

export interface StorageClass {
  readonly name: string;
  /** How long an append may wait for company. */
  readonly lingerMs: number;
}

export interface Location {
  readonly name: string;
  readonly isPrivate: boolean;
  /** At least one. */
  readonly storageClasses: readonly StorageClass[];
  /** One of them: what streams get where no class is given. */
  readonly defaultStorageClass: string;
}

export type LocationCommand =
  /** These are all the locations from now on. Where the default is not among them, the first takes its place. */
  | { readonly kind: "define-locations"; readonly locations: readonly Location[] }
  | { readonly kind: "set-default-location"; readonly name: string };

export type LocationOutcome =
  | { readonly kind: "locations-defined" }
  | { readonly kind: "default-location-set"; readonly location: Location }
  | { readonly kind: "unknown-location"; readonly name: string }
  /** A basin would be left without its location, or its defaults without their class. */
  | { readonly kind: "location-in-use"; readonly basin: string; readonly missing: string };

const FOUNDING: Location = {
  name: "local",
  isPrivate: false,
  storageClasses: [
    { name: "express", lingerMs: 0 },
    { name: "standard", lingerMs: STANDARD_LINGER_MS },
  ],
  defaultStorageClass: "express",
};

/** What of a basin rests on its location. */
export interface LocatedBasin {
  readonly name: string;
  readonly location: string;
  readonly config: { readonly defaultStreamConfig: { readonly storageClass?: string | undefined } };
}

export class Locations {
  readonly #byName = new Map<string, Location>([[FOUNDING.name, FOUNDING]]);
  #default: Location = FOUNDING;

  get default(): Location {
    return this.#default;
  }

  /** In the order of their definition. */
  all(): readonly Location[] {
    return [...this.#byName.values()];
  }

  get(name: string): Location | undefined {
    return this.#byName.get(name);
  }

  /** Whether streams of a location may have a class. */
  offers(location: string, storageClass: string): boolean {
    return this.#byName.get(location)?.storageClasses.some(({ name }) => name === storageClass) ?? false;
  }

  /** The linger of a class; of one that is not offered any more, that of the location's default. */
  lingerMs(location: string, storageClass: string): number {
    const found = this.#byName.get(location);
    if (found === undefined) return 0;
    let fallback = 0;
    for (const { name, lingerMs } of found.storageClasses) {
      if (name === storageClass) return lingerMs;
      if (name === found.defaultStorageClass) fallback = lingerMs;
    }
    return fallback;
  }

  apply(command: LocationCommand, basins: Iterable<LocatedBasin>): LocationOutcome {
    switch (command.kind) {
      case "define-locations": {
        const inUse = missingFrom(command.locations, basins);
        if (inUse !== undefined) return inUse;
        const [first] = command.locations;
        this.#byName.clear();
        for (const location of command.locations) this.#byName.set(location.name, location);
        this.#default = this.#byName.get(this.#default.name) ?? first;
        return { kind: "locations-defined" };
      }
      case "set-default-location": {
        const location = this.#byName.get(command.name);
        if (location === undefined) return { kind: "unknown-location", name: command.name };
        this.#default = location;
        return { kind: "default-location-set", location };
      }
    }
  }
}

function missingFrom(locations: readonly Location[], basins: Iterable<LocatedBasin>): LocationOutcome | undefined {
  for (const { name: basin, location, config } of basins) {
    const found = locations.find(({ name }) => name === location);
    if (found === undefined) return { kind: "location-in-use", basin, missing: `location "${location}"` };
    const { storageClass } = config.defaultStreamConfig;
    if (storageClass !== undefined && !found.storageClasses.some(({ name }) => name === storageClass)) {
      return { kind: "location-in-use", basin, missing: `storage class "${storageClass}" of location "${location}"` };
    }
  }
  return undefined;
}

// The locations file: where basins may live, and the storage classes there. Applied on every start; what it says is stored for all who
// serve the deployment.
import { type EngineApi, EngineError, type Location } from "@tailrace/engine";
import { fields, flag, list, notApplied, readJsonFile, text } from "./json-file.ts";

const LOCATION_NAME = /^[A-Za-z0-9:.-]{1,64}$/;
/** Longer than this no append should wait for company: it must be durable within its deadline. */
const MAX_LINGER_MS = 1_000;

/** Errors: ExitError (usage) that names the place. */
export function readLocationsFile(path: string): Promise<readonly Location[]> {
  return readJsonFile("locations file", path, parseLocationsFile);
}

/** Errors: Error that names the place. */
export function parseLocationsFile(value: unknown): readonly Location[] {
  const { locations } = fields(value, "the file", ["locations"]);
  const parsed = list(locations, "locations").map((location, i) => parseLocation(location, `locations[${i}]`));
  if (parsed.length === 0) throw new Error("locations must name at least one");
  if (new Set(parsed.map(({ name }) => name)).size < parsed.length) throw new Error("two locations have one name");
  return parsed;
}

function parseLocation(value: unknown, path: string): Location {
  const location = fields(value, path, ["name", "is_private", "storage_classes", "default_storage_class"]);
  const name = text(location.name, `${path}.name`);
  if (!LOCATION_NAME.test(name)) {
    throw new Error(`${path}.name: a location's name has 1 to 64 letters, digits, colons, hyphens and periods`);
  }
  const classes = location.storage_classes;
  if (typeof classes !== "object" || classes === null || Array.isArray(classes)) {
    throw new Error(`${path}.storage_classes must be an object, such as {"express": {"linger_ms": 0}}`);
  }
  const storageClasses = Object.entries(classes).map(([className, given]) => {
    const at = `${path}.storage_classes.${className}`;
    if (className === "") throw new Error(`${path}.storage_classes: a class has a name`);
    const lingerMs = fields(given, at, ["linger_ms"]).linger_ms;
    if (typeof lingerMs !== "number" || !(lingerMs >= 0 && lingerMs <= MAX_LINGER_MS)) {
      throw new Error(`${at}.linger_ms must be a number of milliseconds from 0 to ${MAX_LINGER_MS}`);
    }
    return { name: className, lingerMs };
  });
  if (storageClasses.length === 0) throw new Error(`${path}.storage_classes must name at least one`);
  const defaultStorageClass =
    location.default_storage_class === undefined
      ? storageClasses[0].name
      : text(location.default_storage_class, `${path}.default_storage_class`);
  if (!storageClasses.some((each) => each.name === defaultStorageClass)) {
    throw new Error(`${path}.default_storage_class must be one of its storage classes`);
  }
  return {
    name,
    isPrivate: flag(location.is_private, `${path}.is_private`) ?? false,
    storageClasses,
    defaultStorageClass,
  };
}

/** Errors: ExitError: `usage` when a basin needs what is missing from them, `store` where the store does not take it. */
export async function applyLocationsFile(engine: EngineApi, locations: readonly Location[]): Promise<void> {
  try {
    await engine.locations.define(locations);
  } catch (error) {
    if (!(error instanceof EngineError)) throw error;
    throw notApplied("locations file", error);
  }
}

// The prices file: what estimates of costs are made with, in JSON. What it leaves out has its default.
import { DEFAULT_PRICES, type Prices } from "@tailrace/server";
import { fields, readJsonFile } from "./json-file.ts";

const FIELDS: readonly (readonly [string, keyof Prices])[] = [
  ["storage_gib_month", "storageGibMonth"],
  ["append_million", "appendMillion"],
  ["read_million", "readMillion"],
  ["append_gib", "appendGib"],
  ["read_gib", "readGib"],
];

/** Errors: ExitError (usage) that names the place. */
export function readPricesFile(path: string): Promise<Prices> {
  return readJsonFile("prices file", path, parsePricesFile);
}

/** Errors: Error that names the place. */
export function parsePricesFile(value: unknown): Prices {
  const file = fields(
    value,
    "the file",
    FIELDS.map(([name]) => name),
  );
  const prices: { -readonly [K in keyof Prices]: number } = { ...DEFAULT_PRICES };
  for (const [name, field] of FIELDS) {
    const price = file[name];
    if (price === undefined) continue;
    if (typeof price !== "number" || !(price >= 0)) throw new Error(`${name} must be a number of dollars`);
    prices[field] = price;
  }
  return prices;
}

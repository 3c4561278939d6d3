// What a store costs: a table of prices that the operator may set, and sums made with it. Estimates, by list prices.
import { fields, readJsonFile } from "../json-file.ts";

/** In US dollars. */
export interface StorePrices {
  /** A GiB kept for a month. */
  readonly storageGibMonth: number;
  /** A million puts or lists. */
  readonly putMillion: number;
  /** A million gets. */
  readonly getMillion: number;
}

/** List prices of S3 Standard in us-east-1. Deletes are free. */
export const DEFAULT_STORE_PRICES: StorePrices = { storageGibMonth: 0.023, putMillion: 5, getMillion: 0.4 };

const FIELDS: readonly (readonly [string, keyof StorePrices])[] = [
  ["storage_gib_month", "storageGibMonth"],
  ["put_million", "putMillion"],
  ["get_million", "getMillion"],
];

/** Errors: ExitError (usage) that names the place. */
export function readStorePrices(path: string): Promise<StorePrices> {
  return readJsonFile("prices file", path, parseStorePrices);
}

/** What is left out has its default. Errors: Error that names the place. */
export function parseStorePrices(value: unknown): StorePrices {
  const file = fields(
    value,
    "the file",
    FIELDS.map(([name]) => name),
  );
  const prices: { -readonly [K in keyof StorePrices]: number } = { ...DEFAULT_STORE_PRICES };
  for (const [name, field] of FIELDS) {
    const price = file[name];
    if (price === undefined) continue;
    if (typeof price !== "number" || !(price >= 0)) throw new Error(`${name} must be a number of dollars`);
    prices[field] = price;
  }
  return prices;
}

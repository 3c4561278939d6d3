// What a store costs: a table of prices that the operator may set, and sums made with it. Estimates, by list prices.
import { readJsonFile } from "../json-file.ts";
import { type PriceFields, parsePriceTable } from "../price-table.ts";

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

const FIELDS: PriceFields<StorePrices> = [
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
  return parsePriceTable(value, FIELDS, DEFAULT_STORE_PRICES);
}

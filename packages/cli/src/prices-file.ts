// The prices file: what estimates of costs are made with, in JSON. What it leaves out has its default.
import { DEFAULT_PRICES, type Prices } from "@tailrace/server";
import { readJsonFile } from "./json-file.ts";
import { type PriceFields, parsePriceTable } from "./price-table.ts";

const FIELDS: PriceFields<Prices> = [
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
  return parsePriceTable(value, FIELDS, DEFAULT_PRICES);
}

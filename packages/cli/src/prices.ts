// The price file: what estimates of costs are made with, in JSON. What it leaves out has its default.
import { readFile } from "node:fs/promises";
import { DEFAULT_PRICES, type Prices } from "@tailrace/server";
import { ExitCode, ExitError } from "./exit-codes.ts";

const FIELDS: readonly (readonly [string, keyof Prices])[] = [
  ["storage_gib_month", "storageGibMonth"],
  ["append_million", "appendMillion"],
  ["read_million", "readMillion"],
  ["append_gib", "appendGib"],
  ["read_gib", "readGib"],
];

/** Errors: ExitError (usage) that names the place. */
export async function readPrices(path: string): Promise<Prices> {
  try {
    return parsePrices(JSON.parse(await readFile(path, "utf8")));
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new ExitError(ExitCode.usage, `the price file ${path} cannot be used: ${why}`);
  }
}

/** Errors: Error that names the place. */
export function parsePrices(value: unknown): Prices {
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw new Error("it must be an object");
  const prices: { -readonly [K in keyof Prices]: number } = { ...DEFAULT_PRICES };
  for (const [name, price] of Object.entries(value)) {
    const field = FIELDS.find(([known]) => known === name)?.[1];
    if (field === undefined)
      throw new Error(`there is no field "${name}"; there are ${FIELDS.map(([known]) => known).join(", ")}`);
    if (typeof price !== "number" || !(price >= 0)) throw new Error(`"${name}" must be a number of dollars`);
    prices[field] = price;
  }
  return prices;
}

// A table of prices in JSON: dollars by name; what is left out has its default.
import { fields } from "./json-file.ts";

/** A field's name in the file, and in the prices. */
export type PriceFields<P> = readonly (readonly [string, keyof P])[];

/** Errors: Error that names the place. */
export function parsePriceTable<P extends Record<keyof P, number>>(
  value: unknown,
  names: PriceFields<P>,
  defaults: P,
): P {
  const file = fields(
    value,
    "the file",
    names.map(([name]) => name),
  );
  const prices = { ...defaults };
  for (const [name, field] of names) {
    const price = file[name];
    if (price === undefined) continue;
    if (typeof price !== "number" || !(price >= 0)) throw new Error(`${name} must be a number of dollars`);
    // Every field is a number: that is what P is of.
    prices[field] = price as P[keyof P];
  }
  return prices;
}

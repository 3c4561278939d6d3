// The quotas file: what an operator lets basins and tokens have, at most. Read on every start, for this process alone.
import type { AppendQuotaOptions, AppendRates } from "@tailrace/server";
import { fields, optional, readJsonFile } from "./json-file.ts";

export interface Quotas {
  /** Undefined: any number. */
  readonly streamsPerBasin: number | undefined;
  readonly appends: AppendQuotaOptions;
}

/** Errors: ExitError (usage) that names the place. */
export function readQuotasFile(path: string): Promise<Quotas> {
  return readJsonFile("quotas file", path, parseQuotasFile);
}

/** Errors: Error that names the place. */
export function parseQuotasFile(value: unknown): Quotas {
  const file = fields(value, "the file", ["streams_per_basin", "per_basin", "per_token"]);
  return {
    streamsPerBasin: optional(file.streams_per_basin, (count) => positive(count, "streams_per_basin")),
    appends: { perBasin: rates(file.per_basin ?? {}, "per_basin"), perToken: rates(file.per_token ?? {}, "per_token") },
  };
}

function rates(value: unknown, path: string): AppendRates {
  const given = fields(value, path, ["appends_per_second", "append_bytes_per_second"]);
  const rate = (name: string) => optional(given[name], (number) => positive(number, `${path}.${name}`));
  return { appendsPerSecond: rate("appends_per_second"), appendBytesPerSecond: rate("append_bytes_per_second") };
}

function positive(value: unknown, path: string): number {
  if (typeof value !== "number" || !(value > 0)) throw new Error(`${path} must be a number above 0`);
  return value;
}

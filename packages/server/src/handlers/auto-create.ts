// The config that a request carries for a stream which it may create (API: s2-stream-config).
import type { AutoCreate } from "@tailrace/engine";
import type { ApiRequest } from "../api-request.ts";
import { partialStreamConfig } from "../config-json.ts";
import { ApiError } from "../errors.ts";
import { parseJson } from "../json-shape.ts";

const DEFAULTS: AutoCreate = { config: {} };

/** Errors: `bad_header` for whatever is wrong with it. */
export function autoCreate(request: ApiRequest): AutoCreate {
  const header = request.header("s2-stream-config");
  if (header === undefined) return DEFAULTS;
  try {
    return { config: partialStreamConfig(parseJson(Buffer.from(header, "latin1"))) };
  } catch (error) {
    if (error instanceof ApiError) throw new ApiError("bad_header", `s2-stream-config: ${error.message}`);
    throw error;
  }
}

// Every route of the API, and which handler answers it.
import type { Answer, ApiRequest } from "./api-request.ts";
import type { Context } from "./context.ts";
import { ApiError } from "./errors.ts";
import { append } from "./handlers/append.ts";
import { createBasin, deleteBasin, ensureBasin, getBasin, listBasins, reconfigureBasin } from "./handlers/basins.ts";
import { checkTail, read } from "./handlers/read.ts";
import {
  createStream,
  deleteStream,
  ensureStream,
  getStream,
  listStreams,
  reconfigureStream,
} from "./handlers/streams.ts";

export type Handler = (context: Context, request: ApiRequest) => Promise<Answer>;

function later(what: string): Handler {
  return async () => {
    throw new ApiError("not_implemented", `${what} are not available yet`);
  };
}

const accessTokens = later("access tokens");
const metrics = later("metrics");
const locations = later("locations");

/** Method, path pattern, handler. Below /v1, all of them need a token. */
export const ROUTES: readonly (readonly [string, string, Handler])[] = [
  ["GET", "/v1/basins", listBasins],
  ["POST", "/v1/basins", createBasin],
  ["GET", "/v1/basins/:basin", getBasin],
  ["PUT", "/v1/basins/:basin", ensureBasin],
  ["PATCH", "/v1/basins/:basin", reconfigureBasin],
  ["DELETE", "/v1/basins/:basin", deleteBasin],
  ["GET", "/v1/streams", listStreams],
  ["POST", "/v1/streams", createStream],
  ["GET", "/v1/streams/:stream", getStream],
  ["PUT", "/v1/streams/:stream", ensureStream],
  ["PATCH", "/v1/streams/:stream", reconfigureStream],
  ["DELETE", "/v1/streams/:stream", deleteStream],
  ["GET", "/v1/streams/:stream/records", read],
  ["POST", "/v1/streams/:stream/records", append],
  ["GET", "/v1/streams/:stream/records/tail", checkTail],
  ["GET", "/v1/access-tokens", accessTokens],
  ["POST", "/v1/access-tokens", accessTokens],
  ["DELETE", "/v1/access-tokens/:id", accessTokens],
  ["GET", "/v1/metrics", metrics],
  ["GET", "/v1/metrics/:basin", metrics],
  ["GET", "/v1/metrics/:basin/:stream", metrics],
  ["GET", "/v1/locations", locations],
  ["GET", "/v1/locations/default", locations],
  ["PUT", "/v1/locations/default", locations],
];

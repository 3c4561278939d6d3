// Every route of the API, and which handler answers it.
import type { Operation } from "./access/operations.ts";
import type { Answer, ApiRequest } from "./api-request.ts";
import type { Context } from "./context.ts";
import { issueAccessToken, listAccessTokens, revokeAccessToken } from "./handlers/access-tokens.ts";
import { append } from "./handlers/append.ts";
import { createBasin, deleteBasin, ensureBasin, getBasin, listBasins, reconfigureBasin } from "./handlers/basins.ts";
import { getDefaultLocation, listLocations, setDefaultLocation } from "./handlers/locations.ts";
import { accountMetrics, basinMetrics, streamMetrics } from "./handlers/metrics.ts";
import { checkTail, read } from "./handlers/read.ts";
import {
  createStream,
  deleteStream,
  ensureStream,
  getStream,
  listStreams,
  reconfigureStream,
} from "./handlers/streams.ts";

export type Handler = (context: Context, request: ApiRequest) => Answer | Promise<Answer>;

/** Method, path pattern, the operation that it is (for PUT, which may turn out to be another, the first of them), and its handler. */
export const ROUTES: readonly (readonly [string, string, Operation, Handler])[] = [
  ["GET", "/v1/basins", "list-basins", listBasins],
  ["POST", "/v1/basins", "create-basin", createBasin],
  ["GET", "/v1/basins/:basin", "get-basin-config", getBasin],
  ["PUT", "/v1/basins/:basin", "create-basin", ensureBasin],
  ["PATCH", "/v1/basins/:basin", "reconfigure-basin", reconfigureBasin],
  ["DELETE", "/v1/basins/:basin", "delete-basin", deleteBasin],
  ["GET", "/v1/streams", "list-streams", listStreams],
  ["POST", "/v1/streams", "create-stream", createStream],
  ["GET", "/v1/streams/:stream", "get-stream-config", getStream],
  ["PUT", "/v1/streams/:stream", "create-stream", ensureStream],
  ["PATCH", "/v1/streams/:stream", "reconfigure-stream", reconfigureStream],
  ["DELETE", "/v1/streams/:stream", "delete-stream", deleteStream],
  ["GET", "/v1/streams/:stream/records", "read", read],
  ["POST", "/v1/streams/:stream/records", "append", append],
  ["GET", "/v1/streams/:stream/records/tail", "check-tail", checkTail],
  ["GET", "/v1/access-tokens", "list-access-tokens", listAccessTokens],
  ["POST", "/v1/access-tokens", "issue-access-token", issueAccessToken],
  ["DELETE", "/v1/access-tokens/:id", "revoke-access-token", revokeAccessToken],
  ["GET", "/v1/metrics", "account-metrics", accountMetrics],
  ["GET", "/v1/metrics/:basin", "basin-metrics", basinMetrics],
  ["GET", "/v1/metrics/:basin/:stream", "stream-metrics", streamMetrics],
  ["GET", "/v1/locations", "list-locations", listLocations],
  ["GET", "/v1/locations/default", "get-default-location", getDefaultLocation],
  ["PUT", "/v1/locations/default", "set-default-location", setDefaultLocation],
];

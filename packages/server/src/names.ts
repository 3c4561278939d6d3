// What names may look like (API: resources).
import type { ListOptions } from "@tailrace/engine";
import type { ApiRequest } from "./api-request.ts";
import { ApiError, type ErrorCode } from "./errors.ts";

const BASIN_NAME = /^[a-z0-9][a-z0-9-]{6,46}[a-z0-9]$/;
const LOCATION_NAME = /^[A-Za-z0-9:.-]{1,64}$/;
const MAX_STREAM_NAME_BYTES = 512;
const MAX_REQUEST_TOKEN_BYTES = 36;
const MAX_TOKEN_ID_BYTES = 96;
const MAX_PAGE = 1000;

export function checkBasinName(name: string, code: ErrorCode): string {
  if (!BASIN_NAME.test(name)) {
    throw new ApiError(
      code,
      "a basin name has 8 to 48 lower-case letters, digits and hyphens, and no hyphen at either end",
    );
  }
  return name;
}

export function checkStreamName(name: string, code: ErrorCode): string {
  const bytes = Buffer.byteLength(name);
  if (bytes < 1 || bytes > MAX_STREAM_NAME_BYTES)
    throw new ApiError(code, `a stream name has 1 to ${MAX_STREAM_NAME_BYTES} bytes`);
  if (name.includes("\0") || name === "." || name === "..")
    throw new ApiError(code, 'a stream name has no NUL and is not "." or ".."');
  return name;
}

export function checkTokenId(id: string, code: ErrorCode): string {
  const bytes = Buffer.byteLength(id);
  if (bytes < 1 || bytes > MAX_TOKEN_ID_BYTES)
    throw new ApiError(code, `an access token's id has 1 to ${MAX_TOKEN_ID_BYTES} bytes`);
  if (id.includes("\0") || id === "." || id === "..")
    throw new ApiError(code, 'an access token\'s id has no NUL and is not "." or ".."');
  return id;
}

/** Errors: `invalid`. */
export function checkLocationName(name: string): string {
  if (!LOCATION_NAME.test(name)) {
    throw new ApiError("invalid", "a location's name has 1 to 64 letters, digits, colons, hyphens and periods");
  }
  return name;
}

export function tokenOfPath(request: ApiRequest): string {
  return checkTokenId(request.params.id ?? "", "bad_path");
}

export function basinOfPath(request: ApiRequest): string {
  return checkBasinName(request.params.basin ?? "", "bad_path");
}

export function streamOfPath(request: ApiRequest): string {
  return checkStreamName(request.params.stream ?? "", "bad_path");
}

/** The basin that a request for streams addresses: by its header, or by its host where the server has a basin domain. */
export function addressedBasin(request: ApiRequest): string {
  const name = request.header("s2-basin");
  const { hostBasin } = request;
  if (name === undefined && hostBasin === undefined) {
    throw new ApiError("bad_header", "the header s2-basin must name the basin");
  }
  if (name !== undefined && hostBasin !== undefined && name !== hostBasin) {
    throw new ApiError("bad_header", "the header s2-basin and the host name different basins");
  }
  return checkBasinName(name ?? hostBasin ?? "", "bad_header");
}

export function requestToken(request: ApiRequest): string | undefined {
  const token = request.header("s2-request-token");
  if (token !== undefined && Buffer.byteLength(token) > MAX_REQUEST_TOKEN_BYTES) {
    throw new ApiError("bad_header", `s2-request-token has at most ${MAX_REQUEST_TOKEN_BYTES} bytes`);
  }
  return token;
}

/** What a basin's name begins with. */
const BASIN_PREFIX = /^([a-z0-9][a-z0-9-]{0,47})?$/;

/** A listing of basins: what no name of one could begin with is `bad_query`. */
export function basinListOptions(options: ListOptions): ListOptions {
  for (const text of [options.prefix, options.startAfter])
    if (!BASIN_PREFIX.test(text))
      throw new ApiError("bad_query", "no basin's name begins with this prefix or start_after");
  return options;
}

export function listOptions(request: ApiRequest): ListOptions {
  const prefix = request.query.string("prefix") ?? "";
  const startAfter = request.query.string("start_after") ?? "";
  for (const text of [prefix, startAfter]) {
    if (text.includes("\0")) throw new ApiError("bad_query", "a prefix or start_after has no NUL");
    if (Buffer.byteLength(text) > MAX_STREAM_NAME_BYTES)
      throw new ApiError("bad_query", "a prefix or start_after is longer than a name may be");
  }
  const limit = request.query.count("limit") ?? MAX_PAGE;
  return { prefix, startAfter, limit: limit === 0 || limit > MAX_PAGE ? MAX_PAGE : limit };
}

// The parameters that requests of the API take, in paths, queries and headers. Data only.
import type { Schema } from "./schemas.ts";

export interface Parameter {
  readonly name: string;
  readonly in: "path" | "query" | "header";
  readonly required: boolean;
  readonly description: string;
  readonly schema: Schema;
}

const TEXT: Schema = { type: "string" };
const NUMBER: Schema = { type: "integer", minimum: 0 };

function path(name: string, description: string): Parameter {
  return { name, in: "path", required: true, description, schema: TEXT };
}

function query(name: string, description: string, schema: Schema = NUMBER, required = false): Parameter {
  return { name, in: "query", required, description, schema };
}

function header(name: string, description: string, required = false): Parameter {
  return { name, in: "header", required, description, schema: TEXT };
}

export const BASIN_IN_PATH = path("basin", "8 to 48 lower-case letters, digits and hyphens, no hyphen at either end.");
export const STREAM_IN_PATH = path("stream", "1 to 512 bytes, percent-encoded.");
export const TOKEN_IN_PATH = path("id", "1 to 96 bytes, percent-encoded.");
export const BASIN_IN_HEADER = header(
  "s2-basin",
  "The basin. Not needed where the request's host name names it (`--basin-domain`).",
);

export const LISTING: readonly Parameter[] = [
  query("prefix", "Only names that begin with it.", TEXT),
  query("start_after", "Only names after it, in the order of bytes.", TEXT),
  query("limit", "At most this many, up to 1000, which is also what 0 and more than 1000 mean."),
];

export const REQUEST_TOKEN = header(
  "s2-request-token",
  "Up to 36 bytes. The same token with the same body answers again, without a second effect.",
);

export const FORMAT = header(
  "s2-format",
  "How names, values and bodies of records are written in JSON: `raw` (UTF-8, the default) or `base64`.",
);
export const ENCRYPTION_KEY = header(
  "s2-encryption-key",
  "32 bytes in base64. Needed where the stream has a cipher, ignored where it has none.",
);
export const STREAM_CONFIG = header(
  "s2-stream-config",
  "A stream config in JSON, laid over the basin's defaults if the request creates the stream.",
);

export const READING: readonly Parameter[] = [
  query("seq_num", "Start at this sequence number."),
  query("timestamp", "Start at the first record at or after this timestamp."),
  query("tail_offset", "Start this many records before the tail. The default is 0. At most one start may be given."),
  query("clamp", "Start at the tail instead of answering 416, if the start is beyond it.", { type: "boolean" }),
  query("count", "End after this many records."),
  query("bytes", "End before there are more metered bytes than this."),
  query("until", "End before the first record at or after this timestamp."),
  query("wait", "Seconds to wait for records at the tail, up to 60."),
];

export const RANGE: readonly Parameter[] = [
  query("start", "Seconds since the epoch.", NUMBER, true),
  query("end", "Seconds since the epoch.", NUMBER, true),
  query("interval", "What accumulations add up over.", { type: "string", enum: ["minute", "hour", "day"] }),
];

export function metricSet(...sets: readonly string[]): Parameter {
  return query("set", "Which metrics.", { type: "string", enum: sets }, true);
}

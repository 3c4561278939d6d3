// What a request's headers say about forms: of its body, of the answer, of records in JSON, of compression.
import type { Compression } from "@tailrace/engine/runtime";
import type { RecordFormat } from "@tailrace/engine/wire";
import type { ApiRequest } from "./api-request.ts";
import { ApiError } from "./errors.ts";

export type MediaType = "json" | "protobuf" | "s2s" | "event-stream" | "other";

function mediaType(text: string): MediaType {
  const end = text.indexOf(";");
  const type = (end < 0 ? text : text.slice(0, end)).trim().toLowerCase();
  switch (type) {
    case "application/json":
      return "json";
    case "application/protobuf":
    case "application/x-protobuf":
      return "protobuf";
    case "s2s/proto":
      return "s2s";
    case "text/event-stream":
      return "event-stream";
    default:
      return type.startsWith("application/") && type.endsWith("+json") ? "json" : "other";
  }
}

/** The form of the request's body; undefined where it does not say. */
export function contentType(request: ApiRequest): MediaType | undefined {
  const header = request.header("content-type");
  return header === undefined ? undefined : mediaType(header);
}

/** The form that is asked for first. */
export function accepted(request: ApiRequest): MediaType {
  const header = request.header("accept");
  if (header === undefined) return "json";
  const end = header.indexOf(",");
  return mediaType(end < 0 ? header : header.slice(0, end));
}

export function requireJson(request: ApiRequest): void {
  if (contentType(request) !== "json")
    throw new ApiError("bad_json", "the body must be JSON, with the content type application/json");
}

export function recordFormat(request: ApiRequest): RecordFormat {
  const format = request.header("s2-format");
  switch (format) {
    case undefined:
    case "raw":
    case "json":
      return "raw";
    case "base64":
    case "json-binsafe":
      return "base64";
    default:
      throw new ApiError("bad_header", `s2-format must be raw or base64, not "${format.slice(0, 32)}"`);
  }
}

/** The compression to answer with: zstd before gzip, and none that has q=0. */
export function acceptedCompression(header: string | undefined): Compression | undefined {
  if (header === undefined) return undefined;
  let best: Compression | undefined;
  for (const part of header.split(",")) {
    const [name, ...parameters] = part.split(";").map((text) => text.trim().toLowerCase());
    if (name !== "zstd" && name !== "gzip") continue;
    const quality = parameters.find((parameter) => parameter.startsWith("q="));
    if (quality !== undefined && !(Number(quality.slice(2)) > 0)) continue;
    if (best !== "zstd") best = name;
  }
  return best;
}

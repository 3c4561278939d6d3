// What a request is aimed at: the names in its path and headers, made whole, and permitted to who asks.
// Every handler goes through one of these before it touches the engine.
import type { ListOptions, ResourceSet } from "@tailrace/engine";
import type { AppendBatch } from "@tailrace/engine/wire";
import type { ApiRequest } from "../api-request.ts";
import { ApiError, type ErrorCode } from "../errors.ts";
import { addressedBasin, basinOfPath, checkBasinName, checkStreamName, listOptions, streamOfPath } from "../names.ts";
import type { Access } from "./access.ts";
import type { Operation } from "./operations.ts";

export interface StreamTarget {
  readonly basin: string;
  /** The whole name. */
  readonly stream: string;
}

/** The basin in the path. Errors: `bad_path`, `permission_denied`. */
export function basinTarget(request: ApiRequest, operation: Operation): string {
  request.access.require(operation);
  return permittedBasin(request, basinOfPath(request));
}

/** A basin that the body names. Errors: `bad_json`, `permission_denied`. */
export function basinInBody(request: ApiRequest, name: string): string {
  return permittedBasin(request, checkBasinName(name, "bad_json"));
}

function permittedBasin(request: ApiRequest, basin: string): string {
  request.resource = basin;
  request.access.requireBasin(basin);
  return basin;
}

/** The basin that a request for streams addresses. Errors: `bad_header`, `permission_denied`. */
export function streamsTarget(request: ApiRequest, operation: Operation): string {
  request.access.require(operation);
  return permittedBasin(request, addressedBasin(request));
}

/** The stream in the path. Errors: `bad_header`, `bad_path`, `permission_denied`. */
export function streamTarget(request: ApiRequest, operation: Operation): StreamTarget {
  request.access.require(operation);
  return addressedStream(request);
}

/** The stream of a path that names its basin too. Errors: `bad_path`, `permission_denied`. */
export function streamOfBasinTarget(request: ApiRequest, operation: Operation): StreamTarget {
  const basin = basinTarget(request, operation);
  return { basin, stream: permittedStream(request, basin, streamOfPath(request), "bad_path") };
}

/** Where records are appended. What kinds of records is seen batch by batch: `requireBatch`. */
export function appendTarget(request: ApiRequest): StreamTarget {
  const { access } = request;
  if (!access.permits("append") && !access.permits("fence") && !access.permits("trim")) access.require("append");
  return addressedStream(request);
}

function addressedStream(request: ApiRequest): StreamTarget {
  const basin = permittedBasin(request, addressedBasin(request));
  return { basin, stream: permittedStream(request, basin, streamOfPath(request), "bad_path") };
}

/** A stream that the body names; the whole name. Errors: `bad_json`, `permission_denied`. */
export function streamInBody(request: ApiRequest, basin: string, name: string): string {
  return permittedStream(request, basin, checkStreamName(name, "bad_json"), "bad_json");
}

function permittedStream(request: ApiRequest, basin: string, name: string, code: ErrorCode): string {
  const { namespace } = request.access;
  const stream = namespace === "" ? name : checkStreamName(namespace + name, code);
  request.resource = `${basin}/${stream}`;
  request.access.requireStream(stream);
  return stream;
}

/** Every record of a batch must be permitted by its kind: fences and trims by operations of their own. Errors: `permission_denied`. */
export function requireBatch(access: Access, batch: AppendBatch): void {
  if (access.permitsEveryOperation) return;
  if (batch.count > batch.commands.length) access.require("append");
  for (const command of batch.commands) access.require(command.kind);
}

/** A listing of what the asker may know of. Errors: `bad_query`. */
export function listWithin(request: ApiRequest, within: ResourceSet): ListOptions {
  return { ...listOptions(request), within };
}

/** A listing of streams, in whole names. */
export function listStreamsWithin(request: ApiRequest): ListOptions {
  const { namespace, scope } = request.access;
  const options = listWithin(request, scope.streams);
  if (namespace === "") return options;
  const startAfter = options.startAfter === "" ? "" : namespace + options.startAfter;
  return { ...options, prefix: namespace + options.prefix, startAfter };
}

/** A stream's name as the asker knows it. */
export function nameForHolder(request: ApiRequest, name: string): string {
  const { namespace } = request.access;
  if (!name.startsWith(namespace)) throw new ApiError("other", "a stream outside of the asker's namespace");
  return namespace === "" ? name : name.slice(namespace.length);
}

// A request's whole body: bounded before it is buffered, inflated within bounds, and given up when it comes too slowly.
import type { Readable } from "node:stream";
import { type Compression, InflateError, type Runtime } from "@tailrace/engine/runtime";
import { ApiError, BareStatusError } from "./errors.ts";
import type { Unfinished } from "./unfinished.ts";

/** The longest body, also once inflated: a batch's limit of 1 MiB metered leaves room for what JSON and base64 add. */
export const MAX_BODY_BYTES = 2 * 1024 * 1024;
/** Within this a whole body must have come. */
const BODY_DEADLINE_MS = 30_000;

export interface BodyHeaders {
  readonly contentLength: string | undefined;
  readonly contentEncoding: string | undefined;
}

/** Errors: ApiError `bad_json` (too large, does not inflate), `request_timeout`, `hot_server`; BareStatusError 415. */
export async function readBody(
  stream: Readable,
  headers: BodyHeaders,
  runtime: Runtime,
  unfinished: Unfinished,
): Promise<Uint8Array> {
  const compression = requestCompression(headers.contentEncoding);
  if (Number(headers.contentLength ?? 0) > MAX_BODY_BYTES) throw tooLarge();
  return inflated(await collect(stream, runtime, unfinished), compression, runtime);
}

/** A body that has come as a whole, inflated; at once when it is as it was sent. Errors: as `readBody`. */
export function wholeBody(
  body: Uint8Array,
  contentEncoding: string | undefined,
  runtime: Runtime,
): Uint8Array | Promise<Uint8Array> {
  return inflated(body, requestCompression(contentEncoding), runtime);
}

function inflated(
  body: Uint8Array,
  compression: Compression | undefined,
  runtime: Runtime,
): Uint8Array | Promise<Uint8Array> {
  if (compression === undefined) return body;
  return runtime.threads.decompress(compression, body, MAX_BODY_BYTES).catch((error: unknown) => {
    if (!(error instanceof InflateError)) throw error;
    throw error.reason === "too-large"
      ? tooLarge()
      : new ApiError("bad_json", `the body does not inflate: ${error.message}`);
  });
}

function requestCompression(encoding: string | undefined): Compression | undefined {
  const name = encoding?.trim().toLowerCase();
  if (name === undefined || name === "" || name === "identity") return undefined;
  if (name === "gzip" || name === "zstd") return name;
  throw new BareStatusError(415);
}

function collect(stream: Readable, runtime: Runtime, unfinished: Unfinished): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    const chunks: Uint8Array[] = [];
    let bytes = 0;
    const timer = runtime.timers.set(BODY_DEADLINE_MS, () =>
      fail(new ApiError("request_timeout", "the body came too slowly")),
    );
    const part = unfinished.begin(() => {
      stream.pause();
      fail(new ApiError("hot_server", "too much was under way, and this body came slowly"));
    });
    const done = () => {
      runtime.timers.clear(timer);
      part.end();
      stream.off("data", onData);
      stream.off("end", onEnd);
      stream.off("error", fail);
      stream.off("aborted", onAborted);
      stream.off("close", onAborted);
    };
    const fail = (error: Error) => {
      done();
      reject(error);
    };
    const onAborted = () => fail(new ApiError("bad_json", "the body was cut off"));
    const onData = (chunk: Uint8Array) => {
      bytes += chunk.length;
      if (bytes > MAX_BODY_BYTES) {
        stream.pause();
        fail(tooLarge());
        return;
      }
      chunks.push(chunk);
      part.holds(bytes);
    };
    const onEnd = () => {
      done();
      resolve(chunks.length === 1 ? chunks[0] : Buffer.concat(chunks, bytes));
    };
    stream.on("data", onData);
    stream.on("end", onEnd);
    stream.on("error", fail);
    stream.on("aborted", onAborted);
    stream.on("close", onAborted);
  });
}

function tooLarge(): ApiError {
  return new ApiError("bad_json", `the body is larger than ${MAX_BODY_BYTES} bytes`);
}

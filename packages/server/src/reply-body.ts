// A reply's body on its way out: in pieces, compressed if it is large and the client wants that.
import type { Compression, Runtime } from "@tailrace/engine/runtime";
import type { ReplyBody } from "./api-request.ts";
import { acceptedCompression } from "./media.ts";

/** Answers below this are sent as they are. */
const MIN_COMPRESSED_BYTES = 1024;

export function piecesOf(body: ReplyBody | undefined): readonly Uint8Array[] {
  if (body === undefined) return [];
  if (typeof body === "string") return [Buffer.from(body)];
  return body instanceof Uint8Array ? [body] : body;
}

/** Undefined: as it is. */
export function replyCompression(
  status: number,
  bytes: number,
  acceptEncoding: string | undefined,
): Compression | undefined {
  return bytes > MIN_COMPRESSED_BYTES && status < 400 ? acceptedCompression(acceptEncoding) : undefined;
}

export function compressed(
  pieces: readonly Uint8Array[],
  compression: Compression,
  runtime: Runtime,
): Promise<Uint8Array> {
  return runtime.threads.compress(compression, pieces.length === 1 ? pieces[0] : Buffer.concat(pieces));
}

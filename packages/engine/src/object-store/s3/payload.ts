// What a put carries, and the hash of it that is signed. The SDK would want large payloads as one run of bytes and hash them in one go: for 64 MiB
// some hundred milliseconds in which nobody else is served. So those are hashed and sent piece by piece.
import { createHash } from "node:crypto";
import { Readable } from "node:stream";
import type { PutObjectCommand, UploadPartCommand } from "@aws-sdk/client-s3";
import type { Runtime } from "../../runtime/runtime.ts";

/** Up to here a payload is joined, and the SDK hashes it. */
const SMALL_PAYLOAD_BYTES = 1024 * 1024;
/** Parts below this are joined, up to so much: each costs an update of the hash and a write to the socket. */
const PIECE_BYTES = 256 * 1024;
/** Bytes that are joined and hashed before others have their turn. */
const STRETCH_BYTES = 1024 * 1024;
const HASH_HEADER = "x-amz-content-sha256";

export interface Payload {
  readonly bytes: number;
  /** To be sent once. */
  readonly body: Uint8Array | Readable;
  /** In hexadecimal; undefined leaves it to the SDK. */
  readonly sha256: string | undefined;
}

/** Gives way to others after every stretch. */
export async function payloadOf(parts: readonly Uint8Array[], runtime: Runtime): Promise<Payload> {
  let bytes = 0;
  for (const part of parts) bytes += part.length;
  if (bytes <= SMALL_PAYLOAD_BYTES)
    return { bytes, body: parts.length === 1 ? parts[0] : Buffer.concat(parts), sha256: undefined };
  const hash = createHash("sha256");
  const pieces: Uint8Array[] = [];
  let stretch = 0;
  for (const piece of piecesOf(parts)) {
    hash.update(piece);
    pieces.push(piece);
    stretch += piece.length;
    if (stretch < STRETCH_BYTES) continue;
    stretch = 0;
    await new Promise<void>((resolve) => runtime.timers.immediate(resolve));
  }
  return { bytes, body: Readable.from(pieces, { objectMode: false }), sha256: hash.digest("hex") };
}

/** The one copy on this path: of parts that are smaller than a piece. */
function* piecesOf(parts: readonly Uint8Array[]): Generator<Uint8Array> {
  let small: Uint8Array[] = [];
  let smallBytes = 0;
  for (const part of parts) {
    if (smallBytes > 0 && smallBytes + part.length > PIECE_BYTES) {
      yield Buffer.concat(small, smallBytes);
      small = [];
      smallBytes = 0;
    }
    if (part.length < PIECE_BYTES) {
      small.push(part);
      smallBytes += part.length;
    } else for (let at = 0; at < part.length; at += STRETCH_BYTES) yield part.subarray(at, at + STRETCH_BYTES);
  }
  if (smallBytes > 0) yield Buffer.concat(small, smallBytes);
}

/** Has the SDK sign the hash that is known. */
export function withHash<T extends PutObjectCommand | UploadPartCommand>(command: T, { sha256 }: Payload): T {
  if (sha256 === undefined) return command;
  // The stacks of both take the same.
  const stack = command.middlewareStack as PutObjectCommand["middlewareStack"];
  stack.add(
    (next) => (args) => {
      // In this step there is a request of HTTP.
      const { headers } = args.request as { headers: Record<string, string> };
      headers[HASH_HEADER] = sha256;
      return next(args);
    },
    { step: "build", name: "knownPayloadHash" },
  );
  return command;
}

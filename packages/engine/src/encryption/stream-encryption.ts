// A request's key, bound to one incarnation of one stream: what appends are sealed and reads are opened with.
// Lives no longer than the request or session that brought the key.
import { type AeadCipher, deriveKey, type Runtime } from "../runtime/index.ts";
import type { Stream } from "../stream/stream.ts";
import { type EncryptionKey, EncryptionKeyError } from "./encryption-key.ts";

export interface StreamEncryption {
  readonly runtime: Runtime;
  readonly cipher: AeadCipher;
  /** Of this stream alone: derived from the request's key. */
  readonly key: Uint8Array;
  /** Bound to every record: whose it is, by incarnation. */
  readonly context: Uint8Array;
}

/** Undefined for a stream in the clear, whose requests may bring any key. Errors: EncryptionKeyError. */
export function streamEncryption(
  runtime: Runtime,
  stream: Stream,
  key: EncryptionKey | undefined,
): StreamEncryption | undefined {
  const { cipher } = stream;
  if (cipher === null) return undefined;
  const bytes = keyBytes(key);
  const purpose = `tailrace sealed record 1 ${cipher}`;
  return {
    runtime,
    cipher,
    key: deriveKey(bytes, stream.id, purpose),
    context: Buffer.concat([Buffer.from(purpose), Buffer.from(stream.basinId, "hex"), stream.id]),
  };
}

/** Whether an encrypted stream could be opened with it. Errors: EncryptionKeyError. */
export function keyBytes(key: EncryptionKey | undefined): Uint8Array {
  if (key === undefined) throw new EncryptionKeyError("missing");
  return key.bytes();
}

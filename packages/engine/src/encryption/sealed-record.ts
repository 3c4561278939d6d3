// The layout of a sealed record's body (docs/format.md): version, metered bytes, nonce, ciphertext, tag. Layout only, no cipher.
import { AEAD_CIPHERS, type AeadCipher } from "../runtime/index.ts";
import type { RecordCursor } from "../wire/index.ts";

export const SEALED_VERSION = 1;
/** Version and metered bytes: in the clear, and bound to what follows. */
export const CLEAR_BYTES = 5;

/** What sealing adds to a record's payload. */
export function sealingBytes(cipher: AeadCipher): number {
  const { nonceBytes, tagBytes } = AEAD_CIPHERS[cipher];
  return CLEAR_BYTES + nonceBytes + tagBytes;
}

/** Writes the clear bytes of a record that has `meteredBytes` in the clear; returns the offset behind them. */
export function writeClear(target: Uint8Array, at: number, meteredBytes: number): number {
  target[at] = SEALED_VERSION;
  target[at + 1] = meteredBytes & 0xff;
  target[at + 2] = (meteredBytes >>> 8) & 0xff;
  target[at + 3] = (meteredBytes >>> 16) & 0xff;
  target[at + 4] = meteredBytes >>> 24;
  return at + CLEAR_BYTES;
}

/** In an encrypted stream, what has a header is a command, and stands in the clear. */
export function isSealed(cursor: RecordCursor): boolean {
  return cursor.headerCount === 0;
}

/** Metered bytes of the record under the cursor, as it was before it was sealed. */
export function meteredBytesBeforeSealing(bytes: Uint8Array, cursor: RecordCursor): number {
  if (!isSealed(cursor)) return cursor.meteredBytes;
  const at = cursor.bodyStart + 1;
  return (bytes[at] | (bytes[at + 1] << 8) | (bytes[at + 2] << 16) | (bytes[at + 3] << 24)) >>> 0;
}

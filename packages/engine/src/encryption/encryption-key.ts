// The key that a request brings along for an encrypted stream. It lives as long as the request or session does:
// never stored, never logged, never part of an error. Nothing about it shows when it is printed or serialised.
import { AEAD_KEY_BYTES } from "../runtime/index.ts";
import { decodeBase64InPlace } from "../wire/index.ts";

/** Why a request's key cannot be used. */
export class EncryptionKeyError extends Error {
  readonly reason: "missing" | "malformed";
  constructor(reason: EncryptionKeyError["reason"]) {
    super(
      reason === "missing"
        ? "the stream is encrypted: a key is required"
        : `an encryption key is ${AEAD_KEY_BYTES} bytes in base64`,
    );
    this.name = "EncryptionKeyError";
    this.reason = reason;
  }
}

export class EncryptionKey {
  readonly #base64: string;

  /** As it was sent: whether it is a key at all matters only once a stream needs it. */
  constructor(base64: string) {
    this.#base64 = base64;
  }

  /** AEAD_KEY_BYTES. Errors: EncryptionKeyError. */
  bytes(): Uint8Array {
    const bytes = Buffer.from(this.#base64, "latin1");
    const end = decodeBase64InPlace(bytes, 0, bytes.length);
    if (end !== AEAD_KEY_BYTES) throw new EncryptionKeyError("malformed");
    return bytes.subarray(0, end);
  }
}

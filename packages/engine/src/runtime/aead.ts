// Authenticated encryption by audited libraries: AES-256-GCM and HKDF of OpenSSL (Node), AEGIS-256 of libsodium.
// Seals and opens messages on the spot; where that happens is for `threads` to say. Must never hold a key beyond a call, nor put one in an error.
import { createCipheriv, createDecipheriv, hkdfSync } from "node:crypto";

/** A random nonce is drawn for each message: 96 bits suffice for 2^32 messages under one key, 256 bits for any number. */
export const AEAD_CIPHERS = {
  "aegis-256": { nonceBytes: 32, tagBytes: 32 },
  "aes-256-gcm": { nonceBytes: 12, tagBytes: 16 },
} as const;

export type AeadCipher = keyof typeof AEAD_CIPHERS;

export const AEAD_KEY_BYTES = 32;

/** Messages under one key, each sealed and opened on its own. */
export interface AeadJob {
  readonly cipher: AeadCipher;
  /** AEAD_KEY_BYTES. */
  readonly key: Uint8Array;
  /** Associated data of every message; a message's own clear bytes are bound behind it. */
  readonly context: Uint8Array;
  /** Bytes at the front of each sealed message that stand in the clear and are bound to it. */
  readonly clearBytes: number;
  /** Sealed message i is sealed[sealedSpans[2i] .. sealedSpans[2i+1]): clear bytes, nonce, ciphertext, tag. */
  readonly sealed: Uint8Array;
  readonly sealedSpans: Uint32Array;
  /** Message i in the clear is plain[plainSpans[2i] .. plainSpans[2i+1]). */
  readonly plain: Uint8Array;
  readonly plainSpans: Uint32Array;
}

/** What came of opening: messages before `opened` stand in `plain`; the one at `opened`, if there is one, does not authenticate. */
export interface AeadOpened {
  readonly plain: Uint8Array;
  readonly opened: number;
}

type Sodium = typeof import("libsodium-wrappers").default;
let sodium: Sodium | undefined;
let loading: Promise<void> | undefined;

/** Loads libsodium, which takes some 15 ms and 10 MiB: nobody pays for it before the first AEGIS-256 stream is used. */
export function loadAegis(): Promise<void> {
  loading ??= import("libsodium-wrappers").then(async ({ default: library }) => {
    await library.ready;
    sodium = library;
  });
  return loading;
}

/** Whether `cipher` can be used on the spot. */
export function aeadLoaded(cipher: AeadCipher): boolean {
  return cipher !== "aegis-256" || sodium !== undefined;
}

/** A key of AEAD_KEY_BYTES for one purpose, from which neither `key` nor the key of another purpose can be told (HKDF with SHA-256). */
export function deriveKey(key: Uint8Array, salt: Uint8Array, purpose: string): Uint8Array {
  return new Uint8Array(hkdfSync("sha256", key, salt, purpose, AEAD_KEY_BYTES));
}

/** Fills in ciphertexts and tags; clear bytes and nonces must be in `sealed` already. The cipher must be loaded. */
export function sealMessages(job: AeadJob): void {
  const { plain, plainSpans, sealed } = job;
  const ad = new AssociatedData(job);
  for (let i = 0; 2 * i < plainSpans.length; i += 1) {
    const text = plain.subarray(plainSpans[2 * i], plainSpans[2 * i + 1]);
    const { nonce, bodyStart, end } = ad.of(i);
    if (job.cipher === "aegis-256") {
      sealed.set(library().crypto_aead_aegis256_encrypt(text, ad.bytes, null, nonce, job.key), bodyStart);
    } else {
      const cipher = createCipheriv("aes-256-gcm", job.key, nonce);
      cipher.setAAD(ad.bytes);
      sealed.set(cipher.update(text), bodyStart);
      cipher.final();
      sealed.set(cipher.getAuthTag(), end - AEAD_CIPHERS[job.cipher].tagBytes);
    }
  }
}

/** Fills in texts up to the first message that does not authenticate; the answer is that message's index, or their number. The cipher must be loaded. */
export function openMessages(job: AeadJob): number {
  const { plain, plainSpans, sealed } = job;
  const ad = new AssociatedData(job);
  const count = plainSpans.length / 2;
  for (let i = 0; i < count; i += 1) {
    const { nonce, bodyStart, end } = ad.of(i);
    const text = openOne(job, nonce, sealed.subarray(bodyStart, end), ad.bytes);
    if (text === undefined) return i;
    plain.set(text, plainSpans[2 * i]);
  }
  return count;
}

function openOne(job: AeadJob, nonce: Uint8Array, body: Uint8Array, ad: Uint8Array): Uint8Array | undefined {
  if (job.cipher === "aegis-256") {
    const { crypto_aead_aegis256_decrypt: decrypt } = library();
    try {
      return decrypt(null, body, ad, nonce, job.key);
    } catch (error) {
      // The library says in no other way that a message is not authentic; of arguments that are wrong it throws a TypeError.
      if (error instanceof TypeError) throw error;
      return undefined;
    }
  }
  const { tagBytes } = AEAD_CIPHERS[job.cipher];
  const decipher = createDecipheriv("aes-256-gcm", job.key, nonce, { authTagLength: tagBytes });
  decipher.setAAD(ad);
  decipher.setAuthTag(body.subarray(body.length - tagBytes));
  const text = decipher.update(body.subarray(0, body.length - tagBytes));
  try {
    decipher.final();
  } catch (error) {
    // `final` fails for this reason alone, and with a plain Error.
    if (error instanceof TypeError) throw error;
    return undefined;
  }
  return text;
}

/** The associated data of one message after another, in one piece of memory. */
class AssociatedData {
  readonly bytes: Uint8Array;
  readonly #job: AeadJob;
  readonly #nonceBytes: number;

  constructor(job: AeadJob) {
    this.#job = job;
    this.#nonceBytes = AEAD_CIPHERS[job.cipher].nonceBytes;
    this.bytes = new Uint8Array(job.context.length + job.clearBytes);
    this.bytes.set(job.context);
  }

  /** Moves to message `i`: its nonce, and where ciphertext and tag stand. */
  of(i: number): { nonce: Uint8Array; bodyStart: number; end: number } {
    const { sealed, sealedSpans, clearBytes, context } = this.#job;
    const start = sealedSpans[2 * i];
    const nonceStart = start + clearBytes;
    const bodyStart = nonceStart + this.#nonceBytes;
    this.bytes.set(sealed.subarray(start, nonceStart), context.length);
    return { nonce: sealed.subarray(nonceStart, bodyStart), bodyStart, end: sealedSpans[2 * i + 1] };
  }
}

function library(): Sodium {
  if (sodium === undefined) throw new Error("AEGIS-256 is used before it is loaded");
  return sodium;
}

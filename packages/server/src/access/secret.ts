// What a client presents: `tr1.KEY.SECRET`. The key finds the token and is no secret; of the secret only a hash is ever kept.
import { hash } from "node:crypto";
import type { Random } from "@tailrace/engine/runtime";

const PREFIX = "tr1.";
const KEY_BYTES = 12;
const SECRET_BYTES = 32;
const KEY_END = PREFIX.length + 2 * KEY_BYTES;
/** Base64 without padding takes four characters for three bytes. */
const LENGTH = KEY_END + 1 + Math.ceil((SECRET_BYTES * 4) / 3);

export interface NewSecret {
  /** Shown once. */
  readonly bearer: string;
  readonly key: string;
  /** Hexadecimal. */
  readonly secretHash: string;
}

export function newSecret(random: Random): NewSecret {
  const key = Buffer.from(random.bytes(KEY_BYTES)).toString("hex");
  const bearer = `${PREFIX}${key}.${Buffer.from(random.bytes(SECRET_BYTES)).toString("base64url")}`;
  return { bearer, key, secretHash: hash("sha256", bearer) };
}

/** The key of a bearer that looks like one of ours; undefined for any other. */
export function keyOf(bearer: string): string | undefined {
  return bearer.length === LENGTH && bearer.startsWith(PREFIX) ? bearer.slice(PREFIX.length, KEY_END) : undefined;
}

export function digestOf(bearer: string): Buffer {
  return hash("sha256", bearer, "buffer");
}

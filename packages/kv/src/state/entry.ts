// What a key has: its value, and what is known of it.
import type { Value } from "./value.ts";

/** An expiry that never comes. */
export const NEVER = Number.POSITIVE_INFINITY;

/** To be read only. */
export interface Entry {
  readonly value: Value;
  /** By the log's time; `NEVER` without. */
  readonly expiresAtMs: number;
  /** Of a string, as who set it told it, as a binary string; empty where nobody did. */
  readonly contentType: string;
  /** Of the key's last change, see `revision.ts`. */
  readonly revision: number;
  /** Its place in SCAN. */
  readonly ordinal: number;
}

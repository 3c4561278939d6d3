// What the log says about streams besides their records: the payloads of catalog entries (docs/format.md).
import type { StreamCipher, StreamConfig } from "../config.ts";

/** Payload of `created`. */
export interface CreatedEntry {
  /** Hexadecimal. */
  readonly basinId: string;
  readonly name: string;
  readonly createdAtMs: number;
  readonly config: StreamConfig;
  /** null for a stream in the clear; absent in what was written before streams could be encrypted. */
  readonly cipher?: StreamCipher | null;
  /** Request token and fingerprint of the creation; empty where there was none. */
  readonly idempotencyKey: string;
}

/** Payload of `configured`. */
export interface ConfiguredEntry {
  readonly config: StreamConfig;
}

/** Payload of `clock`. */
export interface ClockEntry {
  readonly wallMs: number;
}

/** Payload of `deleted`. */
export interface DeletedEntry {
  readonly deletedAtMs: number;
}

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

/** Payload of `stream`: all that holds of a stream at the end of what a segment covers, but its tail, which is in the entry's header. */
export interface StreamEntry extends CreatedEntry {
  readonly deletedAtMs: number | null;
  readonly fencingToken: string;
  readonly trimPoint: number;
  /** The latest time at which its newest records can have come in; 0 when it has never had any. */
  readonly lastWriteMs: number;
  /** When time alone will do something to it, by the wall clock: null for never; absent in what was written before anybody asked. */
  readonly dueMs?: number | null;
  /** Metered bytes that its basin's sum has of it; absent likewise. */
  readonly storedBytes?: number;
}

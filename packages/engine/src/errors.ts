// The closed set of errors that the engine answers with. The server turns each into a status in one table.
import type { Position } from "./wire/position.ts";

/** Codes of the API that the engine itself can be the source of.
 * `unavailable` means an unknown outcome; `hot_server`, `rate_limited`, `server_draining` and the 4xx promise that nothing happened. */
export type EngineErrorCode =
  | "access_token_not_found"
  | "basin_deletion_pending"
  | "basin_not_found"
  | "decryption_failed"
  | "hot_server"
  | "invalid"
  | "permission_denied"
  | "quota_exhausted"
  | "rate_limited"
  | "resource_already_exists"
  | "server_draining"
  | "storage"
  | "stream_deletion_pending"
  | "stream_not_found"
  | "transaction_conflict"
  | "unavailable";

export class EngineError extends Error {
  readonly code: EngineErrorCode;
  constructor(code: EngineErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "EngineError";
    this.code = code;
  }
}

/** 412: an append condition did not hold. Carries the actual value. */
export class ConditionFailedError extends Error {
  readonly mismatch:
    | { readonly kind: "seq_num"; readonly actual: number }
    | { readonly kind: "fencing_token"; readonly actual: string };
  constructor(mismatch: ConditionFailedError["mismatch"]) {
    super(`append condition failed: ${mismatch.kind}`);
    this.name = "ConditionFailedError";
    this.mismatch = mismatch;
  }
}

/** 416: the read starts at or beyond the tail, with nothing to wait for. */
export class UnwrittenError extends Error {
  readonly tail: Position;
  constructor(tail: Position) {
    super(`nothing is written there: the tail is ${tail.seqNum}`);
    this.name = "UnwrittenError";
    this.tail = tail;
  }
}

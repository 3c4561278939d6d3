// The one table from what can go wrong to what the client is told (API: errors).
// Codes are a matter of correctness: clients conclude from them whether something may have happened.
import { ConditionFailedError, EncryptionKeyError, EngineError, UnwrittenError } from "@tailrace/engine";
import { positionJson, WireError } from "@tailrace/engine/wire";
import { JSON_TYPE, type Reply } from "./api-request.ts";

const STATUS = {
  bad_frame: 400,
  bad_header: 400,
  bad_json: 400,
  bad_path: 400,
  bad_proto: 400,
  bad_query: 400,
  decryption_failed: 400,
  authn: 401,
  permission_denied: 403,
  quota_exhausted: 403,
  access_token_not_found: 404,
  basin_not_found: 404,
  stream_not_found: 404,
  request_timeout: 408,
  basin_deletion_pending: 409,
  resource_already_exists: 409,
  stream_deletion_pending: 409,
  transaction_conflict: 409,
  invalid: 422,
  rate_limited: 429,
  other: 500,
  storage: 500,
  not_implemented: 501,
  hot_server: 502,
  server_draining: 503,
  unavailable: 503,
} as const;

export type ErrorCode = keyof typeof STATUS;

export const ERROR_CODES: readonly string[] = Object.keys(STATUS);

/** A refusal made by the server itself. */
export class ApiError extends Error {
  readonly code: ErrorCode;
  /** When to try again, where that is known. */
  readonly retryAfterMs: number | undefined;
  constructor(code: ErrorCode, message: string, retryAfterMs?: number) {
    super(message);
    this.name = "ApiError";
    this.code = code;
    this.retryAfterMs = retryAfterMs;
  }
}

/** Refused with a bare status, as the API does for unknown routes, methods and encodings. */
export class BareStatusError extends Error {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  constructor(status: number, headers: Readonly<Record<string, string>> = {}) {
    super(`status ${status}`);
    this.name = "BareStatusError";
    this.status = status;
    this.headers = headers;
  }
}

export interface ErrorAnswer {
  readonly status: number;
  /** The JSON body. */
  readonly json: string;
  /** True for what should never happen: it is logged. */
  readonly unexpected: boolean;
}

export function errorAnswer(error: unknown): ErrorAnswer {
  if (error instanceof ApiError || error instanceof EngineError || error instanceof WireError) {
    return {
      status: STATUS[error.code],
      json: JSON.stringify({ code: error.code, message: error.message }),
      unexpected: false,
    };
  }
  if (error instanceof EncryptionKeyError) {
    const json = JSON.stringify({ code: "bad_header", message: `s2-encryption-key: ${error.message}` });
    return { status: STATUS.bad_header, json, unexpected: false };
  }
  if (error instanceof ConditionFailedError) {
    const { mismatch } = error;
    const json =
      mismatch.kind === "seq_num"
        ? `{"seq_num_mismatch":${mismatch.actual}}`
        : JSON.stringify({ fencing_token_mismatch: mismatch.actual });
    return { status: 412, json, unexpected: false };
  }
  if (error instanceof UnwrittenError)
    return { status: 416, json: `{"tail":${positionJson(error.tail)}}`, unexpected: false };
  return { status: STATUS.other, json: JSON.stringify({ code: "other", message: "internal error" }), unexpected: true };
}

/** The code of an error, for those who look at it rather than send it. */
export function errorCode(error: unknown): string {
  if (error instanceof ApiError || error instanceof EngineError || error instanceof WireError) return error.code;
  if (error instanceof ConditionFailedError) return "condition_failed";
  if (error instanceof UnwrittenError) return "unwritten";
  if (error instanceof EncryptionKeyError) return "bad_header";
  if (error instanceof BareStatusError) return `status_${error.status}`;
  return "other";
}

export function errorReply(error: unknown): Reply & { readonly unexpected: boolean } {
  if (error instanceof BareStatusError)
    return { kind: "reply", status: error.status, headers: error.headers, unexpected: false };
  const { status, json, unexpected } = errorAnswer(error);
  const reply = { kind: "reply", status, contentType: JSON_TYPE, body: json, unexpected } as const;
  if (!(error instanceof ApiError) || error.retryAfterMs === undefined) return reply;
  return { ...reply, headers: { "retry-after-ms": String(error.retryAfterMs) } };
}

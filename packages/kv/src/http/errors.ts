// Everything that the HTTP API refuses with: a closed set of codes, each with its status, and what failures of the store and
// refusals of commands become. Bodies are `{"code", "message"}`.
import {
  CommandTooLargeError,
  NotAppendedError,
  OutcomeUnknownError,
  OverloadedError,
  ResultUnavailableError,
  StoppedError,
  UnavailableError,
} from "@tailrace/replica";
import { OUT_OF_MEMORY, STRING_TOO_LONG, WRONG_TYPE } from "../command/errors.ts";

export const ERROR_STATUSES = {
  bad_request: 400,
  unauthorized: 401,
  not_found: 404,
  key_not_found: 404,
  method_not_allowed: 405,
  request_timeout: 408,
  wrong_type: 409,
  revision_gone: 410,
  precondition_failed: 412,
  too_large: 413,
  internal: 500,
  /** The write was done once, but this replica did not see with which result. */
  result_unknown: 500,
  /** Nothing was done; later it may be. */
  overloaded: 503,
  unavailable: 503,
  /** The write may have been done, or may be yet. */
  outcome_unknown: 504,
  out_of_memory: 507,
} as const;

export type ErrorCode = keyof typeof ERROR_STATUSES;

export class ApiError extends Error {
  readonly code: ErrorCode;
  readonly headers: Readonly<Record<string, string>>;

  constructor(code: ErrorCode, message: string, headers: Readonly<Record<string, string>> = {}) {
    super(message);
    this.name = "ApiError";
    this.code = code;
    this.headers = headers;
  }

  get status(): number {
    return ERROR_STATUSES[this.code];
  }
}

const SOON = { "retry-after": "1" };

/** What `Store` rejected with, or a handler has thrown; undefined for anything else, which is a bug. */
export function apiErrorOf(cause: unknown): ApiError | undefined {
  if (cause instanceof ApiError) return cause;
  if (cause instanceof CommandTooLargeError)
    return new ApiError("too_large", `the write is too large: ${cause.message}`);
  if (cause instanceof OverloadedError) {
    return new ApiError("overloaded", "too much waits for the log; nothing was done", SOON);
  }
  if (cause instanceof NotAppendedError) {
    return new ApiError("unavailable", "the log did not take it in time; nothing was written", SOON);
  }
  if (cause instanceof OutcomeUnknownError) {
    return new ApiError("outcome_unknown", "the log has not told in time whether this was written; it may have been");
  }
  if (cause instanceof ResultUnavailableError) {
    return new ApiError("result_unknown", "this was written once, but this replica did not see with which result");
  }
  if (cause instanceof UnavailableError) {
    return new ApiError("unavailable", "the log does not answer; nothing was done", SOON);
  }
  if (cause instanceof StoppedError) return new ApiError("unavailable", "this replica has stopped; nothing was done");
  return undefined;
}

/** Of a command that was refused. */
export function refusedCommand(text: string): ApiError {
  if (text === WRONG_TYPE) return wrongType();
  if (text === OUT_OF_MEMORY)
    return new ApiError("out_of_memory", "the store is at its memory bound; nothing was written");
  if (text === STRING_TOO_LONG) return new ApiError("too_large", "values have up to 1 MiB");
  return new ApiError("bad_request", text.replace(/^ERR /, ""));
}

export function wrongType(): ApiError {
  return new ApiError("wrong_type", "the key holds a value that is no string");
}

export function badRequest(message: string): ApiError {
  return new ApiError("bad_request", message);
}

// What an error of an S3 request means for an operation of the store: the one table of it.
// Never takes a refusal for a fact: what may have taken effect is ambiguous, and only NoSuchKey says that an object is absent.
import { ObjectStoreError, type ObjectStoreErrorKind } from "../object-store.ts";

export type S3Operation = "put" | "putIfAbsent" | "read" | "list" | "delete";

/** What was seen of the failure: the answer's status and code, or the transport's code when there was no answer. */
export interface S3Failure {
  /** 0 when no answer came. */
  readonly status: number;
  /** The `Code` of an S3 error body, or that of a system error. */
  readonly code: string;
  /** It failed before there was a connection. */
  readonly connecting?: boolean;
}

/** AWS, versitygw, MinIO, Ceph. They come with 403, 400, 500, 503 or 507. */
const FULL_CODES: ReadonlySet<string> = new Set([
  "QuotaExceeded",
  "QuotaExceededException",
  "InsufficientStorage",
  "InsufficientCapacity",
  "NoSpaceLeft",
  "XMinioStorageFull",
  "XMinioAdminBucketQuotaExceeded",
]);

/** Codes without an answer, with which a request certainly never reached the server. */
const NEVER_SENT_CODES: ReadonlySet<string> = new Set([
  "ECONNREFUSED",
  "ENOTFOUND",
  "EAI_AGAIN",
  "EMFILE",
  "CERT_HAS_EXPIRED",
  "DEPTH_ZERO_SELF_SIGNED_CERT",
  "SELF_SIGNED_CERT_IN_CHAIN",
  "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
  "ERR_TLS_CERT_ALTNAME_INVALID",
]);

/** A network that is away: while connecting, nothing was sent; on a connection that was there, what was sent may have arrived. */
const UNREACHABLE_CODES: ReadonlySet<string> = new Set(["EHOSTUNREACH", "ENETUNREACH"]);

/** Names of the SDK's own errors for credentials that it could not find or load. */
const CREDENTIALS_ERRORS: ReadonlySet<string> = new Set(["CredentialsProviderError", "TokenProviderError"]);

export function s3ErrorKind(failure: S3Failure, operation: S3Operation): ObjectStoreErrorKind {
  const { status, code } = failure;
  const lostEffect = operation === "read" || operation === "list" ? "unavailable" : "ambiguous";
  if (status === 507 || FULL_CODES.has(code)) return "full";
  if (CREDENTIALS_ERRORS.has(code)) return "denied";
  if (status === 0) return wasNeverSent(failure) ? "unavailable" : lostEffect;
  if (status === 412) return operation === "putIfAbsent" ? "exists" : "unavailable";
  if (status === 404) return code === "NoSuchKey" && operation === "read" ? "absent" : "unavailable";
  if (status === 401 || status === 403) return "denied";
  // Another conditional put of this key was under way; it, or even ours, may have won.
  if (status === 409) return lostEffect;
  // The server, or a proxy before it, gave up at a point that we can't know. SlowDown (503) too: AWS says it before doing
  // anything, others also when too few of their disks have answered.
  if (status >= 500) return lostEffect;
  // The answer said that it worked, and then its body could not be understood.
  if (status < 300) return lostEffect;
  // A redirect, or a request that was refused as such.
  return "unavailable";
}

function wasNeverSent({ code, connecting }: S3Failure): boolean {
  return NEVER_SENT_CODES.has(code) || (connecting === true && UNREACHABLE_CODES.has(code));
}

export function toS3StoreError(error: unknown, operation: S3Operation, key: string): ObjectStoreError {
  if (error instanceof ObjectStoreError) return error;
  const failure = s3Failure(error);
  const kind = s3ErrorKind(failure, operation);
  if (kind === "absent") return new ObjectStoreError(kind, `no such object: ${key}`, { cause: error });
  if (kind === "exists") return new ObjectStoreError(kind, `an object is there: ${key}`, { cause: error });
  return new ObjectStoreError(kind, `${operation} ${key}: ${describe(error, failure)}`, { cause: error });
}

export function s3Failure(error: unknown): S3Failure {
  if (!(error instanceof Error)) return { status: 0, code: "" };
  const status = statusOf(error);
  // Errors of S3 carry their code as `name`; those of the system as `code`, beside a name that says nothing.
  const systemCode = "code" in error && typeof error.code === "string" ? error.code : undefined;
  return {
    status,
    code: status === 0 && systemCode !== undefined ? systemCode : error.name,
    connecting: status === 0 && isOfConnecting(error),
  };
}

/** A host with several addresses is tried at each; the error then has theirs within it. */
function isOfConnecting(error: Error): boolean {
  if (error instanceof AggregateError)
    return error.errors.length > 0 && error.errors.every((each) => each instanceof Error && isOfConnecting(each));
  return "syscall" in error && error.syscall === "connect";
}

function statusOf(error: Error): number {
  if (!("$metadata" in error)) return 0;
  const metadata = error.$metadata;
  if (typeof metadata !== "object" || metadata === null || !("httpStatusCode" in metadata)) return 0;
  return typeof metadata.httpStatusCode === "number" ? metadata.httpStatusCode : 0;
}

function describe(error: unknown, { status, code }: S3Failure): string {
  const message = error instanceof Error ? error.message : String(error);
  const facts = [status === 0 ? "" : String(status), code].filter((fact) => fact !== "" && !message.includes(fact));
  return facts.length === 0 ? message : `${message} (${facts.join(" ")})`;
}

// What an error of the operating system means for an operation of the store: the one table of it.
// Never guesses: what may have taken effect is ambiguous.
import { ObjectStoreError, type ObjectStoreErrorKind } from "../object-store.ts";

/** Where in an operation the error came up.
 * - `read`: nothing is being changed.
 * - `prepare`: before the call that gives the object its final name.
 * - `name`: in the call that gives (link, rename) or takes away (unlink) the final name.
 * - `settle`: after it, while the name is being made durable. */
export type FilePhase = "read" | "prepare" | "name" | "settle";

/** Codes with which link, rename and unlink say that they have done nothing. */
const NAME_UNTOUCHED: ReadonlySet<string> = new Set([
  "ENOENT",
  "ENOTDIR",
  "EISDIR",
  "EMLINK",
  "ENAMETOOLONG",
  "EXDEV",
  "ENOTSUP",
  "EOPNOTSUPP",
  "ENOSYS",
]);

export function errorCode(error: unknown): string {
  return error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : "";
}

export function fileErrorKind(code: string, phase: FilePhase): ObjectStoreErrorKind {
  // The name is there, perhaps not for good, whatever the reason.
  if (phase === "settle") return "ambiguous";
  switch (code) {
    case "EEXIST":
      return phase === "name" ? "exists" : "unavailable";
    case "ENOENT":
    case "ENOTDIR":
    case "EISDIR":
      return phase === "read" ? "absent" : "unavailable";
    case "ENOSPC":
    case "EDQUOT":
    case "EFBIG":
      return "full";
    case "EACCES":
    case "EPERM":
    case "EROFS":
      return "denied";
    default:
      return phase === "name" && !NAME_UNTOUCHED.has(code) ? "ambiguous" : "unavailable";
  }
}

export function toFileStoreError(error: unknown, phase: FilePhase, key: string): ObjectStoreError {
  if (error instanceof ObjectStoreError) return error;
  const kind = fileErrorKind(errorCode(error), phase);
  if (kind === "absent") return new ObjectStoreError(kind, `no such object: ${key}`, { cause: error });
  if (kind === "exists") return new ObjectStoreError(kind, `an object is there: ${key}`, { cause: error });
  const reason = error instanceof Error ? error.message : String(error);
  return new ObjectStoreError(kind, `${key}: ${reason}`, { cause: error });
}

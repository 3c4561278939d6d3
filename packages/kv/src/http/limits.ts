// The bounds of the HTTP port, with their reasons.
import { MAX_STRING_BYTES } from "../command/limits.ts";

/** Connections at once: as many as the Redis port's default. */
export const DEFAULT_MAX_CONNECTIONS = 10_000;
/** Request line and headers together; keys that do not fit go through transactions. */
export const MAX_HEAD_BYTES = 64 * 1024;
/** A value is one command. */
export const MAX_VALUE_BODY_BYTES = MAX_STRING_BYTES;
/** JSON: the largest command, in base64 and with room for its form. */
export const MAX_JSON_BODY_BYTES = 2 * 1024 * 1024;
/** Of bodies that are not whole yet, all together. */
export const MAX_UNFINISHED_BYTES = 128 * 1024 * 1024;
/** A refused body up to this is read to its end and dropped, so that the client sees the refusal and keeps its connection. */
export const MAX_DROPPED_BYTES = 8 * 1024 * 1024;
/** Comparisons of a transaction, and operations of each branch: as etcd. */
export const MAX_OPERATIONS = 128;
/** Keys on a page. */
export const MAX_PAGE_KEYS = 1000;
export const DEFAULT_PAGE_KEYS = 100;
/** A page ends with what reaches this. */
export const MAX_PAGE_BYTES = 1024 * 1024;

/** The head of a request must come in this time, and all of it in this. */
export const HEAD_TIMEOUT_MS = 10_000;
export const REQUEST_TIMEOUT_MS = 30_000;
/** Longer than any answer takes: a connection on which nothing moves is dropped. */
export const IDLE_TIMEOUT_MS = 65_000;

/** Watching clients at once. */
export const MAX_WATCHERS = 1000;
/** What a watching client is told of its place when there is nothing else to say. */
export const HEARTBEAT_MS = 15_000;
/** A watching client that takes nothing for so long is dropped. */
export const MAX_STALL_MS = 60_000;
/** While somebody watches, what has expired is looked for this often. */
export const EXPIRY_CHECK_MS = 1000;

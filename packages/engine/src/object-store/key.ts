// What a key may look like, for all stores alike: whatever one store takes, every store takes.
// Never knows what a key means.

import { MAX_DELETE_KEYS } from "./object-store.ts";

/** A file name has at most 255 bytes; this leaves room for what a store adds. */
const MAX_SEGMENT_LENGTH = 200;
/** S3 takes 1024 bytes, the store's own prefix included. */
const MAX_KEY_LENGTH = 512;
/** ASCII only, so that the order of bytes is the order of UTF-16 units; no leading dot, so never `.` or `..`. */
const SEGMENT = /^[A-Za-z0-9_][A-Za-z0-9._-]*$/;
/** First segments that a file store keeps for itself. */
export const RESERVED_NAMES: ReadonlySet<string> = new Set(["tmp", "lock", "lock.pid"]);

export function isKeySegment(segment: string): boolean {
  return segment.length <= MAX_SEGMENT_LENGTH && SEGMENT.test(segment);
}

/** Throws a RangeError: a bad key is a bug of the caller, no failure of the store. */
export function checkKey(key: string): void {
  if (key.length > MAX_KEY_LENGTH) throw new RangeError(`key of ${key.length} characters: at most ${MAX_KEY_LENGTH}`);
  const segments = key.split("/");
  for (const segment of segments) {
    if (!isKeySegment(segment)) throw new RangeError(`not a key: ${key}`);
  }
  if (RESERVED_NAMES.has(segments[0])) throw new RangeError(`key under a reserved name: ${key}`);
}

/** Throws a RangeError, as `checkKey` does. */
export function checkDeleteKeys(keys: readonly string[]): void {
  if (keys.length > MAX_DELETE_KEYS) throw new RangeError(`${keys.length} keys to delete: at most ${MAX_DELETE_KEYS}`);
  for (const key of keys) checkKey(key);
}

// What the engine asks of an object store, and the closed set of ways in which it can fail.
// Put-if-absent is the only coordination primitive: no compare-and-swap, no rename, no lock is ever asked for here.

/** Why an operation on the store failed.
 * - `absent`: no object has this key (get).
 * - `exists`: put-if-absent found an object under the key. It may be our own, after a lost reply: read it back.
 * - `ambiguous`: the request may or may not have taken effect (lost reply, time-out, broken connection).
 * - `unavailable`: the store refused or could not be reached, and the request certainly had no effect.
 * - `full`: out of space or quota; no effect under the final key.
 * - `denied`: credentials or permissions.
 */
export type ObjectStoreErrorKind = "absent" | "exists" | "ambiguous" | "unavailable" | "full" | "denied";

export class ObjectStoreError extends Error {
  readonly kind: ObjectStoreErrorKind;
  constructor(kind: ObjectStoreErrorKind, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "ObjectStoreError";
    this.kind = kind;
  }
}

/** One of many objects that were to be deleted, and may still be there. */
export interface UndeletedObject {
  readonly key: string;
  readonly error: ObjectStoreError;
}

export interface DeletedMany {
  readonly undeleted: readonly UndeletedObject[];
  /** What it took: one request where a store takes many keys at once, as many as there were keys where it does not. */
  readonly requests: number;
}

/** A place to keep immutable objects under slash-separated keys. Every rejection is an `ObjectStoreError`. */
export interface ObjectStore {
  /** For people: `file:/data`, `s3://bucket/prefix`, `memory:`. Never holds a secret. */
  readonly description: string;
  /** True when nobody else can hold this store while this process lives, by a lock that the kernel drops when it dies. */
  readonly exclusive: boolean;
  /** Writes the concatenation of `parts` under `key` unless an object is there (`exists`). Durable once resolved. The parts must not change until then. */
  putIfAbsent(key: string, parts: readonly Uint8Array[]): Promise<void>;
  /** Writes or overwrites. Durable once resolved. */
  put(key: string, parts: readonly Uint8Array[]): Promise<void>;
  /** The whole object. */
  get(key: string): Promise<Uint8Array>;
  /** `length` bytes from `offset`; fewer when the object ends before that. */
  getRange(key: string, offset: number, length: number): Promise<Uint8Array>;
  /** Keys that start with `prefix` and are greater than `after` (by bytes), in order of bytes; consistent with every finished put and delete. Pages are at most `MAX_LIST_KEYS` long; an empty page is the end. */
  list(prefix: string, after?: string): Promise<string[]>;
  /** Deletes; a key that is not there is no error. After a crash of the store the object may be there again. */
  delete(key: string): Promise<void>;
  /** Deletes up to `MAX_DELETE_KEYS` objects in as few requests as the store allows; each as by `delete`, in no order and not as one.
   * Resolves with those that may still be there; rejects when nothing is known of any. */
  deleteMany(keys: readonly string[]): Promise<DeletedMany>;
  /** Releases handles and locks. No call may follow. */
  close(): Promise<void>;
}

/** The longest page of keys that `ObjectStore.list` answers: what S3 gives in one request. */
export const MAX_LIST_KEYS = 1000;

/** The most keys that `ObjectStore.deleteMany` takes: what S3 takes in one request. */
export const MAX_DELETE_KEYS = 1000;

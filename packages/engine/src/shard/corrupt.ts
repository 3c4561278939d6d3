// An object under a final name that is not what it should be. Never tolerated: the shard stops, and only an operator cuts it off.

export class CorruptObjectError extends Error {
  /** The object's key. */
  readonly key: string;
  constructor(key: string, what: string) {
    super(`object ${key} is corrupt: ${what}`);
    this.name = "CorruptObjectError";
    this.key = key;
  }
}

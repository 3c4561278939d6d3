// An object store in this process's memory: for trying things out and for tests. Dies with the process.
// Never hands out the bytes that it was given: parts are copied once, on the way in.
import { checkDeleteKeys, checkKey } from "./key.ts";
import { type DeletedMany, MAX_LIST_KEYS, type ObjectStore, ObjectStoreError } from "./object-store.ts";
import type { ListedObject, StoreView } from "./store-view.ts";

export interface MemoryStoreOptions {
  /** False when tests let several engines share the store. Default: true. */
  readonly exclusive?: boolean;
}

export class MemoryStore implements ObjectStore, StoreView {
  readonly description = "memory:";
  readonly exclusive: boolean;
  #objects = new Map<string, Uint8Array>();
  /** All keys in order, made when first listed after a change. */
  #sortedKeys: string[] | undefined;

  constructor(options: MemoryStoreOptions = {}) {
    this.exclusive = options.exclusive ?? true;
  }

  async putIfAbsent(key: string, parts: readonly Uint8Array[]): Promise<void> {
    checkKey(key);
    if (this.#objects.has(key)) throw new ObjectStoreError("exists", `an object is there: ${key}`);
    this.#set(key, parts);
  }

  async put(key: string, parts: readonly Uint8Array[]): Promise<void> {
    checkKey(key);
    this.#set(key, parts);
  }

  async get(key: string): Promise<Uint8Array> {
    return this.#object(key);
  }

  async getRange(key: string, offset: number, length: number): Promise<Uint8Array> {
    return this.#object(key).subarray(offset, offset + length);
  }

  async list(prefix: string, after = ""): Promise<string[]> {
    // Keys are ASCII, so the order of UTF-16 units is the order of bytes.
    this.#sortedKeys ??= [...this.#objects.keys()].sort();
    const keys = this.#sortedKeys;
    const page: string[] = [];
    for (let i = firstAtOrAfter(keys, after > prefix ? after : prefix); i < keys.length; i++) {
      if (page.length === MAX_LIST_KEYS) break;
      if (keys[i] <= after) continue;
      if (!keys[i].startsWith(prefix)) break;
      page.push(keys[i]);
    }
    return page;
  }

  async listObjects(prefix: string, after = ""): Promise<ListedObject[]> {
    return (await this.list(prefix, after)).map((key) => ({ key, bytes: this.#object(key).length }));
  }

  async delete(key: string): Promise<void> {
    if (this.#objects.delete(key)) this.#sortedKeys = undefined;
  }

  async deleteMany(keys: readonly string[]): Promise<DeletedMany> {
    checkDeleteKeys(keys);
    for (const key of keys) await this.delete(key);
    return { undeleted: [], requests: 1 };
  }

  async close(): Promise<void> {}

  #object(key: string): Uint8Array {
    checkKey(key);
    const bytes = this.#objects.get(key);
    if (bytes === undefined) throw new ObjectStoreError("absent", `no such object: ${key}`);
    return bytes;
  }

  #set(key: string, parts: readonly Uint8Array[]): void {
    if (!this.#objects.has(key)) this.#sortedKeys = undefined;
    this.#objects.set(key, Buffer.concat(parts));
  }
}

/** The index of the first of the sorted `keys` that is not less than `key`. */
function firstAtOrAfter(keys: readonly string[], key: string): number {
  let low = 0;
  let high = keys.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (keys[middle] < key) low = middle + 1;
    else high = middle;
  }
  return low;
}

// The bucket as whoever judges a run sees it: at once, with nothing in the way. Changes nothing, and leaves no trace.
import { type ListedObject, ObjectStoreError, type StoreView } from "@tailrace/engine/object-store";
import type { Bucket } from "./bucket.ts";

export class BucketView implements StoreView {
  readonly description = "sim:";
  readonly #bucket: Bucket;

  constructor(bucket: Bucket) {
    this.#bucket = bucket;
  }

  async get(key: string): Promise<Uint8Array> {
    return this.#object(key);
  }

  async getRange(key: string, offset: number, length: number): Promise<Uint8Array> {
    return this.#object(key).subarray(offset, offset + length);
  }

  async list(prefix: string, after = ""): Promise<string[]> {
    return this.#bucket.list(prefix, after);
  }

  async listObjects(prefix: string, after = ""): Promise<ListedObject[]> {
    return this.#bucket.list(prefix, after).map((key) => ({ key, bytes: this.#object(key).length }));
  }

  async close(): Promise<void> {}

  #object(key: string): Uint8Array {
    const bytes = this.#bucket.get(key);
    if (bytes === undefined) throw new ObjectStoreError("absent", `no such object: ${key}`);
    return bytes;
  }
}

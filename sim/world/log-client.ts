// One process's way to the store of the log, where that has one of its own: another way, with a weather of its own, to the same bucket. The log of the
// deployment stands there under the keys that it has where it lies beside everything else, so that whoever watches the bucket sees one deployment; what
// belongs to any other log stands under its own keys.
import type { DeletedMany, ObjectStore } from "@tailrace/engine/object-store";
import type { Bucket } from "./bucket.ts";
import type { BucketClient } from "./bucket-client.ts";

export class LogClient implements ObjectStore {
  readonly description = "sim-log:";
  readonly #client: BucketClient;
  readonly #bucket: Bucket;
  #base: string | undefined;

  constructor(client: BucketClient, bucket: Bucket) {
    this.#client = client;
    this.#bucket = bucket;
  }

  get exclusive(): boolean {
    return this.#client.exclusive;
  }

  putIfAbsent(key: string, parts: readonly Uint8Array[]): Promise<void> {
    return this.#client.putIfAbsent(this.#stands(key), parts);
  }

  put(key: string, parts: readonly Uint8Array[]): Promise<void> {
    return this.#client.put(this.#stands(key), parts);
  }

  get(key: string): Promise<Uint8Array> {
    return this.#client.get(this.#stands(key));
  }

  getRange(key: string, offset: number, length: number): Promise<Uint8Array> {
    return this.#client.getRange(this.#stands(key), offset, length);
  }

  async list(prefix: string, after = ""): Promise<string[]> {
    const stands = this.#stands(prefix);
    const base = prefix.slice(0, prefix.length - stands.length);
    const keys = await this.#client.list(stands, after.slice(base.length));
    return keys.map((key) => base + key);
  }

  delete(key: string): Promise<void> {
    return this.#client.delete(this.#stands(key));
  }

  async deleteMany(keys: readonly string[]): Promise<DeletedMany> {
    const names = new Map(keys.map((key) => [this.#stands(key), key]));
    const { undeleted, requests } = await this.#client.deleteMany([...names.keys()]);
    return { undeleted: undeleted.map(({ key, error }) => ({ key: names.get(key) ?? key, error })), requests };
  }

  close(): Promise<void> {
    return this.#client.close();
  }

  #stands(key: string): string {
    const base = this.#baseOfLog();
    return base !== undefined && key.startsWith(`${base}shards/`) ? key.slice(base.length) : key;
  }

  /** What stands before the keys of the deployment's log, once there is one. */
  #baseOfLog(): string | undefined {
    if (this.#base === undefined) {
      const deployment: { readonly log?: { readonly id?: unknown } } = JSON.parse(
        Buffer.from(this.#bucket.get("deployment.json") ?? "{}").toString(),
      );
      if (typeof deployment.log?.id === "string") this.#base = `logs/${deployment.log.id}/`;
    }
    return this.#base;
  }
}

// An object store whose requests are spans. Changes nothing about them.
import type { DeletedMany, ObjectStore } from "@tailrace/engine/object-store";
import type { OpenTelemetry, WorkSpan } from "./open-telemetry.ts";

export class TracedStore implements ObjectStore {
  readonly #store: ObjectStore;
  readonly #telemetry: OpenTelemetry;
  /** What requests are part of from now on; each is a trace of its own where it is undefined: a put serves many appends. */
  parent: WorkSpan | undefined;

  constructor(store: ObjectStore, telemetry: OpenTelemetry) {
    this.#store = store;
    this.#telemetry = telemetry;
  }

  get description(): string {
    return this.#store.description;
  }

  get exclusive(): boolean {
    return this.#store.exclusive;
  }

  putIfAbsent(key: string, parts: readonly Uint8Array[]): Promise<void> {
    return this.#traced("putIfAbsent", key, () => this.#store.putIfAbsent(key, parts), bytesOf(parts));
  }

  put(key: string, parts: readonly Uint8Array[]): Promise<void> {
    return this.#traced("put", key, () => this.#store.put(key, parts), bytesOf(parts));
  }

  get(key: string): Promise<Uint8Array> {
    return this.#traced("get", key, () => this.#store.get(key));
  }

  getRange(key: string, offset: number, length: number): Promise<Uint8Array> {
    return this.#traced("getRange", key, () => this.#store.getRange(key, offset, length), length);
  }

  list(prefix: string, after?: string): Promise<string[]> {
    return this.#traced("list", prefix, () => this.#store.list(prefix, after));
  }

  delete(key: string): Promise<void> {
    return this.#traced("delete", key, () => this.#store.delete(key));
  }

  deleteMany(keys: readonly string[]): Promise<DeletedMany> {
    return this.#traced("deleteMany", keys[0] ?? "", () => this.#store.deleteMany(keys));
  }

  close(): Promise<void> {
    return this.#store.close();
  }

  async #traced<T>(kind: string, key: string, request: () => Promise<T>, bytes?: number): Promise<T> {
    const name = `store ${kind}`;
    const attributes = { "tailrace.key": key, ...(bytes === undefined ? {} : { "tailrace.bytes": bytes }) };
    const span = this.parent?.child(name, "client", attributes) ?? this.#telemetry.work(name, "client", attributes);
    try {
      const answer = await request();
      span.end();
      return answer;
    } catch (error) {
      span.end(error);
      throw error;
    }
  }
}

function bytesOf(parts: readonly Uint8Array[]): number {
  let bytes = 0;
  for (const part of parts) bytes += part.length;
  return bytes;
}

// A store that hands everything to another one: what stands in front of a store changes only what it is about.
import type { DeletedMany, ObjectStore } from "./object-store.ts";

export class ForwardingStore implements ObjectStore {
  protected readonly store: ObjectStore;

  constructor(store: ObjectStore) {
    this.store = store;
  }

  get description(): string {
    return this.store.description;
  }

  get exclusive(): boolean {
    return this.store.exclusive;
  }

  putIfAbsent(key: string, parts: readonly Uint8Array[]): Promise<void> {
    return this.store.putIfAbsent(key, parts);
  }

  put(key: string, parts: readonly Uint8Array[]): Promise<void> {
    return this.store.put(key, parts);
  }

  get(key: string): Promise<Uint8Array> {
    return this.store.get(key);
  }

  getRange(key: string, offset: number, length: number): Promise<Uint8Array> {
    return this.store.getRange(key, offset, length);
  }

  list(prefix: string, after?: string): Promise<string[]> {
    return this.store.list(prefix, after);
  }

  delete(key: string): Promise<void> {
    return this.store.delete(key);
  }

  deleteMany(keys: readonly string[]): Promise<DeletedMany> {
    return this.store.deleteMany(keys);
  }

  close(): Promise<void> {
    return this.store.close();
  }
}

// Another store with a cache on a disk in front of it: for ranges of objects that never change under their key. Everything else goes through: what stands
// under a key that may be empty, only the store itself can tell.
import { blockName, type DiskCache } from "./disk-cache/disk-cache.ts";
import { ForwardingStore } from "./forwarding-store.ts";
import type { DeletedMany, ObjectStore } from "./object-store.ts";

/** What is fetched and kept as one: a range that is asked for is made whole blocks of. */
export const CACHE_BLOCK_BYTES = 256 * 1024;

export interface CachedStoreOptions {
  /** Closed with the store. */
  readonly cache: DiskCache;
  /** Whether what stands under a key never changes, and the key is never used again. */
  readonly isImmutable: (key: string) => boolean;
}

export class CachedStore extends ForwardingStore {
  readonly #options: CachedStoreOptions;
  /** Blocks on their way from the store: whoever wants one meanwhile waits for it. */
  readonly #underWay = new Map<string, Promise<Uint8Array>>();

  constructor(store: ObjectStore, options: CachedStoreOptions) {
    super(store);
    this.#options = options;
  }

  override async getRange(key: string, offset: number, length: number): Promise<Uint8Array> {
    if (length <= 0 || !this.#options.isImmutable(key)) return this.store.getRange(key, offset, length);
    const first = Math.floor(offset / CACHE_BLOCK_BYTES);
    const last = Math.floor((offset + length - 1) / CACHE_BLOCK_BYTES);
    const blocks = await this.#blocks(key, first, last);
    const from = offset - first * CACHE_BLOCK_BYTES;
    // The one copy on this path: one run of bytes, and nothing kept in memory of what was fetched around it.
    return copied(blocks, from, length);
  }

  override delete(key: string): Promise<void> {
    this.#forget([key]);
    return this.store.delete(key);
  }

  override deleteMany(keys: readonly string[]): Promise<DeletedMany> {
    this.#forget(keys);
    return this.store.deleteMany(keys);
  }

  override async close(): Promise<void> {
    await Promise.all([this.store.close(), this.#options.cache.close()]);
  }

  /** From the first to the last; fewer, and the last one shorter, where the object ends before that. */
  async #blocks(key: string, first: number, last: number): Promise<Uint8Array[]> {
    const { cache } = this.#options;
    const names = Array.from({ length: last - first + 1 }, (_, i) => blockName(objectName(key), first + i));
    const found = await Promise.all(names.map((name) => this.#underWay.get(name) ?? cache.get(name)));
    for (let from = 0; from < names.length; from += 1) {
      let to = from;
      while (to < names.length && found[to] === undefined && !this.#underWay.has(names[to])) to += 1;
      if (to > from) this.#fetch(key, first + from, names.slice(from, to));
      from = to;
    }
    const blocks = await Promise.all(names.map((name, i) => found[i] ?? this.#underWay.get(name)));
    return blocks.filter((block) => block !== undefined);
  }

  /** Gets blocks from the store with one request, and keeps them. They are under way from here on. */
  #fetch(key: string, first: number, names: readonly string[]): void {
    const fetch = this.store.getRange(key, first * CACHE_BLOCK_BYTES, names.length * CACHE_BLOCK_BYTES);
    for (const [i, name] of names.entries()) {
      const block = fetch.then((bytes) => bytes.subarray(i * CACHE_BLOCK_BYTES, (i + 1) * CACHE_BLOCK_BYTES));
      this.#underWay.set(name, block);
      const over = () => this.#underWay.delete(name);
      block.then((bytes) => {
        if (bytes.length > 0) this.#options.cache.put(name, bytes);
        over();
      }, over);
    }
  }

  /** What is deleted is not asked for again, but by whoever is reading it. */
  #forget(keys: readonly string[]): void {
    const { cache, isImmutable } = this.#options;
    const objects = new Set(keys.filter(isImmutable).map(objectName));
    if (objects.size > 0) cache.deleteObjects(objects);
  }
}

/** Blocks are files: keys have slashes, and file names have none. */
function objectName(key: string): string {
  return key.replaceAll("/", "+");
}

function copied(blocks: readonly Uint8Array[], from: number, length: number): Uint8Array {
  const there = blocks.reduce((sum, { length: each }) => sum + each, 0);
  const bytes = Buffer.allocUnsafeSlow(Math.max(0, Math.min(length, there - from)));
  let skip = from;
  let filled = 0;
  for (const block of blocks) {
    const taken = block.subarray(skip, skip + bytes.length - filled);
    bytes.set(taken, filled);
    filled += taken.length;
    skip = Math.max(0, skip - block.length);
  }
  return bytes;
}

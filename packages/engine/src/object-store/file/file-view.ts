// A file store to be looked at: reads what stands in its directory, whoever holds its lock. Never opens the lock file, and writes nothing.
import { stat } from "node:fs/promises";
import { join, resolve } from "node:path";
import { checkKey } from "../key.ts";
import { MAX_LIST_KEYS } from "../object-store.ts";
import { StoreOpenError } from "../store-open-error.ts";
import type { ListedObject, StoreView } from "../store-view.ts";
import { type FileCalls, systemFileCalls } from "./file-calls.ts";
import { errorCode, toFileStoreError } from "./file-errors.ts";
import { listKeys } from "./listing.ts";
import { readFully } from "./read-fully.ts";

/** Sizes asked for at once. */
const CONCURRENT_STATS = 32;

export class FileView implements StoreView {
  readonly description: string;
  readonly #root: string;
  readonly #calls: FileCalls = systemFileCalls;

  /** Rejects with a StoreOpenError when there is no such directory. */
  static async open(directory: string): Promise<FileView> {
    const root = resolve(directory);
    const found = await stat(root).catch((error: unknown) => {
      throw new StoreOpenError(
        `cannot read the directory ${root}: ${error instanceof Error ? error.message : String(error)}`,
        { cause: error },
      );
    });
    if (!found.isDirectory()) throw new StoreOpenError(`${root} is not a directory`);
    return new FileView(root);
  }

  private constructor(root: string) {
    this.description = `file:${root}`;
    this.#root = root;
  }

  get(key: string): Promise<Uint8Array> {
    return this.#read(key, 0, Number.POSITIVE_INFINITY);
  }

  getRange(key: string, offset: number, length: number): Promise<Uint8Array> {
    return this.#read(key, offset, length);
  }

  async list(prefix: string, after = ""): Promise<string[]> {
    try {
      return await listKeys(this.#calls, this.#root, prefix, after, MAX_LIST_KEYS);
    } catch (error) {
      throw toFileStoreError(error, "read", prefix);
    }
  }

  async listObjects(prefix: string, after = ""): Promise<ListedObject[]> {
    // A page whose objects have all gone away meanwhile is not the end.
    for (let from = after; ; ) {
      const keys = await this.list(prefix, from);
      const last = keys.at(-1);
      if (last === undefined) return [];
      const objects: ListedObject[] = [];
      for (let i = 0; i < keys.length; i += CONCURRENT_STATS) {
        const sized = await Promise.all(keys.slice(i, i + CONCURRENT_STATS).map((key) => this.#sized(key)));
        for (const object of sized) if (object !== undefined) objects.push(object);
      }
      if (objects.length > 0) return objects;
      from = last;
    }
  }

  async close(): Promise<void> {}

  async #sized(key: string): Promise<ListedObject | undefined> {
    try {
      return { key, bytes: (await stat(join(this.#root, key))).size };
    } catch (error) {
      if (errorCode(error) === "ENOENT") return undefined;
      throw toFileStoreError(error, "read", key);
    }
  }

  async #read(key: string, offset: number, length: number): Promise<Uint8Array> {
    checkKey(key);
    try {
      const fd = await this.#calls.open(join(this.#root, key), "r");
      try {
        const size = await this.#calls.size(fd);
        return await readFully(this.#calls, fd, offset, Math.max(0, Math.min(length, size - offset)));
      } finally {
        await this.#calls.close(fd);
      }
    } catch (error) {
      throw toFileStoreError(error, "read", key);
    }
  }
}

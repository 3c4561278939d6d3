// An object store in a directory of a local file system. Owns the order of the calls that makes a put atomic and durable:
// data synced under a temporary name, linked into place, the directory synced. Never leaves torn data under a key.
//
// Decision on failed syncs: an error after the link (or rename) is `ambiguous`, whatever it is. A retry then meets its own
// object and would take `exists` for "it is there", so `exists` is only ever said after a sync of the directory that started
// after the object was met, and `ambiguous` when that fails too. The object's data needs no such care: it was synced before
// it got the name. The kernel reports a failed sync once and may forget what it could not write; we rely on file systems
// with a journal stopping for good when they can't commit, so that a later sync that succeeds does cover the name.
// In the same spirit a directory is synced when it is first opened, so that what is read was durable before it was read.
import { mkdirSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import type { Runtime } from "../runtime/runtime.ts";
import { deleteEach } from "./delete-each.ts";
import { Directories } from "./file/directories.ts";
import { type FileCalls, systemFileCalls } from "./file/file-calls.ts";
import { errorCode, type FilePhase, toFileStoreError } from "./file/file-errors.ts";
import { listKeys } from "./file/listing.ts";
import { OpenFiles } from "./file/open-files.ts";
import { type ProcessLock, takeProcessLock } from "./file/process-lock.ts";
import { readFully } from "./file/read-fully.ts";
import { checkDeleteKeys, checkKey } from "./key.ts";
import { type DeletedMany, MAX_LIST_KEYS, type ObjectStore, ObjectStoreError } from "./object-store.ts";
import { StoreOpenError } from "./store-open-error.ts";

/** Temporary files whose removal nobody waits for. One more than this, and a put waits for its own. */
const MAX_BACKGROUND_REMOVALS = 256;
/** Of many deletes under way at once: few, for nobody waits for them, and those who write must not wait behind them. */
const CONCURRENT_UNLINKS = 2;
/** Of a temporary file's name: enough that no two processes ever choose the same. */
const TEMP_NAME_BYTES = 8;

/** An object beyond this is nobody's append: it is written and synced in pieces, so that the disk takes the puts of others in between. */
const LARGE_OBJECT_BYTES = 8 * 1024 * 1024;
const SYNCED_PIECE_BYTES = 2 * 1024 * 1024;

export interface FileStoreOptions {
  /** For tests that make a call of the operating system fail. */
  readonly calls?: FileCalls;
}

export class FileStore implements ObjectStore {
  readonly description: string;
  readonly exclusive = true;
  readonly #root: string;
  readonly #calls: FileCalls;
  readonly #directories: Directories;
  readonly #files: OpenFiles;
  readonly #lock: ProcessLock;
  readonly #tempPrefix: string;
  readonly #removals = new Set<Promise<void>>();
  readonly #pending = new Set<Promise<unknown>>();
  #temps = 0;
  #closed = false;

  /** Creates the directory when needed, takes its lock, sweeps what a crash left behind. Rejects with a StoreOpenError:
   * in use by another process, no hard links, not writable. */
  static async open(directory: string, runtime: Runtime, options: FileStoreOptions = {}): Promise<FileStore> {
    const calls = options.calls ?? systemFileCalls;
    const root = resolve(directory);
    let created: string | undefined;
    try {
      created = mkdirSync(root, { recursive: true });
    } catch (error) {
      throw new StoreOpenError(`cannot create the directory ${root}: ${reasonOf(error)}`, { cause: error });
    }
    const lock = takeProcessLock(root);
    const store = new FileStore(root, runtime, calls, lock);
    try {
      if (created !== undefined) await syncCreated(calls, dirname(created), root);
      await store.#directories.ensure(join(root, "tmp"));
      await store.#sweep();
      await store.#probeHardLinks();
    } catch (error) {
      await store.close();
      if (error instanceof StoreOpenError) throw error;
      throw new StoreOpenError(`cannot use ${root} as a store: ${reasonOf(error)}`, { cause: error });
    }
    return store;
  }

  private constructor(root: string, runtime: Runtime, calls: FileCalls, lock: ProcessLock) {
    this.description = `file:${root}`;
    this.#root = root;
    this.#calls = calls;
    this.#directories = new Directories(calls, root);
    this.#files = new OpenFiles(calls, runtime);
    this.#lock = lock;
    this.#tempPrefix = join(root, "tmp", `${Buffer.from(runtime.random.bytes(TEMP_NAME_BYTES)).toString("hex")}-`);
  }

  putIfAbsent(key: string, parts: readonly Uint8Array[]): Promise<void> {
    return this.#tracked(this.#write(key, parts, false));
  }

  put(key: string, parts: readonly Uint8Array[]): Promise<void> {
    return this.#tracked(this.#write(key, parts, true));
  }

  get(key: string): Promise<Uint8Array> {
    return this.#tracked(
      this.#read(key, async (path) => {
        // Whole objects are read once: no descriptor is kept.
        const fd = await this.#calls.open(path, "r");
        try {
          return await readFully(this.#calls, fd, 0, await this.#calls.size(fd));
        } finally {
          this.#inBackground(this.#calls.close(fd));
        }
      }),
    );
  }

  getRange(key: string, offset: number, length: number): Promise<Uint8Array> {
    return this.#tracked(
      this.#read(key, (path) =>
        this.#files.use(path, ({ fd, size }) => {
          return readFully(this.#calls, fd, offset, Math.max(0, Math.min(length, size - offset)));
        }),
      ),
    );
  }

  /** A page costs a pass over the directory: see `file/listing.ts`. */
  list(prefix: string, after = ""): Promise<string[]> {
    return this.#tracked(this.#list(prefix, after));
  }

  delete(key: string): Promise<void> {
    return this.#tracked(this.#unlink(key));
  }

  async deleteMany(keys: readonly string[]): Promise<DeletedMany> {
    checkDeleteKeys(keys);
    return deleteEach(keys, CONCURRENT_UNLINKS, (key) => this.delete(key));
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    // The lock is let go only when nothing of ours can take effect any more.
    while (this.#pending.size > 0) await Promise.allSettled(this.#pending);
    while (this.#removals.size > 0) await Promise.allSettled(this.#removals);
    await this.#files.close();
    await this.#directories.close();
    this.#lock.release();
  }

  async #write(key: string, parts: readonly Uint8Array[], overwrite: boolean): Promise<void> {
    checkKey(key);
    this.#refuseWhenClosed();
    const path = join(this.#root, key);
    const directory = dirname(path);
    const temp = this.#tempPrefix + this.#temps++;
    let phase: FilePhase = "prepare";
    let fd: number | undefined;
    let tempIsThere = false;
    try {
      await this.#directories.ensure(directory);
      fd = await this.#calls.open(temp, "wx");
      tempIsThere = true;
      for (const piece of piecesToSync(parts)) {
        await this.#writeFully(fd, piece);
        await this.#calls.fdatasync(fd);
      }
      phase = "name";
      if (overwrite) {
        await this.#calls.rename(temp, path);
        tempIsThere = false;
        this.#files.forget(path);
      } else {
        await this.#link(temp, path, directory);
      }
      phase = "settle";
      await this.#directories.sync(directory);
    } catch (error) {
      throw toFileStoreError(error, phase, key);
    } finally {
      if (fd !== undefined) await this.#removeTemp(fd, tempIsThere ? temp : undefined);
    }
  }

  /** Links, and makes sure that an object which is there already is there for good before saying so. */
  async #link(temp: string, path: string, directory: string): Promise<void> {
    try {
      await this.#calls.link(temp, path);
    } catch (error) {
      if (errorCode(error) === "EEXIST") {
        await this.#directories.sync(directory).catch((syncError: unknown) => {
          throw toFileStoreError(syncError, "settle", path);
        });
      }
      throw error;
    }
  }

  async #writeFully(fd: number, parts: readonly Uint8Array[]): Promise<void> {
    let rest = parts;
    let left = 0;
    for (const part of parts) left += part.length;
    while (left > 0) {
      const written = await this.#calls.writev(fd, rest);
      left -= written;
      if (left > 0) rest = withoutFirst(rest, written);
    }
  }

  async #read<T>(key: string, read: (path: string) => Promise<T>): Promise<T> {
    checkKey(key);
    this.#refuseWhenClosed();
    const path = join(this.#root, key);
    try {
      await this.#directories.seen(dirname(path));
      return await read(path);
    } catch (error) {
      throw toFileStoreError(error, "read", key);
    }
  }

  async #list(prefix: string, after: string): Promise<string[]> {
    this.#refuseWhenClosed();
    try {
      return await listKeys(this.#calls, this.#root, prefix, after, MAX_LIST_KEYS);
    } catch (error) {
      throw toFileStoreError(error, "read", prefix);
    }
  }

  async #unlink(key: string): Promise<void> {
    checkKey(key);
    this.#refuseWhenClosed();
    const path = join(this.#root, key);
    try {
      // Not synced: those who write must not wait for what nobody needs any more.
      await this.#calls.unlink(path);
      this.#files.forget(path);
    } catch (error) {
      if (errorCode(error) === "ENOENT" || errorCode(error) === "ENOTDIR") return;
      throw toFileStoreError(error, "name", key);
    }
  }

  /** Nobody waits for it, as long as there are few: a leftover costs only space until the next start. */
  #removeTemp(fd: number, temp: string | undefined): Promise<void> | undefined {
    const closing = this.#calls.close(fd);
    const calls = this.#calls;
    return this.#inBackground(temp === undefined ? closing : closing.finally(() => calls.unlink(temp)));
  }

  /** Answers the work when too much of it is going on already, to be waited for. */
  #inBackground(work: Promise<void>): Promise<void> | undefined {
    const removal: Promise<void> = work
      .catch(() => undefined) // Nothing under a key depends on it, and the next start sweeps.
      .finally(() => this.#removals.delete(removal));
    this.#removals.add(removal);
    return this.#removals.size > MAX_BACKGROUND_REMOVALS ? removal : undefined;
  }

  #tracked<T>(work: Promise<T>): Promise<T> {
    const settled = () => {
      this.#pending.delete(work);
    };
    this.#pending.add(work);
    work.then(settled, settled);
    return work;
  }

  #refuseWhenClosed(): void {
    if (this.#closed) throw new ObjectStoreError("unavailable", `${this.description} is closed`);
  }

  /** Under the lock, all that is in tmp/ was left by a crash. */
  async #sweep(): Promise<void> {
    const temps = join(this.#root, "tmp");
    for await (const entry of await this.#calls.opendir(temps, {})) await this.#calls.unlink(join(temps, entry.name));
  }

  async #probeHardLinks(): Promise<void> {
    const probe = `${this.#tempPrefix}probe`;
    const linked = `${probe}-linked`;
    await this.#calls.close(await this.#calls.open(probe, "wx"));
    try {
      await this.#calls.link(probe, linked);
      await this.#calls.unlink(linked);
    } catch (error) {
      throw new StoreOpenError(
        `${this.#root} is on a file system without hard links (${errorCode(error)}), which a file store needs to put objects in place without overwriting any`,
        { cause: error },
      );
    } finally {
      await this.#calls.unlink(probe);
    }
  }
}

/** Parts that are to be on the disk before the next ones are written: all of them, unless they are many bytes. */
function piecesToSync(parts: readonly Uint8Array[]): (readonly Uint8Array[])[] {
  const bytes = parts.reduce((sum, part) => sum + part.length, 0);
  if (bytes <= LARGE_OBJECT_BYTES) return [parts];
  const pieces: Uint8Array[][] = [];
  let left = 0;
  for (const part of parts) {
    for (let at = 0; at < part.length; ) {
      if (left === 0) {
        pieces.push([]);
        left = SYNCED_PIECE_BYTES;
      }
      const taken = part.subarray(at, at + left);
      pieces.at(-1)?.push(taken);
      at += taken.length;
      left -= taken.length;
    }
  }
  return pieces;
}

function withoutFirst(parts: readonly Uint8Array[], bytes: number): Uint8Array[] {
  const rest: Uint8Array[] = [];
  let skip = bytes;
  for (const part of parts) {
    if (skip < part.length) rest.push(skip === 0 ? part : part.subarray(skip));
    skip = Math.max(0, skip - part.length);
  }
  return rest;
}

/** Syncs every directory from `from` down to the parent of `to`: the names of what was created below it. */
async function syncCreated(calls: FileCalls, from: string, to: string): Promise<void> {
  for (let directory = dirname(to); directory.length >= from.length; directory = dirname(directory)) {
    const fd = await calls.open(directory, "r");
    await calls.fsync(fd).finally(() => calls.close(fd));
    if (directory === dirname(directory)) break;
  }
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

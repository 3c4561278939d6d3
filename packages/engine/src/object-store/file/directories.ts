// The directories of a file store: created durably, and synced with as few calls as their changes need.
// Whatever is seen in a directory opened here was durable before it was seen. Never touches the files in them.
import { dirname } from "node:path";
import type { FileCalls } from "./file-calls.ts";
import { errorCode } from "./file-errors.ts";

/** Open directories. A shard uses three; beyond this the longest unused is closed. */
const MAX_OPEN_DIRECTORIES = 256;

export class Directories {
  readonly #calls: FileCalls;
  readonly #root: string;
  /** In the order of last use. */
  readonly #open = new Map<string, Promise<Directory>>();

  /** `root` must be there. */
  constructor(calls: FileCalls, root: string) {
    this.#calls = calls;
    this.#root = root;
  }

  /** Resolves once the directory is open, with all its entries so far and its own name durable. Rejects with ENOENT when
   * it isn't there. */
  async seen(path: string): Promise<void> {
    await this.#existing(path);
  }

  /** Creates the directory durably, its parents too, when it isn't there. */
  async ensure(path: string): Promise<void> {
    try {
      await this.#existing(path);
      return;
    } catch (error) {
      if (errorCode(error) !== "ENOENT" || path === this.#root) throw error;
    }
    await this.ensure(dirname(path));
    await this.#calls.mkdir(path).catch((error: unknown) => {
      if (errorCode(error) !== "EEXIST") throw error;
    });
    await this.#existing(path);
  }

  /** Resolves once every change of the directory's entries that was made before the call is durable. */
  async sync(path: string): Promise<void> {
    for (;;) {
      const directory = await this.#existing(path);
      // One that is being closed to make room is opened anew.
      if (!directory.closing) return directory.sync();
    }
  }

  /** No call may be under way or follow. */
  async close(): Promise<void> {
    const open = [...this.#open.values()];
    this.#open.clear();
    for (const directory of await Promise.allSettled(open)) {
      if (directory.status === "fulfilled") await directory.value.close();
    }
  }

  #existing(path: string): Promise<Directory> {
    let directory = this.#open.get(path);
    if (directory === undefined) {
      const opening = this.#openSynced(path);
      opening.catch(() => {
        if (this.#open.get(path) === opening) this.#open.delete(path);
      });
      directory = opening;
    } else {
      this.#open.delete(path);
    }
    this.#open.set(path, directory);
    if (this.#open.size > MAX_OPEN_DIRECTORIES) this.#closeOldest();
    return directory;
  }

  async #openSynced(path: string): Promise<Directory> {
    const fd = await this.#calls.open(path, "r");
    const directory = new Directory(this.#calls, fd);
    try {
      await directory.sync();
      // Somebody else may have created it a moment ago, and not have synced its name yet.
      if (path !== this.#root) await this.sync(dirname(path));
    } catch (error) {
      await directory.close();
      throw error;
    }
    return directory;
  }

  #closeOldest(): void {
    for (const [path, directory] of this.#open) {
      this.#open.delete(path);
      void directory.then(
        (opened) => opened.close(),
        () => undefined, // It never opened; whoever asked for it was told.
      );
      return;
    }
  }
}

/** An open directory. Never synced once `closing`. Calls of `sync` that overlap share one fsync, which starts after all of them were made. */
class Directory {
  readonly #calls: FileCalls;
  readonly #fd: number;
  #running: Promise<void> | undefined;
  #next: Promise<void> | undefined;
  closing = false;

  constructor(calls: FileCalls, fd: number) {
    this.#calls = calls;
    this.#fd = fd;
  }

  /** Resolves once an fsync that started after this call has ended: every change made before the call is durable. */
  sync(): Promise<void> {
    if (this.#next !== undefined) return this.#next;
    if (this.#running === undefined) return this.#start();
    // Whether the running one fails is the business of those who wait for it.
    this.#next = this.#running.then(
      () => this.#start(),
      () => this.#start(),
    );
    return this.#next;
  }

  /** Closes once syncs under way have ended. */
  async close(): Promise<void> {
    if (this.closing) return;
    this.closing = true;
    while (this.#running !== undefined) await Promise.allSettled([this.#running, this.#next]);
    await this.#calls.close(this.#fd);
  }

  #start(): Promise<void> {
    this.#next = undefined;
    const running = this.#calls.fsync(this.#fd).finally(() => {
      if (this.#running === running) this.#running = undefined;
    });
    this.#running = running;
    return running;
  }
}

// A few files kept open for ranged reads, closed soon after the last one: reading records of history again and again
// from one object costs one call each. An entry is bound to the file it opened; the store drops it when the key changes.
import type { Runtime, TimerHandle } from "../../runtime/runtime.ts";
import type { FileCalls } from "./file-calls.ts";

/** Enough for the objects that readers are busy with; far below any limit on descriptors. */
const MAX_OPEN_FILES = 64;
/** A reader that comes back comes back sooner than this; silence must cost no descriptor. */
const IDLE_CLOSE_MS = 2_000;

export interface OpenFile {
  readonly fd: number;
  /** Bytes. */
  readonly size: number;
}

interface Entry {
  readonly file: Promise<OpenFile>;
  users: number;
  /** No longer in the table: closed when the last user leaves. */
  dropped: boolean;
  usedAtMs: number;
}

export class OpenFiles {
  readonly #calls: FileCalls;
  readonly #runtime: Runtime;
  /** By path, in the order of last use. */
  readonly #entries = new Map<string, Entry>();
  readonly #closing = new Set<Promise<void>>();
  #timer: TimerHandle | undefined;

  constructor(calls: FileCalls, runtime: Runtime) {
    this.#calls = calls;
    this.#runtime = runtime;
  }

  /** Runs `read` with the file open. Rejects as open does, or as `read` does. */
  async use<T>(path: string, read: (file: OpenFile) => Promise<T>): Promise<T> {
    const entry = this.#entry(path);
    entry.users++;
    try {
      return await read(await entry.file);
    } catch (error) {
      this.#drop(path, entry);
      throw error;
    } finally {
      entry.users--;
      entry.usedAtMs = this.#runtime.clock.monotonicMs();
      if (entry.dropped && entry.users === 0) this.#close(entry);
    }
  }

  /** The path has, or will have, another file or none: the next use opens it anew. */
  forget(path: string): void {
    const entry = this.#entries.get(path);
    if (entry !== undefined) this.#drop(path, entry);
  }

  /** No use may be under way or follow. */
  async close(): Promise<void> {
    if (this.#timer !== undefined) this.#runtime.timers.clear(this.#timer);
    this.#timer = undefined;
    for (const [path, entry] of this.#entries) this.#drop(path, entry);
    await Promise.all(this.#closing);
  }

  #entry(path: string): Entry {
    let entry = this.#entries.get(path);
    if (entry === undefined) {
      entry = { file: this.#open(path), users: 0, dropped: false, usedAtMs: this.#runtime.clock.monotonicMs() };
    } else {
      this.#entries.delete(path);
    }
    this.#entries.set(path, entry);
    if (this.#entries.size > MAX_OPEN_FILES) this.#dropOldest();
    this.#timer ??= this.#runtime.timers.set(IDLE_CLOSE_MS, () => this.#closeIdle());
    return entry;
  }

  async #open(path: string): Promise<OpenFile> {
    const fd = await this.#calls.open(path, "r");
    try {
      return { fd, size: await this.#calls.size(fd) };
    } catch (error) {
      await this.#calls.close(fd);
      throw error;
    }
  }

  #drop(path: string, entry: Entry): void {
    if (entry.dropped) return;
    entry.dropped = true;
    this.#entries.delete(path);
    if (entry.users === 0) this.#close(entry);
  }

  #dropOldest(): void {
    for (const [path, entry] of this.#entries) {
      this.#drop(path, entry);
      return;
    }
  }

  #close(entry: Entry): void {
    const closing = entry.file
      .then((file) => this.#calls.close(file.fd))
      .catch(() => undefined) // A file that never opened, which its user was told; or one that was only read.
      .finally(() => this.#closing.delete(closing));
    this.#closing.add(closing);
  }

  #closeIdle(): void {
    this.#timer = undefined;
    const nowMs = this.#runtime.clock.monotonicMs();
    for (const [path, entry] of this.#entries) {
      if (entry.users === 0 && nowMs - entry.usedAtMs >= IDLE_CLOSE_MS) this.#drop(path, entry);
    }
    if (this.#entries.size > 0) this.#timer = this.#runtime.timers.set(IDLE_CLOSE_MS, () => this.#closeIdle());
  }
}

// Which blocks are on the disk, in the order of last use, and no more bytes of them than were allowed. One process has the directory, by a lock that dies
// with it. Whatever fails here is a miss: nobody ever waits for the disk to take something, nor hears that it did not.
import { mkdirSync } from "node:fs";
import { join, resolve } from "node:path";
import { type ProcessLock, takeProcessLock } from "../file/process-lock.ts";
import { StoreOpenError } from "../store-open-error.ts";
import { BlockFiles } from "./block-files.ts";

/** Blocks on their way to the disk at once. Beyond that a block is not kept: the disk is slower than whoever reads. */
const MAX_WRITES = 32;

/** What a block of an object is called. */
export function blockName(object: string, block: number): string {
  return `${object}+${block}`;
}

function objectOf(block: string): string {
  return block.slice(0, block.lastIndexOf("+"));
}

export interface DiskCacheCounts {
  /** Blocks found, and not found. */
  hits: number;
  misses: number;
  /** Files that were not what had been written; each a miss, too. */
  damaged: number;
  /** Blocks that were not kept: the disk was too slow, too full or refused them. */
  unkept: number;
  evicted: number;
}

export class DiskCache {
  readonly counts: DiskCacheCounts = { hits: 0, misses: 0, damaged: 0, unkept: 0, evicted: 0 };
  readonly #files: BlockFiles;
  readonly #lock: ProcessLock;
  readonly #maxBytes: number;
  /** File bytes by name, in the order of last use. */
  readonly #blocks = new Map<string, number>();
  readonly #pending = new Set<Promise<void>>();
  #writing = 0;
  #bytes = 0;
  /** Whether it is known what is there. Before that nothing is written: it could be more than is allowed. */
  #isReady = false;
  #closed = false;
  /** Resolves when it is known what is there, or cannot be. */
  readonly ready: Promise<void>;

  /** Takes the directory, and makes it where it is not there. Errors: StoreOpenError: in use by another process, not to be written to. */
  static open(directory: string, maxBytes: number): DiskCache {
    const root = resolve(directory);
    try {
      mkdirSync(join(root, "blocks"), { recursive: true });
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      throw new StoreOpenError(`cannot use ${root} as a cache: ${why}`, { cause: error });
    }
    return new DiskCache(new BlockFiles(join(root, "blocks")), takeProcessLock(root), maxBytes);
  }

  private constructor(files: BlockFiles, lock: ProcessLock, maxBytes: number) {
    this.#files = files;
    this.#lock = lock;
    this.#maxBytes = maxBytes;
    this.ready = this.#background(this.#find());
  }

  get bytes(): number {
    return this.#bytes;
  }

  has(name: string): boolean {
    return this.#blocks.has(name);
  }

  /** A block's bytes; undefined where it is not there, or not whole. */
  async get(name: string): Promise<Uint8Array | undefined> {
    const bytes = this.#blocks.get(name);
    if (bytes === undefined || this.#closed) {
      this.counts.misses += 1;
      return undefined;
    }
    this.#blocks.delete(name);
    this.#blocks.set(name, bytes);
    const read = await this.#files.read(name);
    if (read.kind === "whole") {
      this.counts.hits += 1;
      return read.bytes;
    }
    this.counts.misses += 1;
    if (read.kind === "damaged") this.counts.damaged += 1;
    this.delete(name);
    return undefined;
  }

  /** Keeps a block, if the disk takes it. The bytes must not change any more. */
  put(name: string, bytes: Uint8Array): void {
    const fileBytes = BlockFiles.fileBytes(bytes.length);
    if (this.#closed || this.#blocks.has(name)) return;
    if (!this.#isReady || this.#writing >= MAX_WRITES || fileBytes > this.#maxBytes) {
      this.counts.unkept += 1;
      return;
    }
    this.#writing += 1;
    void this.#background(this.#write(name, bytes, fileBytes)).finally(() => {
      this.#writing -= 1;
    });
  }

  delete(name: string): void {
    const bytes = this.#blocks.get(name);
    if (bytes === undefined) return;
    this.#blocks.delete(name);
    this.#bytes -= bytes;
    void this.#background(this.#files.remove(name));
  }

  /** All blocks of these objects. */
  deleteObjects(objects: ReadonlySet<string>): void {
    for (const name of [...this.#blocks.keys()]) if (objects.has(objectOf(name))) this.delete(name);
  }

  /** Lets go of the directory when nothing is being written there any more. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    while (this.#pending.size > 0) await Promise.all(this.#pending);
    this.#lock.release();
  }

  async #find(): Promise<void> {
    for (const { name, bytes } of await this.#files.found()) {
      this.#blocks.set(name, bytes);
      this.#bytes += bytes;
    }
    this.#isReady = true;
    await this.#evict();
  }

  async #write(name: string, bytes: Uint8Array, fileBytes: number): Promise<void> {
    // Its room is made before it is taken.
    this.#bytes += fileBytes;
    try {
      await this.#evict();
      await this.#files.write(name, bytes);
    } catch (error) {
      this.#bytes -= fileBytes;
      this.counts.unkept += 1;
      throw error;
    }
    const before = this.#blocks.get(name);
    if (before !== undefined) this.#bytes -= before;
    this.#blocks.set(name, fileBytes);
  }

  async #evict(): Promise<void> {
    for (const [oldest, bytes] of this.#blocks) {
      if (this.#bytes <= this.#maxBytes) return;
      this.#blocks.delete(oldest);
      this.#bytes -= bytes;
      this.counts.evicted += 1;
      await this.#files.remove(oldest);
    }
  }

  /** Never fails: what the disk refuses is not there. */
  #background(work: Promise<void>): Promise<void> {
    const settled: Promise<void> = work.catch(() => undefined).finally(() => this.#pending.delete(settled));
    this.#pending.add(settled);
    return settled;
  }
}

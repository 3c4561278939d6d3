// Blocks of objects as files of a directory. A file is believed only whole: what is damaged, cut off or another block's is none. Nothing is synced: what a
// crash of the machine takes away, or leaves in pieces, was only a copy.
import { readdir, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { crc32 } from "node:zlib";
import { type FileCalls, systemFileCalls } from "../file/file-calls.ts";
import { errorCode } from "../file/file-errors.ts";
import { readFully } from "../file/read-fully.ts";

/** Behind the block's bytes: their CRC-32 with that of the block's name, and what says which layout this is. */
const TRAILER_BYTES = 8;
const MAGIC = Buffer.from("TRB1");
const TEMPORARY = ".tmp";
/** Sizes asked for at once. */
const CONCURRENT_STATS = 16;

export interface FoundBlock {
  readonly name: string;
  /** Of its file. */
  readonly bytes: number;
  /** When it was written, by the file system's clock. */
  readonly writtenMs: number;
}

export type ReadBlock =
  | { readonly kind: "whole"; readonly bytes: Uint8Array }
  /** It is not there, or cannot be read. */
  | { readonly kind: "missing" }
  | { readonly kind: "damaged" };

export class BlockFiles {
  readonly #directory: string;
  readonly #calls: FileCalls;
  #temporaries = 0;

  /** The directory is there. */
  constructor(directory: string, calls: FileCalls = systemFileCalls) {
    this.#directory = directory;
    this.#calls = calls;
  }

  /** What a block takes up. */
  static fileBytes(blockBytes: number): number {
    return blockBytes + TRAILER_BYTES;
  }

  /** All blocks that are there, oldest first. Whatever else there is, is swept away. Errors: those of the file system. */
  async found(): Promise<FoundBlock[]> {
    const blocks: FoundBlock[] = [];
    const names = await readdir(this.#directory);
    for (let at = 0; at < names.length; at += CONCURRENT_STATS)
      await Promise.all(
        names.slice(at, at + CONCURRENT_STATS).map(async (name) => {
          const path = join(this.#directory, name);
          if (name.endsWith(TEMPORARY)) return rm(path, { force: true });
          try {
            const { size, mtimeMs } = await stat(path);
            blocks.push({ name, bytes: size, writtenMs: mtimeMs });
          } catch (error) {
            if (errorCode(error) !== "ENOENT") throw error;
          }
        }),
      );
    return blocks.toSorted((a, b) => a.writtenMs - b.writtenMs);
  }

  async read(name: string): Promise<ReadBlock> {
    let file: Uint8Array;
    try {
      const fd = await this.#calls.open(join(this.#directory, name), "r");
      try {
        file = await readFully(this.#calls, fd, 0, await this.#calls.size(fd));
      } finally {
        await this.#calls.close(fd);
      }
    } catch (error) {
      return { kind: errorCode(error) === "EIO" ? "damaged" : "missing" };
    }
    const end = file.length - TRAILER_BYTES;
    if (end < 0 || Buffer.compare(file.subarray(end), trailer(name, file.subarray(0, end))) !== 0)
      return { kind: "damaged" };
    return { kind: "whole", bytes: file.subarray(0, end) };
  }

  /** Errors: those of the file system; then the block is not there. */
  async write(name: string, bytes: Uint8Array): Promise<void> {
    const temporary = `${name}.${this.#temporaries++}${TEMPORARY}`;
    const path = join(this.#directory, temporary);
    try {
      const fd = await this.#calls.open(path, "wx");
      try {
        await this.#writeFully(fd, [bytes, trailer(name, bytes)]);
      } finally {
        await this.#calls.close(fd);
      }
      await this.#calls.rename(path, join(this.#directory, name));
    } catch (error) {
      await this.remove(temporary);
      throw error;
    }
  }

  async #writeFully(fd: number, parts: readonly Uint8Array[]): Promise<void> {
    for (const part of parts)
      for (let at = 0; at < part.length; ) at += await this.#calls.writev(fd, [part.subarray(at)]);
  }

  /** What cannot be removed stays, and is found at the next start. */
  async remove(name: string): Promise<void> {
    await rm(join(this.#directory, name), { force: true }).catch(() => undefined);
  }
}

function trailer(name: string, block: Uint8Array): Buffer {
  const bytes = Buffer.alloc(TRAILER_BYTES);
  bytes.writeUInt32LE(crc32(block, crc32(name)));
  MAGIC.copy(bytes, 4);
  return bytes;
}

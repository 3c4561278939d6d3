// The calls to the operating system that the file store makes, each one trip to libuv's threads.
// Owns the list alone, so that a test can make one of them fail; never decides anything.
import * as fs from "node:fs";
import { promisify } from "node:util";

export interface FileCalls {
  open(path: string, flags: number | string, mode?: number): Promise<number>;
  close(fd: number): Promise<void>;
  /** Resolves with the number of bytes written, which may be fewer than given. */
  writev(fd: number, parts: readonly NodeJS.ArrayBufferView[]): Promise<number>;
  /** Resolves with the number of bytes read; 0 at the end of the file. */
  read(fd: number, into: Uint8Array, offset: number, length: number, position: number): Promise<number>;
  /** The file's size in bytes. */
  size(fd: number): Promise<number>;
  fdatasync(fd: number): Promise<void>;
  fsync(fd: number): Promise<void>;
  link(from: string, to: string): Promise<void>;
  rename(from: string, to: string): Promise<void>;
  unlink(path: string): Promise<void>;
  mkdir(path: string): Promise<void>;
  opendir(path: string, options: fs.OpenDirOptions): Promise<fs.Dir>;
}

export const systemFileCalls: FileCalls = {
  open: promisify<string, number | string, number | undefined, number>(fs.open),
  close: promisify(fs.close),
  writev: (fd, parts) =>
    new Promise((resolve, reject) => {
      fs.writev(fd, parts, (error, written) => (error === null ? resolve(written) : reject(error)));
    }),
  read: (fd, into, offset, length, position) =>
    new Promise((resolve, reject) => {
      fs.read(fd, into, offset, length, position, (error, bytesRead) => {
        if (error === null) resolve(bytesRead);
        else reject(error);
      });
    }),
  size: (fd) =>
    new Promise((resolve, reject) => {
      fs.fstat(fd, (error, stats) => (error === null ? resolve(stats.size) : reject(error)));
    }),
  fdatasync: promisify(fs.fdatasync),
  fsync: promisify(fs.fsync),
  link: promisify(fs.link),
  rename: promisify(fs.rename),
  unlink: promisify(fs.unlink),
  mkdir: promisify<string, void>(fs.mkdir),
  opendir: promisify<string, fs.OpenDirOptions, fs.Dir>(fs.opendir),
};

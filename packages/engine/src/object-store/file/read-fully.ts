// Reading a stretch of an open file, however many reads the system makes of it.
import type { FileCalls } from "./file-calls.ts";

/** `length` bytes at `offset`; fewer where the file ends before. */
export async function readFully(calls: FileCalls, fd: number, offset: number, length: number): Promise<Uint8Array> {
  const bytes = Buffer.allocUnsafeSlow(length);
  let filled = 0;
  while (filled < length) {
    const read = await calls.read(fd, bytes, filled, length - filled, offset + filled);
    if (read === 0) break;
    filled += read;
  }
  return filled === length ? bytes : bytes.subarray(0, filled);
}

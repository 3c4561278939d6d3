// What the disk gives to whoever asks for no more: files of 1 MiB, each written, synced and then forgotten. No log is faster on this machine.
import { mkdtempSync, rmSync } from "node:fs";
import { open, unlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Figures } from "../report.ts";

const MIB = 1024 * 1024;
/** As many as a shard has puts under way. */
const AT_ONCE = 4;

export async function syncedFiles(secs: number): Promise<Figures> {
  const directory = mkdtempSync(join(tmpdir(), "tailrace-bench-limit-"));
  const content = Buffer.alloc(MIB, "limit");
  const startMs = performance.now();
  let files = 0;
  const write = async () => {
    while (performance.now() < startMs + secs * 1000) {
      const path = join(directory, String(files++));
      const file = await open(path, "wx");
      await file.write(content);
      await file.datasync();
      await file.close();
      await unlink(path);
    }
  };
  try {
    await Promise.all(Array.from({ length: AT_ONCE }, write));
    return { "write MiB/s": files / ((performance.now() - startMs) / 1000) };
  } finally {
    rmSync(directory, { recursive: true });
  }
}

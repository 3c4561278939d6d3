// A small file system of its own, where mounting is permitted, that can be filled to the last byte.
import { spawnSync } from "node:child_process";
import { appendFileSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export class SmallDisk {
  readonly directory: string;
  readonly #bytes: number;
  readonly #ballast: string;

  private constructor(directory: string, bytes: number) {
    this.directory = directory;
    this.#bytes = bytes;
    this.#ballast = join(directory, "ballast");
  }

  /** Undefined where it is not permitted. */
  static mount(bytes: number): SmallDisk | undefined {
    const directory = mkdtempSync(join(tmpdir(), "tailrace-disk-"));
    const mounted = spawnSync("mount", ["-t", "tmpfs", "-o", `size=${bytes}`, "tailrace-test", directory]);
    if (mounted.status === 0) return new SmallDisk(directory, bytes);
    rmSync(directory, { recursive: true });
    return undefined;
  }

  /** Takes whatever is left, to the last byte. */
  fill(): void {
    for (let bytes = this.#bytes; bytes >= 512; bytes /= 2) {
      try {
        appendFileSync(this.#ballast, Buffer.alloc(bytes));
      } catch (error) {
        if (!(error instanceof Error && "code" in error && error.code === "ENOSPC")) throw error;
      }
    }
  }

  /** Undoes `fill`. */
  free(): void {
    rmSync(this.#ballast, { force: true });
  }

  unmount(): void {
    spawnSync("umount", ["-l", this.directory]);
    rmSync(this.directory, { recursive: true, force: true });
  }
}

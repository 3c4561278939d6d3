// A copy of what the simulator runs, to put a bug into: the original is never touched, and production code has no switches.
import { spawnSync } from "node:child_process";
import { cpSync, existsSync, globSync, mkdirSync, mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, relative } from "node:path";

export const ROOT = join(import.meta.dirname, "../..");

/** What is copied. Packages that others made are linked to. */
const PARTS = ["package.json", "packages", "sim"];

export class Tree {
  readonly path = mkdtempSync(join(tmpdir(), "tailrace-mutant-"));

  constructor() {
    for (const part of PARTS)
      cpSync(join(ROOT, part), join(this.path, part), {
        recursive: true,
        filter: (source) => !source.includes("node_modules") && !source.endsWith(".patch"),
      });
    for (const modules of globSync(["node_modules", "packages/*/node_modules"], { cwd: ROOT })) this.#link(modules);
  }

  /** Links every module but our own, which are those of the copy. */
  #link(modules: string): void {
    for (const module of globSync(["*", ".bin", "@*/*"], { cwd: join(ROOT, modules) })) {
      if (module.startsWith("@") && !module.includes("/")) continue;
      const to = join(this.path, modules, module);
      mkdirSync(dirname(to), { recursive: true });
      if (!module.startsWith("@tailrace/")) symlinkSync(join(ROOT, modules, module), to);
      else symlinkSync(relative(dirname(to), join(this.path, "packages", module.slice("@tailrace/".length))), to);
    }
  }

  /** Errors: Error when the patch does not apply. */
  apply(patch: string): void {
    const why = this.#git("apply", "--whitespace=nowarn", patch);
    if (why !== undefined) throw new Error(`${patch} does not apply: ${why}`);
  }

  /** Whether `apply` would succeed. */
  takes(patch: string): boolean {
    return this.#git("apply", "--check", patch) === undefined;
  }

  /** Undefined when it succeeds, else what it says. */
  #git(...command: readonly string[]): string | undefined {
    const { status, stderr } = spawnSync("git", command, {
      cwd: this.path,
      encoding: "utf8",
      // Outside of any repository, it takes the paths as they are.
      env: { ...process.env, GIT_CEILING_DIRECTORIES: dirname(this.path) },
    });
    return status === 0 ? undefined : stderr.trim();
  }

  remove(): void {
    if (existsSync(this.path)) rmSync(this.path, { recursive: true });
  }
}

// The deliberate bugs, as patch files: which there are, and what each of them breaks.
import { globSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";

export interface Mutant {
  /** The file's name, without its ending: `01-acknowledge-before-durable`. */
  readonly name: string;
  readonly path: string;
  /** What stands before the patch. */
  readonly breaks: string;
}

/** All of a folder (default: those that the simulator is to catch), or those whose names contain one of `wanted`. Errors: Error when a word names none. */
export function mutants(wanted: readonly string[], folder = import.meta.dirname): readonly Mutant[] {
  const all = globSync("*.patch", { cwd: folder })
    .toSorted()
    .map((file): Mutant => {
      const path = join(folder, file);
      const breaks = readFileSync(path, "utf8")
        .split(/^(?:diff|---) /m)[0]
        .trim();
      if (breaks === "") throw new Error(`${file} does not say what it breaks`);
      return { name: basename(file, ".patch"), path, breaks };
    });
  for (const word of wanted)
    if (!all.some(({ name }) => name.includes(word))) throw new Error(`no mutant is named "${word}"`);
  return wanted.length === 0 ? all : all.filter(({ name }) => wanted.some((word) => name.includes(word)));
}

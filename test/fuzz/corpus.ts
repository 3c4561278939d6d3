// The inputs that fuzzing starts from, kept in the repository: one directory for each target, one file for each input.
// Whatever broke something once is among them.

import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const CORPUS = join(import.meta.dirname, "corpus");

export function corpusOf(target: string): readonly Uint8Array[] {
  const directory = join(CORPUS, target);
  if (!existsSync(directory)) throw new Error(`there is no corpus for ${target}`);
  return readdirSync(directory)
    .sort()
    .map((name) => Uint8Array.from(readFileSync(join(directory, name))));
}

/** Keeps an input that broke something; returns its path. */
export function keep(target: string, input: Uint8Array): string {
  const directory = join(CORPUS, target);
  mkdirSync(directory, { recursive: true });
  const path = join(directory, `found-${createHash("sha256").update(input).digest("hex").slice(0, 12)}`);
  writeFileSync(path, input);
  return path;
}

// What the commands of the SCAN family have in common: their cursor and options.
import { CommandError, syntaxError } from "./errors.ts";
import { type Glob, glob } from "./glob.ts";
import { integer } from "./numbers.ts";
import type { Arguments } from "./spec.ts";
import type { Steps } from "./steps.ts";

export interface ScanOptions {
  /** 0: from the beginning. */
  readonly cursor: number;
  readonly count: number;
  readonly matches: Glob;
  /** Of SCAN alone: in lower case. */
  readonly type: string | undefined;
}

const DEFAULT_COUNT = 10;

/** `args[at]` is the cursor (`scanCursor`), options follow. Throws `CommandError`. */
export function scanOptions(args: Arguments, at: number, steps: Steps, withType = false): ScanOptions {
  const cursor = scanCursor(args[at]);
  let count = DEFAULT_COUNT;
  let matches: Glob = () => true;
  let type: string | undefined;
  for (let i = at + 1; i < args.length; i += 2) {
    const option = args[i].toUpperCase();
    if (i + 1 >= args.length) throw syntaxError();
    const value = args[i + 1];
    if (option === "COUNT") {
      count = integer(value);
      if (count < 1) throw syntaxError();
    } else if (option === "MATCH") matches = glob(value, steps);
    else if (option === "TYPE" && withType) type = value.toLowerCase();
    else throw syntaxError();
  }
  return { cursor, count, matches, type };
}

const MAX_CURSOR = 2n ** 64n - 1n;

/** Throws `CommandError`. */
export function scanCursor(text: string): number {
  // As strtoul takes it, signs included.
  if (!/^(?:[+-]?[0-9]{1,20})?$/.test(text) || BigInt(text.replace(/[+-]/, "")) > MAX_CURSOR) {
    throw new CommandError("ERR invalid cursor");
  }
  return Number(BigInt.asUintN(64, BigInt(text)));
}

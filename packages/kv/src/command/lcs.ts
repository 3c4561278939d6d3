// LCS: the longest common subsequence of two strings, its length, or where its parts match.
import { CommandError, syntaxError } from "./errors.ts";
import { MAX_STRING_BYTES } from "./limits.ts";
import { stringAt } from "./lookup.ts";
import { integer } from "./numbers.ts";
import { map, type Reply } from "./reply.ts";
import { type Arguments, type CommandContext, type CommandSpec, FIRST_TWO_KEYS } from "./spec.ts";

interface Options {
  readonly length: boolean;
  readonly matches: boolean;
  readonly minLength: number;
  readonly withLength: boolean;
}

function parseOptions(args: Arguments): Options {
  let length = false;
  let matches = false;
  let minLength = 0;
  let withLength = false;
  for (let at = 3; at < args.length; at += 1) {
    const option = args[at].toUpperCase();
    if (option === "LEN") length = true;
    else if (option === "IDX") matches = true;
    else if (option === "WITHMATCHLEN") withLength = true;
    else if (option === "MINMATCHLEN" && at + 1 < args.length) {
      at += 1;
      minLength = Math.max(0, integer(args[at]));
    } else throw syntaxError();
  }
  if (length && matches) {
    throw new CommandError("ERR If you want both the length and indexes, please just use IDX.");
  }
  return { length, matches, minLength, withLength };
}

/** Lengths of the longest common subsequences of all pairs of heads: of `a` up to a row, of `b` up to a column. */
function lengthsOf(a: string, b: string): Uint32Array {
  const width = b.length + 1;
  const lengths = new Uint32Array((a.length + 1) * width);
  for (let i = 1; i <= a.length; i += 1) {
    for (let j = 1; j <= b.length; j += 1) {
      lengths[i * width + j] =
        a.charCodeAt(i - 1) === b.charCodeAt(j - 1)
          ? lengths[(i - 1) * width + j - 1] + 1
          : Math.max(lengths[(i - 1) * width + j], lengths[i * width + j - 1]);
    }
  }
  return lengths;
}

function lcs(context: CommandContext, args: Arguments): Reply {
  const { keyspace } = context;
  const values = [args[1], args[2]].map((key) => keyspace.get(key)?.value ?? "");
  if (values.some((value) => typeof value !== "string")) {
    throw new CommandError("ERR The specified keys must contain string values");
  }
  const options = parseOptions(args);
  const [a, b] = [args[1], args[2]].map((key) => stringAt(context, key) ?? "");
  if ((a.length + 1) * (b.length + 1) * Uint32Array.BYTES_PER_ELEMENT > MAX_STRING_BYTES) {
    throw new CommandError("ERR Insufficient memory, transient memory for LCS exceeds proto-max-bulk-len");
  }
  const lengths = lengthsOf(a, b);
  const total = lengths[lengths.length - 1];
  if (options.length) return total;
  const { common, ranges } = walkBack(a, b, lengths, options);
  if (!options.matches) return common;
  return map([
    ["matches", ranges],
    ["len", total],
  ]);
}

/** From the end: the characters in common, and the runs that match in both. */
function walkBack(a: string, b: string, lengths: Uint32Array, { minLength, withLength }: Options) {
  const width = b.length + 1;
  const ranges: Reply[] = [];
  let common = "";
  let i = a.length;
  let j = b.length;
  /** Of the run being walked: its ends, and how long it is so far. */
  let run = { endA: 0, endB: 0, length: 0 };
  const close = (): void => {
    const { endA, endB, length } = run;
    if (length > 0 && length >= minLength) {
      const both: Reply[] = [
        [endA - length + 1, endA],
        [endB - length + 1, endB],
      ];
      ranges.push(withLength ? [...both, length] : both);
    }
    run = { endA: 0, endB: 0, length: 0 };
  };
  while (i > 0 && j > 0) {
    if (a.charCodeAt(i - 1) === b.charCodeAt(j - 1)) {
      common = a[i - 1] + common;
      if (run.length === 0) run = { endA: i - 1, endB: j - 1, length: 0 };
      run.length += 1;
      i -= 1;
      j -= 1;
    } else {
      close();
      if (lengths[(i - 1) * width + j] > lengths[i * width + j - 1]) i -= 1;
      else j -= 1;
    }
  }
  close();
  return { common, ranges };
}

export const lcsCommand: CommandSpec = { name: "lcs", arity: -3, flags: ["readonly"], keys: FIRST_TWO_KEYS, run: lcs };

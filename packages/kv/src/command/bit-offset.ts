// Offsets of bits in arguments.
import { CommandError } from "./errors.ts";
import { MAX_STRING_BYTES } from "./limits.ts";
import { integer } from "./numbers.ts";

const BAD_OFFSET = "ERR bit offset is not an integer or out of range";

/** Within what a string may be. `#n`, where `bits` are given, means n times so many. Throws the usual refusal. */
export function bitOffset(text: string, bits?: number): number {
  const multiplied = bits !== undefined && text.startsWith("#");
  const value = integer(multiplied ? text.slice(1) : text, BAD_OFFSET) * (multiplied ? bits : 1);
  if (value < 0 || value >= MAX_STRING_BYTES * 8) throw new CommandError(BAD_OFFSET);
  return value;
}

// Refusals, in the words that Redis's clients know. A refusal is a reply: thrown by `run` before it has changed anything, caught
// at the table's edge. Anything else that is thrown there stops every replica.

export class CommandError extends Error {
  /** As it goes to the client: a code, then the sentence. */
  readonly text: string;

  constructor(text: string) {
    super(text);
    this.name = "CommandError";
    this.text = text;
  }
}

export const SYNTAX = "ERR syntax error";
export const WRONG_TYPE = "WRONGTYPE Operation against a key holding the wrong kind of value";
export const NOT_AN_INTEGER = "ERR value is not an integer or out of range";
export const NOT_A_FLOAT = "ERR value is not a valid float";
export const NO_SUCH_KEY = "ERR no such key";
export const OUT_OF_RANGE = "ERR index out of range";
export const STRING_TOO_LONG = "ERR string exceeds maximum allowed size (proto-max-bulk-len)";
export const OUT_OF_MEMORY = "OOM command not allowed when used memory > 'maxmemory'.";

export function syntaxError(): CommandError {
  return new CommandError(SYNTAX);
}

export function wrongType(): CommandError {
  return new CommandError(WRONG_TYPE);
}

export function wrongArity(name: string): CommandError {
  return new CommandError(`ERR wrong number of arguments for '${name.toLowerCase()}' command`);
}

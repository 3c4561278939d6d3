// How the process ends, for those who supervise it.

export const ExitCode = {
  ok: 0,
  /** Something unexpected. */
  failure: 1,
  /** Wrong arguments or settings. */
  usage: 2,
  /** The store cannot be opened: unreachable, denied, in use, of another version. */
  store: 3,
  /** The address cannot be listened on. */
  listen: 4,
  /** An object is corrupt: an operator must look at it. */
  corrupt: 5,
  /** Another process took the shard over. Starting again takes it back: make sure that only one is meant to run. */
  deposed: 6,
} as const;

/** Ends the process with one clear sentence. */
export class ExitError extends Error {
  readonly code: number;
  constructor(code: number, message: string) {
    super(message);
    this.name = "ExitError";
    this.code = code;
  }
}

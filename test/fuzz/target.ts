// What is fuzzed, and how it is known that something broke.

export interface Target {
  /** Also the directory of its corpus. */
  readonly name: string;
  /** Throws, or rejects, when the input shows a bug: an error out of the closed set, a broken promise. The input is the target's own. */
  run(input: Uint8Array): void | Promise<void>;
  /** Repairs what would otherwise refuse every damaged input at the door, such as a checksum. */
  repair?(input: Uint8Array): Uint8Array;
}

/** Runs what may refuse its input: undefined when it did, with one of the errors that it may refuse with. */
export function refusable<T>(run: () => T, isRefusal: (error: unknown) => boolean): T | undefined {
  try {
    return run();
  } catch (error) {
    if (isRefusal(error)) return undefined;
    throw error;
  }
}

export interface TestPart {
  readonly name: string;
  readonly budgetSecs: number;
  readonly what: string;
  /** Globs of test files. */
  readonly files?: readonly string[];
  /** A name, then what Node is to run. */
  readonly commands?: readonly (readonly string[])[];
  readonly concurrency?: number;
}
export const PARTS: readonly TestPart[];
/** A part fails at this many times its budget. */
export const SLACK: number;

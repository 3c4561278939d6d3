// What a run of the model is given: bounds, and the deliberate mistakes that are switched on. And how a rule says what may happen.
import type { Mutant } from "./mutants.ts";
import type { State } from "./state.ts";

export interface Bounds {
  /** Places that may be in flight. */
  readonly window: number;
  /** How long a lease lasts, and a taker waits. */
  readonly leaseTicks: number;
  /** Chunks that A, B and C may send. */
  readonly chunks: readonly [number, number, number];
  /** Flushes that A, B and C may begin. */
  readonly flushes: readonly [number, number, number];
  /** Whether C exists. */
  readonly third: boolean;
  /** Times that a taker may start over. */
  readonly restarts: number;
  readonly releases: boolean;
  /** Suspended machines, and wall clocks that jump: in all. */
  readonly clockFaults: number;
  /** Objects that the store loses by itself, where that can be told: a window or more before the last object of the log. */
  readonly losses: number;
  /** Whether versions that are no markers are collected. */
  readonly collectVersions: boolean;
  /** Whether owners collect orphaned segments. */
  readonly orphans: boolean;
  /** The file store: whoever takes over holds a lock that the kernel drops when its holder dies. */
  readonly lock: boolean;
}

export interface Model {
  readonly bounds: Bounds;
  readonly mutants: { readonly [M in Mutant]?: boolean };
  /** Look for harm alone, not for broken lines of defence behind which others stand. */
  readonly harmOnly?: boolean;
}

/** Something that may happen next: who does it (a process, or `WORLD`), what (with a number, or -1), and how it changes the state. */
export type Step = (actor: number, what: string, number: number, change: (next: State) => void) => void;

export const WORLD = -1;

/** Says all that may happen next of one kind. */
export type Rule = (model: Model, state: State, step: Step) => void;

/** What must never happen. The last two are no harm by themselves: they are lines of defence, and the argument rests on them. */
export type Invariant =
  | "what was told is lost"
  | "an answer is older than what was told"
  | "what an owner would read is gone"
  | "two owners acknowledged different histories"
  | "a chunk counts twice"
  | "the log contradicts itself"
  | "the log has a hole"
  | "a healthy log was taken for a corrupt one"
  | "a segment that the newest manifest names is gone"
  | "a version was put where a marker had stood"
  | "an older epoch's manifest came to stand on top";

/** An invariant is broken. */
export class Violation extends Error {
  readonly invariant: Invariant;
  constructor(invariant: Invariant) {
    super(invariant);
    this.name = "Violation";
    this.invariant = invariant;
  }
}

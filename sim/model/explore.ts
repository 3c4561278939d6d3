// Breadth first through every state that the rules can reach, each state once. The first violation found is one with a shortest
// history.
import { fenceOf, signature } from "./cells.ts";
import { FoundStates } from "./found.ts";
import { EMPTY_HISTORY } from "./history.ts";
import { check } from "./invariants.ts";
import { type Invariant, type Model, type Step, Violation } from "./model.ts";
import { RULES } from "./rules/index.ts";
import { copyManifest, Phase, PROCESSES, State } from "./state.ts";

export interface Event {
  readonly actor: number;
  readonly what: string;
  readonly number: number;
}

export interface Outcome {
  readonly states: number;
  readonly steps: number;
  /** Length of the longest shortest history. */
  readonly depth: number;
  /** False when `maxStates` was reached first. */
  readonly complete: boolean;
  readonly violation: { readonly invariant: Invariant; readonly history: readonly Event[] } | undefined;
}

/** A owns the shard since the beginning; B and C have not started. */
function initial(model: Model): State {
  const state = new State();
  state.store.told = EMPTY_HISTORY;
  for (let me = 0; me < PROCESSES; me += 1) state.processes[me].view = EMPTY_HISTORY;
  const a = state.processes[0];
  a.phase = Phase.owner;
  a.epoch = 1;
  a.leaseMono = model.bounds.leaseTicks;
  a.leaseWall = model.bounds.leaseTicks;
  a.manifest.by = signature(0, 1, true);
  a.manifest.inForce = fenceOf(0, 1);
  a.manifest.covered = EMPTY_HISTORY;
  copyManifest(state.manifests[0], a.manifest);
  state.store.markers = 1;
  return state;
}

export interface ExploreOptions {
  readonly maxStates?: number;
  /** Called now and then with the number of states found and of those that were gone on from. */
  readonly onProgress?: (found: number, done: number) => void;
}

export function explore(model: Model, options: ExploreOptions = {}): Outcome {
  const { maxStates = 50_000_000, onProgress } = options;
  const found = new FoundStates();
  const next = new State();
  const state = initial(model);
  found.add(state, 0);
  let index = 0;
  let steps = 0;
  let depth = 0;
  let endOfLevel = 1;
  let last: Event | undefined;
  const step: Step = (actor, what, number, change) => {
    next.bytes.set(state.bytes);
    last = { actor, what, number };
    change(next);
    steps += 1;
    if (found.add(next, index)) check(model, next);
  };
  try {
    for (; index < found.count && found.count < maxStates; index += 1) {
      if (index === endOfLevel) {
        depth += 1;
        endOfLevel = found.count;
      }
      if (index % 10_000 === 0) onProgress?.(found.count, index);
      found.read(index, state);
      for (const rule of RULES) rule(model, state, step);
    }
  } catch (error) {
    if (!(error instanceof Violation)) throw error;
    const history = [...historyOf(model, found, index), ...(last === undefined ? [] : [last])];
    return {
      states: found.count,
      steps,
      depth,
      complete: false,
      violation: { invariant: error.invariant, history },
    };
  }
  return { states: found.count, steps, depth, complete: index === found.count, violation: undefined };
}

/** How a state is reached: the steps on the way are found again, by which of them leads from parent to child. */
function historyOf(model: Model, found: FoundStates, index: number): Event[] {
  const history: Event[] = [];
  const child = new State();
  const state = new State();
  const next = new State();
  for (let at = index; at !== 0; at = found.parentOf(at)) {
    found.read(at, child);
    found.read(found.parentOf(at), state);
    let event: Event | undefined;
    for (const rule of RULES)
      rule(model, state, (actor, what, number, change) => {
        if (event !== undefined) return;
        next.bytes.set(state.bytes);
        try {
          change(next);
        } catch (error) {
          if (error instanceof Violation) return;
          throw error;
        }
        if (Buffer.compare(next.bytes, child.bytes) === 0) event = { actor, what, number };
      });
    if (event === undefined) throw new Error("a step cannot be found again");
    history.unshift(event);
  }
  return history;
}

// What must hold in every state: whoever took over now would succeed, and would know all that anybody was ever told; and whoever may answer
// finds what it would answer with.
import { doubles, isPrefix } from "./history.ts";
import { type Model, Violation } from "./model.ts";
import { held } from "./rules/lease.ts";
import { advance, beyondWindow, type Cursor } from "./rules/log.ts";
import { Phase, PLACES, type State } from "./state.ts";

const at: Cursor = { cursor: 0, inForce: 0, afterRelease: 0, view: 0, fences: 0 };

/** Throws a Violation. */
export function check(model: Model, state: State): void {
  // Nobody can take over what is lost; that nobody does, and answers, is checked where answers are given.
  if (state.store.losses > 0) return;
  const { newest } = state;
  if ((newest.segments & ~state.store.segments) !== 0)
    throw new Violation("a segment that the newest manifest names is gone");
  at.cursor = newest.logStart;
  at.inForce = newest.inForce;
  at.afterRelease = 0;
  at.view = newest.covered;
  while (at.cursor < PLACES && state.wal[at.cursor] !== 0)
    if (!advance(model, state, at)) throw new Violation("the log contradicts itself");
  if (at.cursor < PLACES && beyondWindow(model, state, at.cursor)) throw new Violation("the log has a hole");
  if (doubles(at.view)) throw new Violation("a chunk counts twice");
  if (!isPrefix(state.store.told, at.view)) throw new Violation("what was told is lost");
  checkReads(model, state);
}

function checkReads(model: Model, { processes, wal }: State): void {
  for (const process of processes) {
    if (process.phase !== Phase.owner || !held(model, process)) continue;
    for (let place = 0; process.read >> place !== 0; place += 1)
      if ((process.read & (1 << place)) !== 0 && wal[place] === 0)
        throw new Violation("what an owner would read is gone");
  }
}

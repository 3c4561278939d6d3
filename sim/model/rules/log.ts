// Reading the log, one object at a time, as takers do and as the invariants do (read-log.ts is its counterpart in the engine).
import { epochOfFence, fenceOf, isChunk, isFence, isRelease, writerOf } from "../cells.ts";
import { extended } from "../history.ts";
import type { Model } from "../model.ts";
import { PLACES, type State } from "../state.ts";

/** What reading has come to. */
export interface Cursor {
  cursor: number;
  inForce: number;
  afterRelease: number;
  view: number;
  fences: number;
}

/** Moves the cursor over the object at it. False when the object cannot stand there. */
export function advance(model: Model, state: State, at: Cursor): boolean {
  const cell = state.wal[at.cursor];
  if (isFence(cell)) {
    if (epochOfFence(cell) <= epochOfFence(at.inForce)) return false;
    at.inForce = cell;
    at.fences |= 1 << at.cursor;
    if (!outlivesFences(model)) at.afterRelease = 0;
    at.cursor += goesOnAfter(model);
    return true;
  }
  const writer = writerOf(cell);
  if (fenceOf(writer, state.processes[writer].epoch) !== at.inForce) return false;
  if (at.afterRelease === 1 && !outlivesFences(model)) return false;
  if (isChunk(cell)) at.view = extended(at.view, cell);
  if (isRelease(cell)) at.afterRelease = 1;
  at.cursor += 1;
  return true;
}

/** By mistake, a release counts for whoever fences later. */
function outlivesFences(model: Model): boolean {
  return model.mutants["skip the wait after someone else's fence"] === true;
}

/** Where the log goes on after a fence, counted from it. */
export function goesOnAfter(model: Model): number {
  return model.mutants["continue inside the old window"] === true ? 1 : model.bounds.window;
}

/** Whether something stands so far beyond an empty place that the place cannot be the end of the log. */
export function beyondWindow(model: Model, state: State, place: number): boolean {
  for (let beyond = place + model.bounds.window; beyond < PLACES; beyond += 1) if (state.wal[beyond] !== 0) return true;
  return false;
}

// A store that loses an object breaks its promise, and what it held is gone. Then nobody may go on as if it had never been.
// Chunks alone, and where no fence is on its way: against a store that loses fences, or fills what it has lost, nothing helps.
import { isChunk } from "../cells.ts";
import { type Rule, WORLD } from "../model.ts";
import { PLACES, type State } from "../state.ts";
import { beyondWindow } from "./log.ts";
import { placeOf } from "./network.ts";

export const loss: Rule = (model, state, step) => {
  if (state.store.losses >= model.bounds.losses) return;
  for (let place = state.newest.logStart; place < PLACES; place += 1) {
    if (!isChunk(state.wal[place]) || !beyondWindow(model, state, place) || fenceUnderWay(state, place)) continue;
    step(WORLD, "the store loses what stood at place", place, (next) => {
      next.wal[place] = 0;
      next.store.losses += 1;
    });
  }
};

function fenceUnderWay(state: State, place: number): boolean {
  return state.processes.some(({ attempt0, attempt1, attempt2 }) =>
    [attempt0, attempt1, attempt2].some((attempt) => attempt !== 0 && placeOf(attempt) === place),
  );
}

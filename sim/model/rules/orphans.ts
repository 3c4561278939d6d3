// Collecting segments that no manifest will ever name: their writers had died, or had been deposed, before their manifest was in.
import type { Model, Rule } from "../model.ts";
import { Flushing, Orphans, Phase, PROCESSES, SEGMENTS_PER_PROCESS, type State } from "../state.ts";
import { end } from "./end.ts";

export const orphans: Rule = (model, state, step) => {
  if (!model.bounds.orphans) return;
  const listedLate = model.mutants["list orphans after seeing the version newest"] === true;
  for (let me = 0; me < PROCESSES; me += 1) {
    const process = state.processes[me];
    if (process.phase !== Phase.owner || process.flushing !== Flushing.nothing) continue;
    const newest = state.newestVersion === process.version;
    const listed = candidates(model, state, me);
    if (process.orphans === Orphans.nothing) {
      if (listedLate) {
        if (newest)
          step(me, "sees its manifest newest, to collect orphans", -1, (next) => {
            next.processes[me].orphans = Orphans.begun;
          });
      } else if (listed !== 0) {
        step(me, "lists candidates for orphans", -1, (next) => {
          next.processes[me].orphans = Orphans.begun;
          next.processes[me].candidates = listed;
        });
      }
    } else if (process.orphans === Orphans.begun) {
      if (listedLate) step(me, "lists orphans, and sends their deletes", -1, (next) => collect(next, me, listed));
      else if (newest)
        step(me, "sees its manifest newest, and sends the orphans' deletes", -1, (next) =>
          collect(next, me, process.candidates),
        );
      else step(me, "is deposed by a newer manifest", -1, (next) => end(next, me));
    }
  }
};

/** Segments of older epochs, as bits. */
function candidates(model: Model, state: State, me: number): number {
  const { segments } = state.store;
  let found = 0;
  for (let segment = 0; segments >> segment !== 0; segment += 1) {
    const writer = (segment / SEGMENTS_PER_PROCESS) | 0;
    const older =
      model.mutants["collect orphans of any epoch"] === true
        ? writer !== me
        : state.processes[writer].epoch < state.processes[me].epoch;
    if (older) found |= segments & (1 << segment);
  }
  return found;
}

function collect(next: State, me: number, found: number): void {
  const process = next.processes[me];
  next.store.deletedSegments |= found & ~process.manifest.segments;
  process.orphans = Orphans.done;
  process.candidates = 0;
}

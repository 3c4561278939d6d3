// The lease (lease.ts, and ensureLease in chunk-log.ts): earned by chunks and by looking ahead, and what is answered under it.
import { writerOf } from "../cells.ts";
import { isPrefix } from "../history.ts";
import { type Model, type Rule, type Step, Violation } from "../model.ts";
import { Phase, PLACES, PROCESSES, type Process, type State } from "../state.ts";
import { end } from "./end.ts";

export const lease: Rule = (model, state, step) => {
  for (let me = 0; me < PROCESSES; me += 1) {
    const process = state.processes[me];
    const alive = process.phase === Phase.owner;
    if (!alive && !(process.phase === Phase.released && outlivesRelease(model))) continue;
    if (alive && !held(model, process) && process.looking === 0) lookAhead(model, state, me, step);
    if (process.looking !== 0)
      step(me, "hears that the next place was empty", -1, (next) => heard(model, next.processes[me]));
    if (held(model, process) && process.view !== state.store.told)
      step(me, "answers from what it knows", -1, (next) => answer(next, me));
  }
};

/** Only by mistake: who has released forgets its lease. */
export function outlivesRelease(model: Model): boolean {
  return (
    model.mutants["release with puts in flight"] === true ||
    model.mutants["let a look ahead earn a lease after the release"] === true
  );
}

/** Whether it may answer. Elapsed time is the larger of both clocks' readings. */
export function held(model: Model, process: Process): boolean {
  if (model.bounds.lock || model.mutants["answer without a lease"] === true) return process.phase === Phase.owner;
  if (model.mutants["measure the lease by the monotonic clock alone"] === true)
    return process.leaseMono < model.bounds.leaseTicks;
  return Math.max(process.leaseMono, process.leaseWall) < model.bounds.leaseTicks;
}

/** Counts from an instant so long ago. Never shortens a lease. */
export function earn(process: Process, mono: number, wall: number): void {
  if (mono > process.leaseMono) return;
  process.leaseMono = mono;
  process.leaseWall = wall;
}

/** The get takes effect where it starts: later it would prove more, and be counted from here all the same. */
function lookAhead(model: Model, state: State, me: number, step: Step): void {
  const { start, sent, acked } = state.processes[me];
  const attempted = model.mutants["take an empty place for a lease after a put there"] === true;
  if (sent !== acked && !attempted) return;
  const place = start + acked;
  if (place >= PLACES) return;
  const cell = state.wal[place];
  if (cell === 0)
    step(me, "looks ahead, and finds empty place", place, (next) => {
      const process = next.processes[me];
      process.looking = 1 + sent;
      process.lookMono = 0;
      process.lookWall = 0;
    });
  else if (writerOf(cell) !== me)
    step(me, "looks ahead, and is deposed by what it finds at place", place, (next) => end(next, me));
}

function heard(model: Model, process: Process): void {
  const unattempted =
    (process.looking === 1 + process.sent && process.phase === Phase.owner) ||
    model.mutants["take an empty place for a lease after a put there"] === true ||
    model.mutants["let a look ahead earn a lease after the release"] === true;
  const late = model.mutants["count a lease from the end of the get"] === true;
  if (unattempted) earn(process, late ? 0 : process.lookMono, late ? 0 : process.lookWall);
  process.looking = 0;
  process.lookMono = 0;
  process.lookWall = 0;
}

function answer(next: State, me: number): void {
  const { view } = next.processes[me];
  if (!isPrefix(next.store.told, view)) throw new Violation("an answer is older than what was told");
  next.store.told = view;
}

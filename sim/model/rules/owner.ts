// The owner's log (chunk-log.ts): chunks sent within the window, learnt of, and acknowledged in order; and the release.
import { chunkOf, OTHER_BYTES, writerOf } from "../cells.ts";
import { extended, isPrefix } from "../history.ts";
import { type Model, type Rule, type Step, Violation } from "../model.ts";
import { Phase, PLACES, PROCESSES, type Process, type State } from "../state.ts";
import { end, NO_LEASE } from "./end.ts";
import { earn, outlivesRelease } from "./lease.ts";

export const owner: Rule = (model, state, step) => {
  for (let me = 0; me < PROCESSES; me += 1) {
    const process = state.processes[me];
    if (process.phase === Phase.owner) {
      send(model, process, me, step);
      release(model, process, me, step);
    }
    const lateAcks = process.phase === Phase.released && model.mutants["release with puts in flight"] === true;
    if (process.phase === Phase.owner || lateAcks) learn(model, state, me, step);
    if (process.phase === Phase.waiting && model.mutants["release before the own wait has ended"] === true)
      step(me, "releases before its wait has ended", -1, (next) => {
        const releasing = next.processes[me];
        releasing.start = releasing.cursor + model.bounds.window;
        releasing.phase = Phase.released;
        end(next, me);
      });
  }
};

function send(model: Model, process: Process, me: number, step: Step): void {
  const { start, sent, acked } = process;
  const window = model.bounds.window + (model.mutants["send beyond the window"] === true ? 1 : 0);
  if (sent >= model.bounds.chunks[me] || sent >= acked + window || start + sent >= PLACES) return;
  step(me, "sends a chunk to place", start + sent, (next) => {
    const sending = next.processes[me];
    sending.sent += 1;
    setAge(sending, sent, 0, 0);
    if (model.mutants["acknowledge before durable"] === true) stored(model, next, me, sent);
  });
}

function learn(model: Model, state: State, me: number, step: Step): void {
  const { start, sent, landed, stored: known, rebound } = state.processes[me];
  for (let k = 0; k < sent; k += 1) {
    if ((known & (1 << k)) !== 0) continue;
    const cell = state.wal[start + k];
    if ((landed & (1 << k)) !== 0 || (cell !== 0 && writerOf(cell) === me))
      step(me, "learns that its chunk is in at place", start + k, (next) => stored(model, next, me, k));
    else if (cell !== 0) step(me, "is deposed by what it finds at place", start + k, (next) => end(next, me));
    if (model.mutants["count a lease from a retry of the put"] === true)
      step(me, "retries its put to place", start + k, (next) => setAge(next.processes[me], k, 0, 0));
    if (model.mutants["refill a place with other bytes"] === true && me === 0 && k === 0 && rebound === 0)
      step(me, "sends other bytes to place", start + k, (next) => {
        next.processes[me].rebound = 1;
      });
  }
}

/** A chunk is known to be in its place: it is acknowledged, with those behind it, once all before it are. */
function stored(model: Model, next: State, me: number, k: number): void {
  const process = next.processes[me];
  process.stored |= 1 << k;
  if (model.mutants["acknowledge out of order"] === true) {
    acknowledge(next, me, k);
    process.acked = Math.max(process.acked, k + 1);
    return;
  }
  while (process.acked < process.sent && (process.stored & (1 << process.acked)) !== 0) {
    const first = process.acked;
    const late = model.mutants["count a lease from the end of the put"] === true;
    const [mono, wall] = late ? [0, 0] : ageOf(process, first);
    acknowledge(next, me, first);
    if (process.phase === Phase.owner || model.mutants["let a chunk earn a lease after the release"] === true)
      earn(process, mono, wall);
    setAge(process, first, 0, 0);
    process.acked += 1;
  }
}

/** A client is told that its records are durable, and with that all before them. */
function acknowledge(next: State, me: number, k: number): void {
  const process = next.processes[me];
  process.view = extended(process.view, process.rebound === 1 && k === 0 ? OTHER_BYTES : chunkOf(me, k));
  if (isPrefix(next.store.told, process.view)) next.store.told = process.view;
  else if (!isPrefix(process.view, next.store.told)) throw new Violation("two owners acknowledged different histories");
}

function release(model: Model, process: Process, me: number, step: Step): void {
  const { start, sent, acked } = process;
  if (!model.bounds.releases || start + sent >= PLACES) return;
  const drained = sent === acked || model.mutants["release with puts in flight"] === true;
  if (!drained) return;
  step(me, "stops answering, and sends a release to place", start + sent, (next) => {
    const releasing = next.processes[me];
    releasing.phase = Phase.released;
    // The lease is dropped for good, and with it all that is kept of an owner.
    if (!outlivesRelease(model)) end(next, me);
    releasing.leaseMono = NO_LEASE;
    releasing.leaseWall = NO_LEASE;
  });
}

export function ageOf(process: Process, k: number): [mono: number, wall: number] {
  return k === 0 ? [process.chunk0Mono, process.chunk0Wall] : [process.chunk1Mono, process.chunk1Wall];
}

export function setAge(process: Process, k: number, mono: number, wall: number): void {
  if (k === 0) {
    process.chunk0Mono = mono;
    process.chunk0Wall = wall;
  } else {
    process.chunk1Mono = mono;
    process.chunk1Wall = wall;
  }
}

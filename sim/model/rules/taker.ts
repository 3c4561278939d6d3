// Taking over (takeover.ts): read, fence, list again, mark, list once more, wait.
import { epochOfFence, epochOfManifest, isChunk, isFence, signature, writerOf } from "../cells.ts";
import { EMPTY_HISTORY } from "../history.ts";
import { type Model, type Rule, type Step, Violation } from "../model.ts";
import { copyManifest, Phase, PLACES, PROCESSES, type Process, Putting, type State, VERSIONS } from "../state.ts";
import { end } from "./end.ts";
import { advance, beyondWindow, goesOnAfter } from "./log.ts";
import { attemptOf, forgetManifest } from "./network.ts";

export const taker: Rule = (model, state, step) => {
  for (let me = 1; me < PROCESSES; me += 1) {
    switch (state.processes[me].phase) {
      case Phase.idle:
        if (mayStart(model, state, me)) step(me, "loads the newest manifest", -1, (next) => load(model, next, me));
        break;
      case Phase.reading:
        read(model, state, me, step);
        break;
      case Phase.fencing:
        learnOfFence(state, me, step);
        break;
      case Phase.fenced:
        listAgain(model, state, me, step);
        break;
      case Phase.marking:
        learnOfMarker(model, state, me, step);
        break;
      case Phase.marked:
        listOnceMore(model, state, me, step);
        break;
      case Phase.waiting:
        if (mayOwn(model, state.processes[me])) step(me, "becomes the owner", -1, (next) => own(model, next, me));
        break;
    }
  }
};

/** B before C, who does not differ from it. */
function mayStart(model: Model, state: State, me: number): boolean {
  if (me === 2 && (!model.bounds.third || !started(state.processes[1]))) return false;
  if (!model.bounds.lock || model.mutants["take a pid file for a lock"] === true) return true;
  for (let other = 0; other < PROCESSES; other += 1) {
    const { phase } = state.processes[other];
    if (other !== me && phase !== Phase.ended && phase !== Phase.idle) return false;
  }
  return true;
}

function started(process: Process): boolean {
  return process.phase !== Phase.idle || process.restarts > 0;
}

function load(_model: Model, next: State, me: number): void {
  const process = next.processes[me];
  const { newest } = next;
  process.phase = Phase.reading;
  process.cursor = newest.logStart;
  process.loadedStart = newest.logStart;
  process.loadedVersion = next.newestVersion;
  process.read = 0;
  process.inForce = newest.inForce;
  process.epochSeen = epochOfManifest(newest.by);
  process.afterRelease = 0;
  process.fences = 0;
  process.view = newest.covered;
}

function read(model: Model, state: State, me: number, step: Step): void {
  const { cursor, attempt2 } = state.processes[me];
  if (cursor >= PLACES) return;
  if (state.wal[cursor] !== 0) {
    step(me, "reads place", cursor, (next) => {
      const process = next.processes[me];
      if (isChunk(next.wal[cursor])) process.read |= 1 << cursor;
      if (advance(model, next, process)) {
        process.epochSeen = Math.max(process.epochSeen, epochOfFence(process.inForce));
        return;
      }
      // A contradiction. It is none of the log's if the log was collected under the reader meanwhile.
      const collected = state.newest.logStart > process.loadedStart;
      if (!collected || model.mutants["take any contradiction for corruption"] === true)
        throw new Violation("a healthy log was taken for a corrupt one");
      startOver(model, next, me);
    });
    return;
  }
  if (beyondWindow(model, state, cursor) && model.mutants["take a missing object for the end"] !== true) {
    step(me, "misses an object at place", cursor, (next) => startOver(model, next, me));
    return;
  }
  if (readInVain(model, state, state.processes[me])) {
    step(me, "lists the manifests, and sees the log collected that it has read", -1, (next) =>
      startOver(model, next, me),
    );
    return;
  }
  if (attempt2 !== 0) return;
  if (model.mutants["skip the fence"] === true) {
    step(me, "takes for the end place", cursor, (next) => {
      const process = next.processes[me];
      process.epoch = process.epochSeen + 1;
      process.phase = Phase.fenced;
    });
    return;
  }
  step(me, "sends a fence to place", cursor, (next) => {
    const process = next.processes[me];
    process.epoch = process.epochSeen + 1;
    process.phase = Phase.fencing;
    process.fenceLanded = 0;
    const attempt = attemptOf(cursor, process.epoch);
    if (process.attempt0 === 0) process.attempt0 = attempt;
    else if (process.attempt1 === 0) process.attempt1 = attempt;
    else process.attempt2 = attempt;
  });
}

/** Whether what was read, or part of it, has been collected since: then other fences may stand there by now. */
function readInVain(model: Model, state: State, process: Process): boolean {
  return model.mutants["skip the listing before the fence"] !== true && state.newest.logStart > process.loadedStart;
}

function learnOfFence(state: State, me: number, step: Step): void {
  const { cursor, fenceLanded } = state.processes[me];
  const cell = state.wal[cursor];
  if (fenceLanded === 1 || (isFence(cell) && writerOf(cell) === me)) {
    step(me, "learns that its fence is in at place", cursor, (next) => {
      const process = next.processes[me];
      process.phase = Phase.fenced;
      process.fenceLanded = 0;
      process.fences |= 1 << cursor;
      process.waitMono = 0;
      process.waitWall = 0;
    });
  } else if (cell !== 0) {
    step(me, "lost the race, and reads on at place", cursor, (next) => {
      next.processes[me].phase = Phase.reading;
    });
  }
}

function listAgain(model: Model, state: State, me: number, step: Step): void {
  const version = state.newestVersion + 1;
  if (version >= VERSIONS) return;
  step(me, "lists the manifests again, and sends a marker as version", version, (next) => {
    const process = next.processes[me];
    const { newest } = next;
    if (model.mutants["skip the second listing"] !== true) {
      const isOlder = epochOfManifest(newest.by) >= process.epoch;
      const goesOn = isOlder
        ? model.mutants["put an older epoch's marker on top"] === true
        : next.newestVersion === process.loadedVersion ||
          (model.mutants["go on although the log was flushed"] === true && newest.logStart <= process.cursor);
      if (!goesOn) {
        startOver(model, next, me);
        return;
      }
    }
    copyManifest(process.manifest, newest);
    process.manifest.by = signature(me, process.epoch, true);
    process.manifest.fences |= process.fences;
    process.version = version;
    process.putting = Putting.sent;
    process.phase = Phase.marking;
  });
}

function learnOfMarker(model: Model, state: State, me: number, step: Step): void {
  const { putting, version } = state.processes[me];
  if (putting === Putting.landed) {
    step(me, "learns that its marker is in as version", version, (next) => {
      const process = next.processes[me];
      process.putting = Putting.nothing;
      process.phase = model.mutants["skip the listing after the marker"] === true ? Phase.waiting : Phase.marked;
    });
  } else if (state.manifests[version].by !== 0) {
    step(me, "finds another's manifest as version", version, (next) => startOver(model, next, me));
  }
}

function listOnceMore(model: Model, state: State, me: number, step: Step): void {
  const newest = state.newestVersion === state.processes[me].version;
  step(me, newest ? "sees its marker newest" : "sees another's manifest newest", -1, (next) => {
    if (newest) next.processes[me].phase = Phase.waiting;
    else startOver(model, next, me);
  });
}

function startOver(model: Model, next: State, me: number): void {
  const process = next.processes[me];
  if (process.restarts >= model.bounds.restarts) {
    end(next, me);
    return;
  }
  process.restarts += 1;
  process.phase = Phase.idle;
  process.epoch = 0;
  process.cursor = 0;
  process.inForce = 0;
  process.epochSeen = 0;
  process.afterRelease = 0;
  process.loadedStart = 0;
  process.loadedVersion = 0;
  process.read = 0;
  process.fences = 0;
  process.view = EMPTY_HISTORY;
  process.waitMono = 0;
  process.waitWall = 0;
  forgetManifest(next, me);
}

function mayOwn(model: Model, process: Process): boolean {
  if (model.bounds.lock || process.afterRelease === 1 || model.mutants["skip the wait"] === true) return true;
  const waited = model.mutants["measure the wait by the wall clock"] === true ? process.waitWall : process.waitMono;
  return waited >= model.bounds.leaseTicks;
}

function own(model: Model, next: State, me: number): void {
  const process = next.processes[me];
  process.phase = Phase.owner;
  process.start = process.cursor + goesOnAfter(model);
  process.cursor = 0;
  process.inForce = 0;
  process.epochSeen = 0;
  process.afterRelease = 0;
  process.loadedStart = 0;
  process.loadedVersion = 0;
  process.restarts = 0;
  process.fences = 0;
  process.waitMono = 0;
  process.waitWall = 0;
  process.leaseMono = model.bounds.leaseTicks;
  process.leaseWall = model.bounds.leaseTicks;
}

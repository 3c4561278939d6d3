// What was sent arrives, at any time from then on, and as often as its place is empty: retries are the same bytes under the same
// key, so a put that was once sent may take effect long after its sender has heard of it, given up, or died. Deletes likewise.
import { chunkOf, epochOfManifest, fenceOf, isMarker, OTHER_BYTES, releaseOf } from "../cells.ts";
import { type Model, type Rule, type Step, Violation, WORLD } from "../model.ts";
import {
  clearManifest,
  copyManifest,
  Phase,
  PLACES,
  PROCESSES,
  type Process,
  Putting,
  type State,
  VERSIONS,
} from "../state.ts";

export const network: Rule = (model, state, step) => {
  for (let me = 0; me < PROCESSES; me += 1) {
    chunksArrive(state, me, step);
    fencesArrive(state, me, step);
    releaseArrives(state, me, step);
    manifestArrives(model, state, me, step);
  }
  deletesArrive(state, step);
};

function chunksArrive(state: State, me: number, step: Step): void {
  const { start, sent, rebound } = state.processes[me];
  for (let k = 0; k < sent; k += 1) {
    const place = start + k;
    if (state.wal[place] !== 0) continue;
    step(me, "its chunk arrives at place", place, (next) => chunkArrives(next, me, k, chunkOf(me, k)));
    if (rebound === 1 && k === 0)
      step(me, "the other bytes arrive at place", place, (next) => chunkArrives(next, me, k, OTHER_BYTES));
  }
}

function chunkArrives(next: State, me: number, k: number, chunk: number): void {
  const process = next.processes[me];
  next.wal[process.start + k] = chunk;
  if (process.phase === Phase.owner || process.phase === Phase.released) process.landed |= 1 << k;
}

/** A fence that was sent: place and epoch. 0 is none, and no fence has epoch 0. */
export function attemptOf(place: number, epoch: number): number {
  return place | (epoch << 4);
}

export function placeOf(attempt: number): number {
  return attempt & 15;
}

function fencesArrive(state: State, me: number, step: Step): void {
  const { attempt0, attempt1, attempt2 } = state.processes[me];
  if (attempt0 !== 0) fenceArrives(state, me, attempt0, step);
  if (attempt1 !== 0) fenceArrives(state, me, attempt1, step);
  if (attempt2 !== 0) fenceArrives(state, me, attempt2, step);
}

function fenceArrives(state: State, me: number, attempt: number, step: Step): void {
  const place = placeOf(attempt);
  if (state.wal[place] !== 0) return;
  step(me, "its fence arrives at place", place, (next) => {
    const process = next.processes[me];
    next.wal[place] = fenceOf(me, attempt >> 4);
    if (process.phase === Phase.fencing && process.cursor === place) process.fenceLanded = 1;
  });
}

function releaseArrives(state: State, me: number, step: Step): void {
  const process = state.processes[me];
  const place = process.start + process.sent;
  if (process.phase !== Phase.released || state.wal[place] !== 0) return;
  step(me, "its release arrives at place", place, (next) => {
    next.wal[place] = releaseOf(me);
  });
}

function manifestArrives(model: Model, state: State, me: number, step: Step): void {
  const { putting, version } = state.processes[me];
  if (putting !== Putting.sent || state.manifests[version].by !== 0) return;
  step(me, "its manifest arrives as version", version, (next) => {
    const process = next.processes[me];
    if (model.harmOnly !== true) checkChain(next, process);
    copyManifest(next.manifests[version], process.manifest);
    if (isMarker(process.manifest.by)) next.store.markers |= 1 << version;
    if (process.phase === Phase.ended || process.phase === Phase.released) forgetManifest(next, me);
    else process.putting = Putting.landed;
  });
}

/** Versions are a chain of epochs that never goes back, and a marker's version is that marker for ever. */
function checkChain(state: State, { version, manifest }: Process): void {
  if ((state.store.markers & (1 << version)) !== 0) throw new Violation("a version was put where a marker had stood");
  if (version > state.newestVersion && epochOfManifest(manifest.by) < epochOfManifest(state.newest.by))
    throw new Violation("an older epoch's manifest came to stand on top");
}

/** A process that has ended, or starts over, puts no manifest any more. */
export function forgetManifest(next: State, me: number): void {
  const process = next.processes[me];
  process.putting = Putting.nothing;
  process.version = 0;
  clearManifest(process.manifest);
}

function deletesArrive(state: State, step: Step): void {
  const { deletedPlaces, deletedVersions, deletedSegments, segments } = state.store;
  for (let place = 0; place < PLACES; place += 1) {
    if ((deletedPlaces & (1 << place)) === 0 || state.wal[place] === 0) continue;
    step(WORLD, "a delete arrives at place", place, (next) => {
      next.wal[place] = 0;
    });
  }
  for (let version = 0; version < VERSIONS; version += 1) {
    if ((deletedVersions & (1 << version)) === 0 || state.manifests[version].by === 0) continue;
    step(WORLD, "a delete arrives at manifest version", version, (next) => {
      clearManifest(next.manifests[version]);
    });
  }
  const going = deletedSegments & segments;
  for (let segment = 0; going >> segment !== 0; segment += 1) {
    if ((going & (1 << segment)) === 0) continue;
    step(WORLD, "a delete arrives at segment", segment, (next) => {
      next.store.segments &= ~(1 << segment);
    });
  }
}

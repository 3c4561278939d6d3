// Flushing the log into a segment and a manifest version, and then collecting what that has made unreachable. A flush adds a segment; a merge
// rewrites all that there are into one.
import { chunkOf, fenceOf, isMarker, signature } from "../cells.ts";
import { extended } from "../history.ts";
import type { Model, Rule, Step } from "../model.ts";
import {
  Flushing,
  Phase,
  PLACES,
  PROCESSES,
  type Process,
  Putting,
  SEGMENTS_PER_PROCESS,
  type State,
  VERSIONS,
} from "../state.ts";
import { end } from "./end.ts";

export const flush: Rule = (model, state, step) => {
  for (let me = 0; me < PROCESSES; me += 1) {
    if (state.processes[me].phase !== Phase.owner) continue;
    switch (state.processes[me].flushing) {
      case Flushing.nothing:
        begin(model, state, me, step);
        break;
      case Flushing.sent:
        learnOfManifest(state, me, step);
        if (model.mutants["delete before the manifest is known to be in"] === true)
          step(me, "sends deletes before it knows of its manifest", -1, (next) => collect(model, next, me));
        break;
      case Flushing.stored:
        confirm(state, me, step);
        if (model.mutants["delete on an unconfirmed manifest"] === true)
          step(me, "sends deletes without listing the manifests", -1, (next) => collect(model, next, me));
        break;
      case Flushing.confirmed:
        step(me, "sends deletes of what its manifest has made unreachable", -1, (next) => collect(model, next, me));
        break;
    }
  }
};

function begin(model: Model, state: State, me: number, step: Step): void {
  const process = state.processes[me];
  const logStart = process.start + process.acked;
  const version = process.version + 1;
  if (process.flushes >= model.bounds.flushes[me] || version >= VERSIONS) return;
  if (logStart > process.manifest.logStart)
    step(me, "writes a segment, and sends a manifest that adds it as version", version, (next) =>
      send(model, next, me, logStart, false),
    );
  if (process.manifest.segments !== 0)
    step(me, "rewrites the segments, and sends a manifest that names the new one as version", version, (next) =>
      send(model, next, me, logStart, true),
    );
}

function send(model: Model, next: State, me: number, logStart: number, rewritten: boolean): void {
  const process = next.processes[me];
  const { manifest } = process;
  const segment = 1 << (me * SEGMENTS_PER_PROCESS + process.flushes);
  process.unreachable = rewritten ? manifest.segments : 0;
  manifest.by = signature(me, process.epoch, false);
  manifest.logStart = logStart;
  manifest.inForce = fenceOf(me, process.epoch);
  manifest.segments = rewritten ? segment : manifest.segments | segment;
  manifest.covered = cut(model, process, me);
  next.store.segments |= segment;
  process.version += 1;
  process.putting = Putting.sent;
  process.flushing = Flushing.sent;
  process.flushes += 1;
}

/** What a segment tells of: all that is known to be durable, which is all that stands before where the log goes on. */
function cut(model: Model, { view, acked, sent }: Process, me: number): number {
  let covered = view;
  if (model.mutants["cut what is in flight"] === true)
    for (let k = acked; k < sent; k += 1) covered = extended(covered, chunkOf(me, k));
  return covered;
}

function learnOfManifest(state: State, me: number, step: Step): void {
  const { putting, version } = state.processes[me];
  if (putting === Putting.landed)
    step(me, "learns that its manifest is in as version", version, (next) => {
      next.processes[me].putting = Putting.nothing;
      next.processes[me].flushing = Flushing.stored;
    });
  else if (state.manifests[version].by !== 0)
    step(me, "is deposed by another's manifest as version", version, (next) => end(next, me));
}

function confirm(state: State, me: number, step: Step): void {
  const newest = state.newestVersion === state.processes[me].version;
  step(me, newest ? "sees its manifest newest" : "is deposed by a newer manifest", -1, (next) => {
    if (newest) next.processes[me].flushing = Flushing.confirmed;
    else end(next, me);
  });
}

function collect(model: Model, next: State, me: number): void {
  const process = next.processes[me];
  const { logStart, fences } = process.manifest;
  const kept = model.mutants["collect a fence"] === true ? 0 : fences;
  for (let place = 0; place < logStart && place < PLACES; place += 1)
    if (next.wal[place] !== 0 && (kept & (1 << place)) === 0) next.store.deletedPlaces |= 1 << place;
  if (model.bounds.collectVersions) {
    for (let version = 0; version < process.version; version += 1) {
      const { by } = next.manifests[version];
      if (by !== 0 && (!isMarker(by) || model.mutants["collect a marker"] === true))
        next.store.deletedVersions |= 1 << version;
    }
  }
  // Whoever reads is sent to the segment first.
  process.read &= -1 << logStart;
  next.store.deletedSegments |= process.unreachable;
  process.unreachable = 0;
  process.flushing = Flushing.nothing;
  if (process.putting === Putting.landed) process.putting = Putting.nothing;
}

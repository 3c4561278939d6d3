// The end of a process: deposed, given up, or crashed. What it has sent may still arrive; nothing else of it matters.
// A frozen process needs no rule: it is one that takes no step.
import type { Rule } from "../model.ts";
import { Phase, PROCESSES, Putting, type State } from "../state.ts";
import { forgetManifest } from "./network.ts";

/** The age of a lease that was dropped: older than any. */
export const NO_LEASE = 255;

export function end(next: State, me: number): void {
  const process = next.processes[me];
  process.phase = process.phase === Phase.released ? Phase.released : Phase.ended;
  process.cursor = 0;
  process.inForce = 0;
  process.epochSeen = 0;
  process.afterRelease = 0;
  process.loadedStart = 0;
  process.loadedVersion = 0;
  process.read = 0;
  process.restarts = 0;
  process.fenceLanded = 0;
  process.fences = 0;
  process.view = 0;
  process.waitMono = 0;
  process.waitWall = 0;
  process.leaseMono = NO_LEASE;
  process.leaseWall = NO_LEASE;
  process.lookMono = 0;
  process.lookWall = 0;
  process.chunk0Mono = 0;
  process.chunk0Wall = 0;
  process.chunk1Mono = 0;
  process.chunk1Wall = 0;
  process.looking = 0;
  process.landed = 0;
  process.stored = 0;
  process.acked = 0;
  process.flushing = 0;
  process.flushes = 0;
  process.orphans = 0;
  process.candidates = 0;
  process.unreachable = 0;
  if (process.putting !== Putting.sent) forgetManifest(next, me);
}

/** Crashes matter only where the kernel drops the lock of who has crashed: elsewhere a crash is a freeze without end. */
export const crash: Rule = (model, state, step) => {
  if (!model.bounds.lock) return;
  for (let me = 0; me < PROCESSES; me += 1) {
    const { phase } = state.processes[me];
    if (phase === Phase.ended || phase === Phase.idle) continue;
    step(me, "crashes", -1, (next) => end(next, me));
  }
};

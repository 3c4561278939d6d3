// What processes hold: queues and memory within their bounds all the time, and at rest nothing at all. Looks, and changes nothing.
import { Lane } from "./world/scheduler.ts";
import type { World } from "./world/world.ts";

const MAX_APPEND_BYTES = 129 * 1024 * 1024;
const MAX_CACHED_BYTES = 330 * 1024 * 1024;
const MAX_TIMERS = 400;
/** Requests that an owner has under way at most for itself, and for all readers ahead of what they want. */
const WRITER_REQUESTS = 16;
const READ_AHEAD_REQUESTS = 32;
/** Of a flush, which gets or puts, and of deletes behind it. */
const FLUSH_REQUESTS = 8 + 8;
/** A merge asks for one thing at a time. */
const MERGE_REQUESTS = 1;
/** An idle process waits for one thing: what expires next, days ahead. */
const MAX_IDLE_TIMERS = 1;
/** Bounds are looked at this often. */
const INSPECTION_MS = 500;
/** The usage of the last minute is written at its end; a log at rest is flushed a minute and a half later, and its chunks, and what was merged, go a good minute
 * after that. Late requests of the past arrive sooner. */
const SETTLING_MS = 320_000;
/** For this long nothing may happen in the end. */
const SILENT_MS = 60_000;

const inspector = new Lane("inspector");

/** Looks now and every while, for as long as `goesOn`. `clients`: each may wait for one thing from the store. */
export function watchBounds(world: World, clients: () => number, goesOn: () => boolean): void {
  const maxRequests = WRITER_REQUESTS + READ_AHEAD_REQUESTS + FLUSH_REQUESTS + MERGE_REQUESTS + clients() + 1;
  for (const { process } of world.sites) {
    if (process === undefined || process.over) continue;
    const stats = process.engine.stats();
    const bounds: readonly (readonly [string, number, number])[] = [
      ["bytes in flight", stats.inFlightAppendBytes, MAX_APPEND_BYTES],
      ["waiting bytes", stats.waitingAppendBytes, MAX_APPEND_BYTES],
      ["cached bytes", stats.cachedBytes, MAX_CACHED_BYTES],
      ["timers", process.runtime.pendingTimers, MAX_TIMERS],
      ["requests to the store", process.store.underWay, maxRequests],
    ];
    for (const [what, value, bound] of bounds)
      if (value > bound) world.violation(`${process.name} has ${value} ${what}, over ${bound}`);
  }
  if (!goesOn()) return;
  world.scheduler.after(INSPECTION_MS, inspector, "inspects", () => watchBounds(world, clients, goesOn));
}

/** At rest nothing happens, nothing is asked of the store, and nothing is kept. Nobody may be asking for anything. */
export async function silence(world: World): Promise<void> {
  const { scheduler, bucket, sites } = world;
  await scheduler.run(() => false, scheduler.nowMs + SETTLING_MS);
  const { requests } = bucket;
  const { steps } = scheduler;
  await scheduler.run(() => false, scheduler.nowMs + SILENT_MS);
  if (bucket.requests !== requests)
    world.violation(`${bucket.requests - requests} requests to the store in a silent minute`);
  if (scheduler.steps !== steps) world.violation(`${scheduler.steps - steps} events happened in a silent minute`);
  for (const { process } of sites) {
    if (process === undefined || process.over) continue;
    const { pendingTimers } = process.runtime;
    if (pendingTimers > MAX_IDLE_TIMERS)
      world.violation(`${process.name} has ${pendingTimers} timers in a silent minute`);
    const { active } = process;
    const { inFlightAppendBytes, waitingAppendBytes, cachedBytes, activeReaders } = process.engine.stats();
    const kept = { requests: active, inFlightAppendBytes, waitingAppendBytes, cachedBytes, activeReaders };
    for (const [what, value] of Object.entries(kept))
      if (value !== 0) world.violation(`${process.name} has ${value} ${what} in a silent minute`);
  }
}

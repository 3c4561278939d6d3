// Time passes, in ticks, for all at once. The adversary may suspend a machine for a tick (its monotonic clock stands still),
// hold its wall clock back for a tick, or put it far ahead: `clockFaults` times in all, so that in one lease no machine loses time on
// both of its clocks. That is what the protocol assumes of clocks; nobody ever compares two machines' clocks.
import { type Model, type Rule, WORLD } from "../model.ts";
import { Phase, PROCESSES, type Process, type State } from "../state.ts";
import { outlivesRelease } from "./lease.ts";
import { ageOf, setAge } from "./owner.ts";

export const time: Rule = (model, state, step) => {
  if (model.bounds.lock) return;
  step(WORLD, "time passes", -1, (next) => pass(model, next, WORLD, WORLD));
  if (state.store.clockFaults >= model.bounds.clockFaults) return;
  for (let me = 0; me < PROCESSES; me += 1) {
    const { phase } = state.processes[me];
    if (phase === Phase.ended || phase === Phase.idle) continue;
    step(me, "is suspended while time passes", -1, (next) => {
      next.store.clockFaults += 1;
      pass(model, next, me, WORLD);
    });
    step(me, "has its wall clock held back while time passes", -1, (next) => {
      next.store.clockFaults += 1;
      pass(model, next, WORLD, me);
    });
    step(me, "has its wall clock put ahead", -1, (next) => {
      next.store.clockFaults += 1;
      age(model, next.processes[me], 0, model.bounds.leaseTicks);
    });
  }
};

function pass(model: Model, next: State, suspended: number, heldBack: number): void {
  for (let me = 0; me < PROCESSES; me += 1)
    age(model, next.processes[me], me === suspended ? 0 : 1, me === heldBack ? 0 : 1);
}

/** Ages everything of a process that is counted, up to a lease: older is all the same. */
function age(model: Model, process: Process, mono: number, wall: number): void {
  const old = model.bounds.leaseTicks;
  const { phase } = process;
  if (phase >= Phase.fenced && phase <= Phase.waiting) {
    process.waitMono = Math.min(old, process.waitMono + mono);
    process.waitWall = Math.min(old, process.waitWall + wall);
  }
  if (phase !== Phase.owner && !(phase === Phase.released && outlivesRelease(model))) return;
  process.leaseMono = Math.min(old, process.leaseMono + mono);
  process.leaseWall = Math.min(old, process.leaseWall + wall);
  if (process.looking !== 0) {
    process.lookMono = Math.min(old, process.lookMono + mono);
    process.lookWall = Math.min(old, process.lookWall + wall);
  }
  for (let k = process.acked; k < process.sent; k += 1) {
    const [byMono, byWall] = ageOf(process, k);
    setAge(process, k, Math.min(old, byMono + mono), Math.min(old, byWall + wall));
  }
}

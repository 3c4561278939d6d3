// Time and order of a simulation: one queue of events, and the next to happen is chosen by chance among all that are due.
// Everything that happens belongs to a lane (a process, a client, the bucket); a frozen lane's events wait, a dead one's never happen.
import type { Chance } from "./chance.ts";
import { promiseJobs } from "./promise-jobs.ts";
import type { Trace } from "./trace.ts";

export interface SimEvent {
  readonly lane: Lane;
  /** For the trace. */
  readonly what: string;
  readonly callback: () => void;
  /** Timers of a machine that is suspended move with its clock. */
  readonly isTimer: boolean;
  dueMs: number;
  /** Orders what is due at the same time. */
  tie: number;
  /** Called off, or over. */
  cancelled: boolean;
}

/** More events than this at one instant are a loop that would never end. */
const MAX_EVENTS_AT_ONE_INSTANT = 50_000;
/** More pending events than this are something that grows without bound. */
const MAX_PENDING_EVENTS = 20_000;

/** Somebody to whom things happen. */
export class Lane {
  readonly name: string;
  state: "running" | "frozen" | "dead" = "running";
  /** What came due while frozen. */
  readonly held: SimEvent[] = [];

  constructor(name: string) {
    this.name = name;
  }
}

export class Scheduler {
  readonly trace: Trace;
  readonly #chance: Chance;
  /** A binary heap by (dueMs, tie). */
  readonly #heap: SimEvent[] = [];
  /** Cancelled events that are still in the heap. */
  #cancelled = 0;
  nowMs = 0;
  /** Events that happened. */
  steps = 0;
  /** The most events that were ever pending. */
  mostPending = 0;

  constructor(chance: Chance, trace: Trace) {
    this.#chance = chance;
    this.trace = trace;
  }

  after(delayMs: number, lane: Lane, what: string, callback: () => void, isTimer = false): SimEvent {
    const event: SimEvent = {
      lane,
      what,
      callback,
      isTimer,
      dueMs: this.nowMs + Math.max(0, delayMs),
      tie: this.#chance.word(),
      cancelled: false,
    };
    this.#push(event);
    const { pending } = this;
    if (pending > this.mostPending) this.mostPending = pending;
    if (pending > MAX_PENDING_EVENTS) throw new Error(`${pending} events are pending`);
    return event;
  }

  cancel(event: SimEvent): void {
    if (event.cancelled) return;
    event.cancelled = true;
    this.#cancelled += 1;
  }

  /** Resolves after a while, in the lane. */
  pause(delayMs: number, lane: Lane, what: string): Promise<void> {
    return new Promise((resolve) => {
      this.after(delayMs, lane, what, resolve);
    });
  }

  /** A line of the trace that is no event. */
  note(lane: Lane, what: string): void {
    this.trace.write(this.nowMs, `${lane.name} ${what}`);
  }

  /** From now on nothing happens in the lane; `thaw` makes up for it. */
  freeze(lane: Lane): void {
    lane.state = "frozen";
  }

  /** `suspendedMs`: for how long the lane's own clock stood still, and its timers with it. */
  thaw(lane: Lane, suspendedMs: number): void {
    lane.state = "running";
    const moved = lane.held.splice(0);
    if (suspendedMs > 0) {
      for (const event of this.#heap.splice(0)) {
        if (event.lane === lane && event.isTimer) moved.push(event);
        else this.#push(event);
      }
    }
    for (const event of moved) {
      event.dueMs = event.isTimer ? Math.max(this.nowMs, event.dueMs + suspendedMs) : this.nowMs;
      event.tie = this.#chance.word();
      this.#push(event);
    }
  }

  kill(lane: Lane): void {
    lane.state = "dead";
    lane.held.length = 0;
  }

  /** Lets things happen until `done`, or until `untilMs` has come. True when done. */
  async run(done: () => boolean, untilMs: number): Promise<boolean> {
    let atOneInstant = 0;
    await promiseJobs();
    while (!done()) {
      const event = this.#heap[0];
      if (event === undefined || event.dueMs > untilMs) {
        this.nowMs = Math.max(this.nowMs, untilMs);
        return false;
      }
      this.#pop();
      if (event.cancelled) {
        this.#cancelled -= 1;
        continue;
      }
      if (event.lane.state === "dead") continue;
      if (event.lane.state === "frozen") {
        event.lane.held.push(event);
        continue;
      }
      atOneInstant = event.dueMs > this.nowMs ? 0 : atOneInstant + 1;
      if (atOneInstant > MAX_EVENTS_AT_ONE_INSTANT) throw new Error(`events without end at ${this.nowMs} ms`);
      this.nowMs = Math.max(this.nowMs, event.dueMs);
      this.steps += 1;
      // It cannot be cancelled any more.
      event.cancelled = true;
      this.trace.write(this.nowMs, `${event.lane.name} ${event.what}`);
      event.callback();
      await promiseJobs();
    }
    return true;
  }

  /** Events that are still to happen. */
  get pending(): number {
    return this.#heap.length - this.#cancelled;
  }

  #push(event: SimEvent): void {
    const heap = this.#heap;
    let at = heap.length;
    heap.push(event);
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!before(event, heap[parent])) break;
      heap[at] = heap[parent];
      at = parent;
    }
    heap[at] = event;
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop();
    if (last === undefined || heap.length === 0) return;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && before(heap[child + 1], heap[child])) child += 1;
      if (!before(heap[child], last)) break;
      heap[at] = heap[child];
      at = child;
    }
    heap[at] = last;
  }
}

function before(a: SimEvent, b: SimEvent): boolean {
  return a.dueMs < b.dueMs || (a.dueMs === b.dueMs && a.tie < b.tie);
}

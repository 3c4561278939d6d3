// Commands that wait for another client's write, such as BLPOP. Each try goes through the log, so that an element is given to one
// client of the fleet only; between tries a client waits in the queues of its keys, and who came first at this replica tries first.
import type { ReplicaRuntime, Timer } from "@tailrace/replica";
import { error, NULL_ARRAY, type Reply } from "../command/reply.ts";
import type { Arguments, CommandSpec } from "../command/spec.ts";
import { keyPositions } from "../command/table.ts";
import type { Changes } from "./changes.ts";

export interface BlockingSetup {
  /** One try: the command's reply once it is durable. */
  attempt(args: Arguments): Promise<Reply>;
  /** How many elements the key holds, as far as this replica knows. */
  sizeOf(key: string): number;
  readonly changes: Changes;
  readonly runtime: ReplicaRuntime;
}

export interface BlockingWait {
  /** Rejects as a write does. */
  readonly reply: Promise<Reply>;
  /** It is given up, unless a try that is under way succeeds. */
  end(withError: boolean): void;
}

interface Waiter {
  readonly args: Arguments;
  readonly keys: readonly string[];
  readonly settled: PromiseWithResolvers<Reply>;
  trying: boolean;
  /** Something came while it tried. */
  again: boolean;
  /** What to answer when the try under way gives nothing: its time is over. */
  ended: Reply | undefined;
  timer: Timer | undefined;
}

interface Queue {
  /** First come, first served. */
  readonly waiters: Waiter[];
  readonly off: () => void;
}

/** What timers can count. Longer waits have no end. */
const MAX_TIMER_MS = 2 ** 31 - 1;

export class Blocking {
  readonly #setup: BlockingSetup;
  readonly #queues = new Map<string, Queue>();

  constructor(setup: BlockingSetup) {
    this.#setup = setup;
  }

  /** Throws `CommandError` where the time to wait is none. The arguments must be of the right number. */
  wait(spec: CommandSpec, args: Arguments): BlockingWait {
    const waitMs = spec.waitMs?.(args) ?? 0;
    const keys = [...new Set(keyPositions(spec, args).map((at) => args[at]))];
    const settled = Promise.withResolvers<Reply>();
    const waiter: Waiter = { args, keys, settled, trying: false, again: false, ended: undefined, timer: undefined };
    for (const key of keys) this.#enter(key, waiter);
    const end = (reply: Reply): void => {
      waiter.ended ??= reply;
      if (!waiter.trying) this.#finish(waiter, waiter.ended);
    };
    if (waitMs > 0 && waitMs <= MAX_TIMER_MS) {
      waiter.timer = this.#setup.runtime.setTimer(waitMs, () => end(NULL_ARRAY));
    }
    void this.#try(waiter);
    return {
      reply: settled.promise,
      end: (withError) => end(withError ? error("UNBLOCKED client unblocked via CLIENT UNBLOCK") : NULL_ARRAY),
    };
  }

  #enter(key: string, waiter: Waiter): void {
    const queue = this.#queues.get(key);
    if (queue !== undefined) queue.waiters.push(waiter);
    else this.#queues.set(key, { waiters: [waiter], off: this.#setup.changes.on(key, () => this.#changed(key)) });
  }

  /** As many try as there are elements. */
  #changed(key: string): void {
    const elements = this.#setup.sizeOf(key);
    for (const waiter of this.#queues.get(key)?.waiters.slice(0, elements) ?? []) void this.#try(waiter);
  }

  async #try(waiter: Waiter): Promise<void> {
    if (waiter.trying) {
      waiter.again = true;
      return;
    }
    waiter.trying = true;
    try {
      do {
        waiter.again = false;
        const reply = await this.#setup.attempt(waiter.args);
        if (!isNothing(reply)) {
          this.#finish(waiter, reply);
          return;
        }
      } while (waiter.again && waiter.ended === undefined);
      waiter.trying = false;
      if (waiter.ended !== undefined) this.#finish(waiter, waiter.ended);
    } catch (cause) {
      this.#leave(waiter);
      waiter.settled.reject(cause);
    }
  }

  #finish(waiter: Waiter, reply: Reply): void {
    this.#leave(waiter);
    waiter.settled.resolve(reply);
    // There may be more than it took, and others that wait for it.
    for (const key of waiter.keys) this.#changed(key);
  }

  #leave(waiter: Waiter): void {
    if (waiter.timer !== undefined) this.#setup.runtime.clearTimer(waiter.timer);
    for (const key of waiter.keys) {
      const queue = this.#queues.get(key);
      if (queue === undefined) continue;
      const at = queue.waiters.indexOf(waiter);
      if (at >= 0) queue.waiters.splice(at, 1);
      if (queue.waiters.length > 0) continue;
      queue.off();
      this.#queues.delete(key);
    }
  }
}

function isNothing(reply: Reply): boolean {
  return reply === null || reply === NULL_ARRAY;
}

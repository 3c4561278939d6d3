// Whether the leader is alive, as far as this replica can tell: when it was last heard of in the log, by the own clock. A guess,
// for when to try to lead; who leads is the log's decision.
import type { Effect } from "../apply/replicated-state.ts";
import type { ReplicaRuntime } from "../runtime.ts";

export class LeaderWatch {
  readonly #runtime: ReplicaRuntime;
  #heardMs: number;

  constructor(runtime: ReplicaRuntime) {
    this.#runtime = runtime;
    // What is restored may have been said a moment ago.
    this.#heardMs = runtime.monotonicMs();
  }

  observe({ kind }: Pick<Effect<unknown>, "kind">): void {
    if (kind === "led" || kind === "fenced") this.#heardMs = this.#runtime.monotonicMs();
  }

  /** How long the silence must still last until it is as long as the lease. */
  leftMs(leaseMs: number): number {
    return Math.max(0, this.#heardMs + leaseMs - this.#runtime.monotonicMs());
  }
}

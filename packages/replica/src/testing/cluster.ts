// Replicas over one simulated stream, for tests of one promise each.

import type { Machine } from "../machine.ts";
import { Replica, type ReplicaOptions } from "../replica.ts";
import { SimulatedStream } from "./simulated-log.ts";
import { VirtualTime } from "./virtual-time.ts";

export class Cluster {
  readonly time: VirtualTime;
  readonly stream: SimulatedStream;

  constructor(seed = 1) {
    this.time = new VirtualTime(seed);
    this.stream = new SimulatedStream(this.time);
  }

  open<State, Command, Result>(
    machine: Machine<State, Command, Result>,
    options: Partial<ReplicaOptions> = {},
  ): Promise<Replica<State, Command, Result>> {
    return this.time.until(Replica.open(machine, { log: this.stream.connect(), runtime: this.time, ...options }));
  }
}

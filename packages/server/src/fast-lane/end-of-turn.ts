// Lets answers to many connections leave back to back, when all that came in one turn of the event loop has been looked at. Each write wakes
// the client if it sleeps, which costs more than the write itself: sent one by one, answers wake a client on another core every time.
import type { Socket } from "node:net";
import type { Runtime } from "@tailrace/engine/runtime";

/** With fewer connections than these there is hardly ever a second answer to wait for. */
const CROWD = 8;

export class EndOfTurn {
  readonly #runtime: Runtime;
  readonly #connections: () => number;
  #held: Socket[] = [];

  /** `connections`: how many there are at the moment. */
  constructor(runtime: Runtime, connections: () => number) {
    this.#runtime = runtime;
    this.#connections = connections;
  }

  /** What is written to the socket from here on leaves at the end of the turn; at once, where there is no crowd. */
  hold(socket: Socket): void {
    if (socket.writableCorked > 0 || this.#connections() < CROWD) return;
    if (this.#held.length === 0) this.#runtime.timers.immediate(() => this.#release());
    socket.cork();
    this.#held.push(socket);
  }

  #release(): void {
    const held = this.#held;
    this.#held = [];
    for (const socket of held) socket.uncork();
  }
}

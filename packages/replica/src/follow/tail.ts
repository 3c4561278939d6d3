// Brings the log's records to the replica, in order, without a gap or a double, through lost connections and restarted servers.
// Never skips: where the log begins later than it should, it says so and ends.
import { MAX_RETRY_MS, MIN_RETRY_MS } from "../limits.ts";
import { type Follower, type Log, LogError, type LogRecord } from "../log/log.ts";
import { Backoff, Pause, type ReplicaRuntime } from "../runtime.ts";

export interface TailListener {
  /** The sequence number of the record that is needed next. */
  next(): number;
  /** Records from `next()` on. Throws what ends the tail. */
  take(records: readonly LogRecord[]): void;
  /** Records from `next()` on are gone from the log: to before `first`, or all. Throws to end the tail. */
  trimmed(first?: number): Promise<void>;
  /** Connected, or not and why. */
  connected(error?: Error): void;
}

export class Tail {
  readonly #log: Log;
  readonly #listener: TailListener;
  readonly #backoff: Backoff;
  readonly #pause: Pause;
  #follower: Follower | undefined;
  #closed = false;

  constructor(log: Log, runtime: ReplicaRuntime, listener: TailListener) {
    this.#log = log;
    this.#pause = new Pause(runtime);
    this.#listener = listener;
    this.#backoff = new Backoff(runtime, MIN_RETRY_MS, MAX_RETRY_MS);
  }

  /** Until `close`. Rejects with what a listener throws, or with a `LogError` that says that the log refuses to be read. */
  async run(): Promise<void> {
    while (!this.#closed) {
      const follower = this.#log.follow(this.#listener.next());
      this.#follower = follower;
      try {
        await this.#drain(follower);
      } catch (error) {
        if (!(error instanceof LogError) || error.failure === "refused") throw error;
        if (error.failure === "trimmed") await this.#listener.trimmed();
        this.#listener.connected(error);
        await this.#pause.wait(this.#backoff.nextMs());
      } finally {
        follower.close();
      }
    }
  }

  close(): void {
    this.#closed = true;
    this.#pause.end();
    this.#follower?.close();
  }

  /** Until the follower ends. */
  async #drain(follower: Follower): Promise<void> {
    for (;;) {
      const records = await follower.next();
      if (records === undefined || this.#closed) return;
      this.#backoff.reset();
      this.#listener.connected();
      const next = this.#listener.next();
      // What a reader that went back to the beginning of a batch shows again.
      const fresh = records[0].seqNum < next ? records.filter(({ seqNum }) => seqNum >= next) : records;
      if (fresh.length === 0) continue;
      if (fresh[0].seqNum > next) {
        await this.#listener.trimmed(fresh[0].seqNum);
        return;
      }
      this.#listener.take(fresh);
    }
  }
}

// Questions to the state. All strong ones of a turn of the event loop share one barrier. What has expired by this machine's clock
// is never shown to them: the log is made to tell the time first, since it alone decides.
import type { Consistency } from "@tailrace/replica";
import type { Keyspace } from "../state/keyspace.ts";

export interface Query<T> {
  /** The keys that the answer depends on; undefined: all of them. */
  readonly keys: readonly string[] | undefined;
  /** Changes nothing, and keeps nothing that may change. */
  answer(keyspace: Keyspace): T;
}

export interface ReadsSetup {
  /** As `Replica.read`. */
  read<T>(look: (keyspace: Keyspace) => T, consistency: Consistency): Promise<T>;
  /** Appends a record and resolves when it is applied: from then on the state knows a later time. */
  advance(): Promise<unknown>;
  /** Calls back at the end of this turn of the event loop. */
  immediate(callback: () => void): void;
  /** Milliseconds since the epoch by this machine's clock. */
  wallMs(): number;
}

interface Asked {
  readonly keys: readonly string[] | undefined;
  answer(keyspace: Keyspace): void;
  reject(error: unknown): void;
}

export class Reads {
  readonly #setup: ReadsSetup;
  #gathered: Asked[] = [];

  constructor(setup: ReadsSetup) {
    this.#setup = setup;
  }

  /** Rejects as `Replica.read` does. */
  ask<T>({ keys, answer }: Query<T>, consistency: Consistency): Promise<T> {
    if (consistency === "eventual") return this.#setup.read(answer, consistency);
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    const asked: Asked = {
      keys,
      reject,
      answer: (keyspace) => {
        try {
          resolve(answer(keyspace));
        } catch (error) {
          reject(error);
        }
      },
    };
    if (consistency !== "strong") {
      void this.#serve([asked], consistency);
      return promise;
    }
    this.#gathered.push(asked);
    if (this.#gathered.length === 1) {
      this.#setup.immediate(() => {
        const gathered = this.#gathered;
        this.#gathered = [];
        void this.#serve(gathered, "strong");
      });
    }
    return promise;
  }

  async #serve(asked: readonly Asked[], consistency: Consistency): Promise<void> {
    const { read, advance } = this.#setup;
    let left = asked;
    try {
      left = await read((keyspace) => this.#answer(left, keyspace), consistency);
      if (left.length === 0) return;
      await advance();
      await read((keyspace) => {
        for (const { answer } of left) answer(keyspace);
      }, "eventual");
    } catch (error) {
      for (const { reject } of left) reject(error);
    }
  }

  /** Answers all but those that depend on a key whose time may be over; gives those. */
  #answer(asked: readonly Asked[], keyspace: Keyspace): readonly Asked[] {
    const { nextExpiryMs } = keyspace;
    const wallMs = this.#setup.wallMs();
    const nothingDue = nextExpiryMs === undefined || nextExpiryMs > wallMs;
    return asked.filter((one) => {
      const due = !nothingDue && isDue(one.keys, keyspace, wallMs);
      if (!due) one.answer(keyspace);
      return due;
    });
  }
}

function isDue(keys: readonly string[] | undefined, keyspace: Keyspace, wallMs: number): boolean {
  return keys === undefined || keys.some((key) => (keyspace.get(key)?.expiresAtMs ?? wallMs + 1) <= wallMs);
}

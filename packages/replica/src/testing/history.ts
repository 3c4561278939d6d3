// A history of replicas under faults, and what must hold of it whatever happened: exactly once, in order, durable, linearizable.
import assert from "node:assert/strict";
import {
  CommandRejected,
  DivergenceError,
  NotAppendedError,
  OutcomeUnknownError,
  OverloadedError,
  ResultUnavailableError,
  StoppedError,
  UnavailableError,
} from "../errors.ts";
import { decodeRecord } from "../record/envelope.ts";
import { Replica, type ReplicaOptions } from "../replica.ts";
import { type Entry, type Ledger, ledger, Witness } from "./ledger.ts";
import { type SimulatedLog, SimulatedStream } from "./simulated-log.ts";
import { VirtualTime } from "./virtual-time.ts";

export type Action =
  | {
      readonly do: "propose";
      readonly replica: number;
      readonly count: number;
      readonly spreadMs: number;
      readonly refused: boolean;
    }
  /** Some of them while others are under way. */
  | { readonly do: "read"; readonly replica: number; readonly count: number; readonly spreadMs: number }
  | { readonly do: "crash"; readonly replica: number }
  /** Nothing comes to it for a while. */
  | { readonly do: "freeze"; readonly replica: number; readonly forMs: number }
  | { readonly do: "outage"; readonly forMs: number }
  | { readonly do: "weather"; readonly delayMs: number; readonly loss: number }
  | { readonly do: "pass"; readonly ms: number };

interface Proposed {
  readonly id: number;
  /** Counts replicas, restarted ones anew. */
  readonly proposer: number;
  outcome: "pending" | "applied" | "applied, result unseen" | "refused" | "not appended" | "unknown";
  index?: number;
}

export interface HistorySetup {
  readonly seed: number;
  readonly replicas: number;
  readonly maxSessions?: number;
  /** A snapshot after so many records. */
  readonly snapshotEvery?: number;
  readonly actions: readonly Action[];
  readonly options?: Partial<ReplicaOptions>;
}

type LedgerReplica = Replica<Ledger, Entry, number>;

export class History {
  readonly time: VirtualTime;
  readonly stream: SimulatedStream;
  readonly snapshots: SimulatedStream;
  readonly #logs: SimulatedLog[] = [];
  readonly #setup: HistorySetup;
  readonly #witness = new Witness();
  readonly #replicas: (LedgerReplica | undefined)[];
  readonly #incarnations: number[];
  readonly #proposed: Proposed[] = [];
  #nextProposer = 0;
  readonly #pending: Promise<void>[] = [];
  /** Ids acknowledged so far: what every strong read must see that begins now. */
  readonly #acknowledged = new Set<number>();
  #longestRead = 0;
  reads = 0;
  /** Proposals whose callers were told so; most of them were resolved later. */
  unknown = 0;
  /** Replicas that began or went on from a snapshot. */
  restored = 0;

  constructor(setup: HistorySetup) {
    this.#setup = setup;
    this.time = new VirtualTime(setup.seed);
    this.stream = new SimulatedStream(this.time);
    // The same network.
    this.snapshots = new SimulatedStream(this.time, this.stream.weather);
    this.#replicas = Array.from({ length: setup.replicas }, () => undefined);
    this.#incarnations = this.#replicas.map(() => 0);
  }

  /** Plays it, heals the network, and checks everything. */
  async play(): Promise<void> {
    for (const action of this.#setup.actions) await this.#act(action);
    await this.#heal();
    await this.time.until(Promise.all(this.#pending));
    await this.#probe();
    await this.#check();
    for (const replica of this.#replicas) if (replica !== undefined) await this.time.until(replica.abort());
  }

  outcomes(outcome: Proposed["outcome"]): number {
    return this.#proposed.filter((proposed) => proposed.outcome === outcome).length;
  }

  /** Records that repeat one before them. */
  get repeated(): number {
    const seen = new Set<string>();
    let repeated = 0;
    for (const { headers } of this.stream.records) {
      const name = Buffer.from(headers[0]?.[1] ?? []).toString("hex");
      if (seen.has(name)) repeated += 1;
      seen.add(name);
    }
    return repeated;
  }

  /** Sessions that had to leave for others. */
  get evicted(): number {
    const opened = this.stream.records.filter((record) => decodeRecord(record)?.kind === "open").length;
    return Math.max(0, opened - (this.#setup.maxSessions ?? Number.POSITIVE_INFINITY));
  }

  get acknowledged(): number {
    return this.#acknowledged.size;
  }

  async #act(action: Action): Promise<void> {
    switch (action.do) {
      case "propose": {
        const replica = await this.#replica(action.replica);
        if (replica === undefined) return;
        for (let i = 0; i < action.count; i += 1) {
          const propose = (): void => this.#propose(replica, action.replica, action.refused);
          if (action.spreadMs === 0) propose();
          else this.time.setTimer(this.time.fraction() * action.spreadMs, propose);
        }
        await this.time.settle();
        return;
      }
      case "read": {
        const replica = await this.#replica(action.replica);
        if (replica === undefined) return;
        for (let i = 0; i < action.count; i += 1) {
          const read = (): void => void this.#pending.push(this.#read(replica));
          if (action.spreadMs === 0) read();
          else this.time.setTimer(this.time.fraction() * action.spreadMs, read);
        }
        await this.time.settle();
        return;
      }
      case "crash": {
        const replica = this.#replicas[action.replica];
        this.#replicas[action.replica] = undefined;
        if (replica !== undefined) await this.time.until(replica.abort());
        return;
      }
      case "freeze": {
        const log = this.#logs[action.replica];
        if (log !== undefined) log.frozenUntilMs = this.time.monotonicMs() + action.forMs;
        return;
      }
      case "outage":
        this.stream.weather.down = true;
        this.stream.wakeAll();
        this.time.setTimer(action.forMs, () => {
          this.stream.weather.down = false;
        });
        return;
      case "weather":
        this.stream.weather.delayMs = action.delayMs;
        this.stream.weather.loss = action.loss;
        return;
      case "pass":
        await this.time.passMs(action.ms);
    }
  }

  /** The `index`th replica, started if it is not there and the log lets it. */
  async #replica(index: number): Promise<LedgerReplica | undefined> {
    const standing = this.#replicas[index];
    if (standing !== undefined) return standing;
    const { snapshotEvery: everyRecords } = this.#setup;
    const log = this.stream.connect();
    this.#logs[index] = log;
    const machine = ledger(this.#witness, this.#setup.maxSessions);
    const { restore } = machine.snapshots;
    machine.snapshots.restore = (chunks, version) => {
      this.restored += 1;
      return restore(chunks, version);
    };
    const opening = Replica.open(machine, {
      log,
      runtime: this.time,
      // Whoever is accused without a reason stops, and is missed.
      digestEveryRecords: 10,
      onProblem: (problem) => assert.ok(!(problem instanceof DivergenceError), String(problem)),
      ...(everyRecords === undefined ? {} : { snapshots: { log: this.snapshots.connect(), everyRecords } }),
      ...this.#setup.options,
    });
    const opened = await this.time.until(opening.catch((error: unknown) => error));
    if (!(opened instanceof Replica)) {
      assert.ok(opened instanceof UnavailableError, String(opened));
      return undefined;
    }
    this.#replicas[index] = opened;
    this.#incarnations[index] = this.#nextProposer++;
    return opened;
  }

  /** Every replica still works, and nothing that it was asked for before stays unknown. */
  async #probe(): Promise<void> {
    const before = this.#proposed.length;
    for (let i = 0; i < this.#replicas.length; i += 1) {
      const replica = await this.#replica(i);
      assert.ok(replica !== undefined, "a replica does not come up again");
      this.#propose(replica, i, false);
      // One after the other: more of them at once than the log remembers could take turns for long.
      await this.time.until(this.#pending[this.#pending.length - 1]);
    }
    for (const { id, outcome } of this.#proposed.slice(before)) assert.equal(outcome, "applied", `of ${id}`);
    const alive = new Set(this.#incarnations);
    for (const { id, outcome, proposer } of this.#proposed) {
      assert.ok(outcome !== "unknown" || !alive.has(proposer), `${id} is not resolved`);
    }
  }

  #propose(replica: LedgerReplica, index: number, refused: boolean): void {
    const proposed: Proposed = { id: this.#proposed.length, proposer: this.#incarnations[index], outcome: "pending" };
    this.#proposed.push(proposed);
    this.#pending.push(
      replica.propose({ id: proposed.id, ...(refused ? { refused } : {}) }).then(
        ({ result, position }) => {
          proposed.outcome = "applied";
          proposed.index = result;
          // Durable, and nowhere else.
          assert.ok(position.seqNum < this.stream.tail);
          this.#acknowledged.add(proposed.id);
        },
        (error: unknown) => {
          proposed.outcome = this.#outcomeOf(error);
          if (!(error instanceof OutcomeUnknownError)) return;
          this.unknown += 1;
          this.#follow(error, proposed);
        },
      ),
    );
  }

  #outcomeOf(error: unknown): Proposed["outcome"] {
    if (error instanceof CommandRejected) return "refused";
    if (error instanceof OutcomeUnknownError) return "unknown";
    // It may have been refused by apply just as well.
    if (error instanceof ResultUnavailableError) return "applied, result unseen";
    if (error instanceof NotAppendedError || error instanceof OverloadedError || error instanceof StoppedError) {
      return "not appended";
    }
    throw error;
  }

  /** What was unknown may become known. */
  #follow(error: OutcomeUnknownError, proposed: Proposed): void {
    error.outcome.then(
      ({ result }) => {
        proposed.outcome = "applied";
        proposed.index = Number(result);
        this.#acknowledged.add(proposed.id);
      },
      (later: unknown) => {
        if (!(later instanceof StoppedError)) proposed.outcome = this.#outcomeOf(later);
      },
    );
  }

  async #read(replica: LedgerReplica): Promise<void> {
    const acknowledged = [...this.#acknowledged];
    const longestRead = this.#longestRead;
    const seen = await replica
      .read(({ ids }) => [...ids])
      .catch((error: unknown) => {
        assert.ok(error instanceof UnavailableError || error instanceof StoppedError, String(error));
      });
    if (seen === undefined) return;
    this.reads += 1;
    const set = new Set(seen);
    for (const id of acknowledged) assert.ok(set.has(id), `a strong read misses ${id}, acknowledged before it began`);
    assert.ok(seen.length >= longestRead, "a strong read sees less than one that had ended before it began");
    this.#longestRead = Math.max(this.#longestRead, seen.length);
  }

  async #heal(): Promise<void> {
    this.stream.weather.loss = 0;
    this.stream.weather.delayMs = 5;
    await this.time.passMs(10_000);
    this.stream.weather.down = false;
  }

  async #check(): Promise<void> {
    const states: Ledger[] = [];
    for (let i = 0; i < this.#replicas.length; i += 1) {
      const replica = await this.#replica(i);
      assert.ok(replica !== undefined);
      states.push(
        await this.time.until(replica.read(({ ids, positions }) => ({ ids: [...ids], positions: [...positions] }))),
      );
    }
    const [{ ids }] = states;
    for (const state of states) assert.deepEqual(state, states[0]);
    assert.equal(new Set(ids).size, ids.length, "something was applied twice");
    const indexOf = new Map(ids.map((id, index) => [id, index]));
    for (const { id, outcome, index } of this.#proposed) {
      assert.notEqual(outcome, "pending");
      if (outcome === "applied") assert.equal(indexOf.get(id), index, `${id} was acknowledged`);
      if (outcome === "refused" || outcome === "not appended") assert.ok(!indexOf.has(id), `${id} has an effect`);
    }
    for (let i = 1; i < ids.length; i += 1) {
      const later = ids
        .slice(i)
        .find((id) => id < ids[i - 1] && this.#proposed[id].proposer === this.#proposed[ids[i - 1]].proposer);
      assert.equal(later, undefined, `${later} was proposed before ${ids[i - 1]} and applied after it`);
    }
  }
}

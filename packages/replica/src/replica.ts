// A replicated object: a machine, its state in this process, and the log that all replicas share. Wires the parts together:
// what the tail brings is applied, and what follows from it is told to who waits. Decides nothing that another replica would
// have to decide alike: that is `apply/`.
import { type Effect, maxSessionsOf, ReplicatedState } from "./apply/replicated-state.ts";
import { LogTrimmedError, OverloadedError, ReplicaError, StoppedError } from "./errors.ts";
import { Tail } from "./follow/tail.ts";
import {
  DEFAULT_MAX_PENDING,
  DEFAULT_MAX_PENDING_BYTES,
  DEFAULT_PROPOSAL_TIMEOUT_MS,
  DEFAULT_READ_TIMEOUT_MS,
  DEFAULT_SNAPSHOT_EVERY_BYTES,
  DEFAULT_SNAPSHOT_EVERY_RECORDS,
  MAX_WAITING_READS,
} from "./limits.ts";
import type { Log, LogRecord } from "./log/log.ts";
import type { Applied, Machine } from "./machine.ts";
import { Proposer } from "./propose/proposer.ts";
import { Barrier } from "./read/barrier.ts";
import { Progress } from "./read/progress.ts";
import { type Watched, Watchers } from "./read/watch.ts";
import { type ReplicaRuntime, systemRuntime } from "./runtime.ts";
import { Restorer } from "./snapshot/restorer.ts";
import { Snapshotter } from "./snapshot/snapshotter.ts";

export interface ReplicaOptions {
  readonly log: Log;
  readonly runtime?: ReplicaRuntime;
  /** How long a proposal's caller waits for the log to tell. */
  readonly proposalTimeoutMs?: number;
  /** How long a read waits for the log. */
  readonly readTimeoutMs?: number;
  /** Proposals that may be pending. */
  readonly maxPending?: number;
  /** Bytes of commands (128 more for each) that may be pending. */
  readonly maxPendingBytes?: number;
  /** Takes snapshots, restores them, and trims the log behind them. Without it the log is read from its beginning. */
  readonly snapshots?: SnapshotOptions;
  /** Told what went wrong in the background without stopping the replica: a snapshot that failed, or that is bad. */
  readonly onProblem?: (problem: unknown) => void;
}

export interface SnapshotOptions {
  /** The stream of snapshots, a sibling of the log. All replicas of a log have the same. */
  readonly log: Log;
  /** A snapshot is due after so many records. */
  readonly everyRecords?: number;
  /** A snapshot is due after so many metered bytes. */
  readonly everyBytes?: number;
}

/**
 * What a read must have seen:
 * - `strong`: everything that was acknowledged before the read began, on any replica. Linearizable; asks the log.
 * - `eventual`: what this replica happens to have applied. Asks nobody.
 * - `{ atLeast }`: everything up to and including that sequence number, such as that of an own proposal.
 */
export type Consistency = "strong" | "eventual" | { readonly atLeast: number };

export interface ReadOptions {
  /** `strong` unless told otherwise. */
  readonly consistency?: Consistency;
  readonly timeoutMs?: number;
}

export class Replica<State, Command, Result> {
  readonly #machine: Machine<State, Command, Result>;
  readonly #log: Log;
  readonly #snapshots: Log | undefined;
  readonly #runtime: ReplicaRuntime;
  readonly #readTimeoutMs: number;
  #replicated: ReplicatedState<State, Command, Result>;
  readonly #proposer: Proposer<Result>;
  readonly #barrier: Barrier;
  readonly #progress = new Progress();
  readonly #watchers: Watchers<State>;
  readonly #tail: Tail;
  readonly #restoring: Restorer<State, Command, Result> | undefined;
  readonly #snapshotter: Snapshotter | undefined;
  readonly #running: Promise<void>;
  readonly #stopped = Promise.withResolvers<StoppedError>();
  #reads = 0;
  #closing: StoppedError | undefined;
  #end: StoppedError | undefined;
  #disconnected: Error | undefined;

  /**
   * A replica that has applied everything that was in the log when it was opened.
   * Rejects with `StoppedError` where the log cannot be this machine's, and with `UnavailableError` where it does not answer in time.
   */
  static async open<State, Command, Result>(
    machine: Machine<State, Command, Result>,
    options: ReplicaOptions,
  ): Promise<Replica<State, Command, Result>> {
    const replica = new Replica(machine, options);
    try {
      await replica.read(() => undefined);
      return replica;
    } catch (error) {
      await replica.abort();
      throw error;
    }
  }

  private constructor(machine: Machine<State, Command, Result>, options: ReplicaOptions) {
    this.#machine = machine;
    this.#log = options.log;
    this.#snapshots = options.snapshots?.log;
    this.#runtime = options.runtime ?? systemRuntime;
    this.#readTimeoutMs = options.readTimeoutMs ?? DEFAULT_READ_TIMEOUT_MS;
    this.#replicated = ReplicatedState.initial(machine);
    this.#proposer = new Proposer({
      log: this.#log,
      runtime: this.#runtime,
      machine: { name: machine.name, version: machine.version, maxSessions: maxSessionsOf(machine) },
      maxPending: options.maxPending ?? DEFAULT_MAX_PENDING,
      maxPendingBytes: options.maxPendingBytes ?? DEFAULT_MAX_PENDING_BYTES,
      timeoutMs: options.proposalTimeoutMs ?? DEFAULT_PROPOSAL_TIMEOUT_MS,
    });
    this.#barrier = new Barrier(this.#log, this.#runtime);
    this.#watchers = new Watchers(() => ({ state: this.#replicated.state, next: this.#replicated.next }));
    this.#tail = new Tail(this.#log, this.#runtime, {
      next: () => this.#replicated.next,
      take: (records) => this.#take(records),
      trimmed: (first) => this.#trimmed(first),
      connected: (error) => {
        this.#disconnected = error;
      },
    });
    const { snapshots, onProblem = () => undefined } = options;
    if (snapshots !== undefined) {
      const format = machine.snapshots;
      if (format === undefined) throw new TypeError(`the machine "${machine.name}" has no snapshots`);
      this.#restoring = new Restorer(machine, format, snapshots.log, this.#runtime, onProblem);
      this.#snapshotter = new Snapshotter({
        log: this.#log,
        stream: snapshots.log,
        runtime: this.#runtime,
        everyRecords: snapshots.everyRecords ?? DEFAULT_SNAPSHOT_EVERY_RECORDS,
        everyBytes: snapshots.everyBytes ?? DEFAULT_SNAPSHOT_EVERY_BYTES,
        capture: () => ({
          machine: machine.name,
          version: machine.version,
          next: this.#replicated.next,
          chunks: this.#replicated.image(format),
        }),
        problem: onProblem,
      });
    }
    this.#running = this.#run().catch((error: unknown) => this.#stop(error));
  }

  async #run(): Promise<void> {
    await this.#restore();
    await this.#tail.run();
  }

  /** All records before this sequence number are applied. */
  get next(): number {
    return this.#replicated.next;
  }

  /** Why the log cannot be followed at the moment; undefined while it can. */
  get disconnected(): Error | undefined {
    return this.#disconnected;
  }

  /** Resolves once the replica serves no more: with the reason in `cause`, or without where it was closed. */
  get stopped(): Promise<StoppedError> {
    return this.#stopped.promise;
  }

  /**
   * Resolves with the result of the command's own application, once it is durable and this replica has applied it. What one
   * replica proposes is applied in the order in which it was proposed.
   * Rejects with what `apply` refused it with (`CommandRejected`); with `CommandTooLargeError`, `OverloadedError`,
   * `NotAppendedError` or `StoppedError` where it is certain that it has no effect; else with `OutcomeUnknownError`, or
   * `ResultUnavailableError`.
   */
  propose(command: Command): Promise<Applied<Result>> {
    const end = this.#closing ?? this.#end;
    if (end !== undefined) return Promise.reject(end);
    return this.#proposer.propose(this.#machine.encode(command));
  }

  /** Resolves once proposals are taken again after an `OverloadedError`. */
  room(): Promise<void> {
    return this.#proposer.room();
  }

  /**
   * What `query` answers on a state that has seen what `consistency` asks for. `query` must change nothing, and keep nothing
   * of the state that may change later. Rejects with `UnavailableError` when the log does not answer in time, with
   * `OverloadedError` when too many reads wait, with `StoppedError`.
   */
  async read<Answer>(query: (state: State) => Answer, options: ReadOptions = {}): Promise<Answer> {
    if (this.#end !== undefined) throw this.#end;
    const { consistency = "strong", timeoutMs = this.#readTimeoutMs } = options;
    if (consistency !== "eventual") await this.#sees(consistency, this.#runtime.monotonicMs() + timeoutMs);
    if (this.#end !== undefined) throw this.#end;
    return query(this.#replicated.state);
  }

  /**
   * The newest value of what `select` takes from the state, now and whenever it is another by `Object.is`. Values in between
   * may be missed, and none is queued. Throws `StoppedError` when the replica stops.
   */
  watch<T>(select: (state: State) => T): AsyncIterableIterator<Watched<T>> {
    return this.#watchers.watch(select);
  }

  /** Takes no more proposals, waits for those pending (until their time is over), and stops. */
  async close(): Promise<void> {
    this.#closing ??= new StoppedError("the replica is closed");
    await this.#proposer.settled();
    await this.#shut(this.#closing);
  }

  /** Stops at once. What was proposed and is not resolved has an unknown outcome. */
  async abort(): Promise<void> {
    await this.#shut(new StoppedError("the replica was aborted"));
  }

  async #shut(reason: StoppedError): Promise<void> {
    this.#ends(reason);
    await this.#running;
    await Promise.all([this.#log.close(), this.#snapshots?.close()]);
  }

  async #sees(consistency: "strong" | { readonly atLeast: number }, deadlineMs: number): Promise<void> {
    if (this.#reads >= MAX_WAITING_READS) throw new OverloadedError(`${this.#reads} reads wait for the log`);
    this.#reads += 1;
    try {
      const tail =
        consistency === "strong"
          ? await this.#barrier.tail().until(this.#runtime, deadlineMs, "the log did not tell its tail")
          : consistency.atLeast + 1;
      const reached = this.#progress.reaches(tail);
      await reached.until(this.#runtime, deadlineMs, `this replica, at ${this.next}, did not get to ${tail}`);
    } finally {
      this.#reads -= 1;
    }
  }

  #take(records: readonly LogRecord[]): void {
    for (const record of records) {
      if (this.#end !== undefined) return;
      const effect: Effect<Result> = this.#replicated.apply(record);
      this.#proposer.observe(effect, record);
      this.#snapshotter?.observe(effect, record);
    }
    this.#progress.advance(this.#replicated.next);
    this.#watchers.changed();
  }

  async #trimmed(first: number | undefined): Promise<void> {
    if (await this.#restore()) return;
    const kept = first === undefined ? "holds nothing any more" : `begins at ${first}`;
    throw new LogTrimmedError(`the log ${kept}, this replica has only come to ${this.next}, and no snapshot is newer`);
  }

  /** Goes on from the newest snapshot, if there is one that is newer than this replica. */
  async #restore(): Promise<boolean> {
    const restored = await this.#restoring?.newerThan(this.next);
    if (restored === undefined || this.#end !== undefined) return false;
    this.#replicated = restored;
    this.#proposer.skipped(restored.sessions);
    this.#progress.advance(restored.next);
    this.#watchers.changed();
    return true;
  }

  #stop(cause: unknown): void {
    const why = cause instanceof ReplicaError ? cause.message : String(cause);
    this.#ends(new StoppedError(`the replica stopped: ${why}`, { cause }));
  }

  #ends(reason: StoppedError): void {
    if (this.#end !== undefined) return;
    this.#end = reason;
    this.#tail.close();
    this.#restoring?.end();
    this.#snapshotter?.end();
    this.#proposer.end(reason);
    this.#barrier.end(reason);
    this.#progress.end(reason);
    this.#watchers.end(reason);
    this.#stopped.resolve(reason);
  }
}

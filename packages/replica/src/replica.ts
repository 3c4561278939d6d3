// A replicated object: a machine, its state in this process, and the log that all replicas share. Wires the parts together:
// what the tail brings is applied, and what follows from it is told to who waits. Decides nothing that another replica would
// have to decide alike: that is `apply/`.
import { type Effect, maxSessionsOf, ReplicatedState } from "./apply/replicated-state.ts";
import { Digests } from "./divergence/digests.ts";
import {
  InvariantError,
  LogTrimmedError,
  NotLeaderError,
  OverloadedError,
  ReplicaError,
  StoppedError,
} from "./errors.ts";
import { Tail } from "./follow/tail.ts";
import { type Elected, Election } from "./lead/election.ts";
import { LeaderWatch } from "./lead/leader-watch.ts";
import { Leadership } from "./lead/leadership.ts";
import {
  DEFAULT_DIGEST_EVERY_RECORDS,
  DEFAULT_LEASE_MS,
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
import { Proposer, type ProposerSetup } from "./propose/proposer.ts";
import { Transactor } from "./propose/transactor.ts";
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
  /** How long `open` waits for this replica to catch up; as `readTimeoutMs` unless told otherwise. */
  readonly openTimeoutMs?: number;
  /** Proposals that may be pending. */
  readonly maxPending?: number;
  /** Bytes of commands (128 more for each) that may be pending. */
  readonly maxPendingBytes?: number;
  /** Takes snapshots, restores them, and trims the log behind them. Without it the log is read from its beginning. */
  readonly snapshots?: SnapshotOptions;
  /** A digest is due after so many records, if the machine has digests. */
  readonly digestEveryRecords?: number;
  /** The version of what this replica writes: an earlier one than the machine's, while builds that know no later one still run. */
  readonly writeVersion?: number;
  /** Told what went wrong in the background without stopping the replica: a snapshot that failed or is bad, another replica that has diverged. */
  readonly onProblem?: (problem: unknown) => void;
}

export interface LeadOptions {
  /** What others see as the leader, such as an address. */
  readonly holder: string;
  /** How long this leader's silence must last before another one may lead. */
  readonly leaseMs?: number;
  /** Aborted, the wait to lead is over. A leadership that was won stays. */
  readonly signal?: AbortSignal;
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

interface Term<Command, Result> {
  readonly proposer: Proposer<Result>;
  readonly leadership: Leadership<Command, Result>;
}

export class Replica<State, Command, Result> {
  readonly #machine: Machine<State, Command, Result>;
  readonly #log: Log;
  readonly #snapshots: Log | undefined;
  readonly #runtime: ReplicaRuntime;
  readonly #readTimeoutMs: number;
  #replicated: ReplicatedState<State, Command, Result>;
  readonly #proposing: ProposerSetup;
  readonly #proposer: Proposer<Result>;
  readonly #transactor: Transactor<Result>;
  readonly #leaderWatch: LeaderWatch;
  /** Terms of this replica whose proposals are not all resolved yet. */
  readonly #terms = new Set<Term<Command, Result>>();
  readonly #elections = new Set<Election>();
  readonly #barrier: Barrier;
  readonly #progress = new Progress();
  readonly #watchers: Watchers<State>;
  readonly #tail: Tail;
  readonly #restoring: Restorer<State, Command, Result> | undefined;
  readonly #snapshotter: Snapshotter | undefined;
  readonly #digests: Digests;
  readonly #encode: (command: Command) => Uint8Array;
  readonly #running: Promise<void>;
  readonly #stopped = Promise.withResolvers<StoppedError>();
  #reads = 0;
  /** Has once had all that was in the log. */
  #live = false;
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
      const { openTimeoutMs } = options;
      await replica.read(() => undefined, openTimeoutMs === undefined ? {} : { timeoutMs: openTimeoutMs });
      replica.#live = true;
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
    const version = options.writeVersion ?? machine.version;
    if (!(version >= 1 && version <= machine.version)) {
      throw new RangeError(`writeVersion ${version}: this build writes versions 1 to ${machine.version}`);
    }
    this.#encode = (command) => machine.encode(command, version);
    this.#proposing = {
      log: this.#log,
      runtime: this.#runtime,
      machine: { name: machine.name, version, maxSessions: maxSessionsOf(machine) },
      maxPending: options.maxPending ?? DEFAULT_MAX_PENDING,
      maxPendingBytes: options.maxPendingBytes ?? DEFAULT_MAX_PENDING_BYTES,
      timeoutMs: options.proposalTimeoutMs ?? DEFAULT_PROPOSAL_TIMEOUT_MS,
    };
    this.#proposer = new Proposer(this.#proposing);
    this.#transactor = new Transactor({
      log: this.#log,
      runtime: this.#runtime,
      progress: this.#progress,
      version,
    });
    this.#leaderWatch = new LeaderWatch(this.#runtime);
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
    this.#digests = new Digests({
      log: this.#log,
      runtime: this.#runtime,
      everyRecords:
        machine.digest === undefined
          ? Number.POSITIVE_INFINITY
          : (options.digestEveryRecords ?? DEFAULT_DIGEST_EVERY_RECORDS),
      isLive: () => this.#live,
      digest: () => this.#replicated.digest(),
      diverged: (error) => this.#stop(error),
      problem: onProblem,
    });
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
          version,
          next: this.#replicated.next,
          chunks: this.#replicated.image(format, version),
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
  async propose(command: Command): Promise<Applied<Result>> {
    const refusal = this.#refusal();
    if (refusal !== undefined) throw refusal;
    return this.#proposer.propose(this.#encode(command));
  }

  /**
   * Decides a command on the state, and appends it only if nothing at all has come to the log since; else decides anew, after
   * a pause that grows. Resolves with the result, or with undefined where `decide` gave no command. `decide` must change
   * nothing. One transaction of a replica is under way at a time. Rejects as `propose` does.
   */
  async transact(
    decide: (state: State) => Command | undefined,
    options: { readonly timeoutMs?: number } = {},
  ): Promise<Applied<Result> | undefined> {
    const refusal = this.#refusal();
    if (refusal !== undefined) throw refusal;
    const encoded = (): Uint8Array | undefined => {
      const command = decide(this.#replicated.state);
      return command === undefined ? undefined : this.#encode(command);
    };
    return this.#transactor.transact(encoded, options.timeoutMs ?? this.#proposing.timeoutMs);
  }

  /** Who leads, as far as this replica has applied; undefined if nobody does. */
  get leader(): { readonly holder: string; readonly token: string } | undefined {
    const { leader, token } = this.#replicated;
    return leader === undefined ? undefined : { holder: leader.holder, token };
  }

  /**
   * Resolves once this replica leads. While another one does, waits until it resigns, or has been silent for its lease.
   * Rejects with the signal's reason, with `StoppedError`, or with a `LogError` that says that the log refuses.
   */
  async lead({ holder, leaseMs = DEFAULT_LEASE_MS, signal }: LeadOptions): Promise<Leadership<Command, Result>> {
    if (this.#end !== undefined) throw this.#end;
    signal?.throwIfAborted();
    const election = new Election({
      log: this.#log,
      runtime: this.#runtime,
      progress: this.#progress,
      watch: this.#leaderWatch,
      holder,
      leaseMs,
      standing: () => this.#replicated,
      caughtUp: () => this.read(() => undefined),
    });
    const give = (): void => election.end();
    signal?.addEventListener("abort", give);
    this.#elections.add(election);
    try {
      const elected = await election.win();
      if (this.#end !== undefined) throw this.#end;
      if (elected !== undefined) return this.#begin(elected, leaseMs);
      signal?.throwIfAborted();
      throw new StoppedError("the replica stopped before it led");
    } finally {
      this.#elections.delete(election);
      signal?.removeEventListener("abort", give);
    }
  }

  #begin({ token, sentMs }: Elected, leaseMs: number): Leadership<Command, Result> {
    const proposer = new Proposer<Result>({ ...this.#proposing, fencingToken: token });
    const { runtime, log } = this.#proposing;
    const leadership = new Leadership<Command, Result>(
      { log, runtime, token, leaseMs, sinceMs: sentMs, proposer },
      this.#encode,
    );
    const term = { proposer, leadership };
    this.#terms.add(term);
    // It may be over already.
    leadership.tokenIs(this.#replicated.token);
    proposer.skipped(this.#replicated);
    return leadership;
  }

  #refusal(): ReplicaError | undefined {
    const end = this.#closing ?? this.#end;
    if (end !== undefined || this.#machine.singleWriter !== true) return end;
    return new NotLeaderError(`the machine "${this.#machine.name}" is written by its leader alone`);
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
    return this.peek(query);
  }

  /** As an eventual `read`, at once. Throws `StoppedError`. */
  peek<Answer>(query: (state: State) => Answer): Answer {
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
    await Promise.all(
      [this.#proposer, ...[...this.#terms].map(({ proposer }) => proposer)].map((each) => each.settled()),
    );
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
      const tail = consistency === "strong" ? await this.#checkedTail(deadlineMs) : consistency.atLeast + 1;
      const reached = this.#progress.reaches(tail);
      await reached.until(this.#runtime, deadlineMs, `this replica, at ${this.next}, did not get to ${tail}`);
      // It reaches the log: where nothing is written, no record will come to say so.
      if (consistency === "strong") this.#disconnected = undefined;
    } finally {
      this.#reads -= 1;
    }
  }

  async #checkedTail(deadlineMs: number): Promise<number> {
    const { next } = this;
    const tail = await this.#barrier.tail().until(this.#runtime, deadlineMs, "the log did not tell its tail");
    // What was applied was durable: a log that ends before it is another one, or has lost something.
    if (tail < next) this.#stop(new InvariantError(`the log ends at ${tail}, and ${next} records of it were applied`));
    return tail;
  }

  #take(records: readonly LogRecord[]): void {
    for (const record of records) {
      if (this.#end !== undefined) return;
      const effect: Effect<Result> = this.#replicated.apply(record);
      this.#proposer.observe(effect, record);
      this.#transactor.observe(effect, record);
      this.#leaderWatch.observe(effect);
      for (const { proposer, leadership } of this.#terms) {
        proposer.observe(effect, record);
        leadership.observe(effect);
      }
      this.#snapshotter?.observe(effect, record);
      this.#digests.observe(effect, record);
    }
    for (const term of this.#terms) {
      if (term.leadership.over && term.proposer.pending === 0) this.#terms.delete(term);
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
    this.#digests.restored(restored.next);
    this.#proposer.skipped(restored);
    this.#transactor.skipped();
    for (const { proposer, leadership } of this.#terms) {
      proposer.skipped(restored);
      leadership.tokenIs(restored.token);
    }
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
    this.#digests.end();
    this.#proposer.end(reason);
    this.#transactor.end(reason);
    for (const election of this.#elections) election.end();
    for (const { proposer, leadership } of this.#terms) {
      leadership.end();
      proposer.end(reason);
    }
    this.#barrier.end(reason);
    this.#progress.end(reason);
    this.#watchers.end(reason);
    this.#stopped.resolve(reason);
  }
}

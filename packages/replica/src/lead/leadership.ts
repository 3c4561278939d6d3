// One term of a leader: proposals that only it can append, renewals, and its end. The fencing token is what makes it safe:
// whatever a deposed leader still sends, the log refuses. The lease only says when others may try, and when to stop trusting
// that one leads, for what happens outside the log.
import type { Effect } from "../apply/replicated-state.ts";
import { DeposedError } from "../errors.ts";
import { MAX_RETRY_MS, MIN_RETRY_MS, RENEWALS_PER_LEASE } from "../limits.ts";
import { fenceEntry, type Log, LogError } from "../log/log.ts";
import type { Applied } from "../machine.ts";
import type { Proposer } from "../propose/proposer.ts";
import { encodeRecord } from "../record/envelope.ts";
import { Backoff, Pause, type ReplicaRuntime } from "../runtime.ts";

export interface LeadershipSetup<Result> {
  readonly log: Log;
  readonly runtime: ReplicaRuntime;
  readonly token: string;
  readonly leaseMs: number;
  /** When the fence that began the term was sent. */
  readonly sinceMs: number;
  readonly proposer: Proposer<Result>;
}

export class Leadership<Command, Result> {
  readonly #setup: LeadershipSetup<Result>;
  readonly #encode: (command: Command) => Uint8Array;
  readonly #lost = Promise.withResolvers<DeposedError>();
  readonly #pause: Pause;
  /** Renewed by an append that was sent then. */
  #renewedMs: number;
  #end: DeposedError | undefined;

  constructor(setup: LeadershipSetup<Result>, encode: (command: Command) => Uint8Array) {
    this.#setup = setup;
    this.#encode = encode;
    this.#renewedMs = setup.sinceMs;
    this.#pause = new Pause(setup.runtime);
    void this.#renew();
  }

  /** The stream's fencing token during this term. */
  get token(): string {
    return this.#setup.token;
  }

  /** Whether nobody else can lead as far as this replica knows: not deposed, and renewed within the lease. */
  get held(): boolean {
    return this.#end === undefined && this.#leftMs() > 0;
  }

  /** Whether the term is over. */
  get over(): boolean {
    return this.#end !== undefined;
  }

  /** Resolves with the reason when the term is over. */
  get lost(): Promise<DeposedError> {
    return this.#lost.promise;
  }

  /** As `Replica.propose`, and rejects with `DeposedError` once another one leads: then the proposal has no effect, for certain. */
  async propose(command: Command): Promise<Applied<Result>> {
    if (this.#end === undefined && this.#leftMs() === 0) this.#lose("the lease ran out");
    if (this.#end !== undefined) throw this.#end;
    return this.#setup.proposer.propose(this.#encode(command));
  }

  /**
   * Ends the term once what is pending is resolved, and lets others lead at once. Resolves when the log has taken it, or it is
   * certain that another one leads; rejects with `LogError` where neither can be told: then the lease has to run out.
   */
  async resign(): Promise<void> {
    await this.#setup.proposer.settled();
    const { log, token } = this.#setup;
    this.#lose("it resigned");
    try {
      await log.append({ entries: [fenceEntry("")], fencingToken: token });
    } catch (error) {
      if (!(error instanceof LogError && error.failure === "fenced")) throw error;
    }
  }

  /** What the log has brought, after the fence that began the term. */
  observe(effect: Effect<Result>): void {
    if (effect.kind === "fenced") this.tokenIs(effect.token);
  }

  /** The stream's token, as the log tells it. */
  tokenIs(token: string): void {
    if (token !== this.#setup.token) this.#lose("another one leads now");
  }

  end(): void {
    this.#lose("the replica stopped");
  }

  #leftMs(): number {
    return Math.max(0, this.#renewedMs + this.#setup.leaseMs - this.#setup.runtime.monotonicMs());
  }

  async #renew(): Promise<void> {
    const { log, runtime, token: fencingToken, leaseMs } = this.#setup;
    const backoff = new Backoff(runtime, Math.min(MIN_RETRY_MS, leaseMs / 10), Math.min(MAX_RETRY_MS, leaseMs / 10));
    const entries = [encodeRecord({ kind: "renewal" })];
    let nextMs = leaseMs / RENEWALS_PER_LEASE;
    while (this.#end === undefined) {
      await this.#pause.wait(Math.min(nextMs, this.#leftMs()));
      if (this.#leftMs() === 0) this.#lose("the lease ran out");
      if (this.#end !== undefined) return;
      const sentMs = runtime.monotonicMs();
      try {
        await this.#withinLease(log.append({ entries, fencingToken }));
        this.#renewedMs = sentMs;
        backoff.reset();
        nextMs = leaseMs / RENEWALS_PER_LEASE;
      } catch (error) {
        if (error instanceof LogError && error.failure === "fenced") this.#lose("another one leads now");
        nextMs = backoff.nextMs();
      }
    }
  }

  /** As the append; an answer that comes after the lease is none. */
  async #withinLease<T>(append: Promise<T>): Promise<T> {
    append.catch(() => undefined);
    const { runtime } = this.#setup;
    const late = Promise.withResolvers<never>();
    const timer = runtime.setTimer(this.#leftMs(), () => late.reject(new LogError("unknown", "the lease ran out")));
    try {
      return await Promise.race([append, late.promise]);
    } finally {
      runtime.clearTimer(timer);
    }
  }

  /** What is pending is resolved by the log, as always: it may have gone in before. */
  #lose(why: string): void {
    if (this.#end !== undefined) return;
    this.#end = new DeposedError(why);
    this.#setup.proposer.close(this.#end);
    this.#pause.end();
    this.#lost.resolve(this.#end);
  }
}

// From proposals to records: numbers them, sends them in batches, in order, and again after a failure, until the log shows each
// one applied. Exactly once: what a failure leaves open is sent again under its old number, and the session table lets it count
// once (docs/decisions). Never tells a result that was not applied from the log, so never one that is not durable.
import type { Effect } from "../apply/replicated-state.ts";
import type { SessionTable } from "../apply/session-table.ts";
import {
  CommandTooLargeError,
  DeposedError,
  InvariantError,
  NotAppendedError,
  OverloadedError,
  ResultUnavailableError,
} from "../errors.ts";
import { Fifo } from "../fifo.ts";
import { MAX_COMMAND_BYTES, MAX_ENVELOPE_BYTES, MAX_IN_FLIGHT_BATCHES, MAX_RETRY_MS, MIN_RETRY_MS } from "../limits.ts";
import {
  type AppendAck,
  type AppendBatch,
  type Appender,
  type Log,
  type LogEntry,
  LogError,
  type LogRecord,
} from "../log/log.ts";
import type { Applied } from "../machine.ts";
import { encodeRecord, NONCE_BYTES, sameBytes } from "../record/envelope.ts";
import { Backoff, type ReplicaRuntime, type Timer } from "../runtime.ts";
import { fitting, isDue } from "./batching.ts";
import { Proposal } from "./proposal.ts";

export interface ProposerSetup {
  readonly log: Log;
  readonly runtime: ReplicaRuntime;
  /** What its session is opened with. */
  readonly machine: { readonly name: string; readonly version: number; readonly maxSessions: number };
  readonly maxPending: number;
  readonly maxPendingBytes: number;
  readonly timeoutMs: number;
  /** All it appends is on condition of this fencing token, which is the stream's: with the next one it is over. */
  readonly fencingToken?: string;
}

/** An acknowledged batch: where it ends, and its last proposal. */
interface Acked {
  readonly end: number;
  readonly session: number;
  readonly counter: number;
}

export class Proposer<Result> {
  readonly #setup: ProposerSetup;
  /** Not numbered yet. */
  readonly #waiting = new Fifo<Proposal<Result>>();
  #waitingBytes = 0;
  /** Numbered, in order, not resolved. */
  readonly #sent = new Fifo<Proposal<Result>>();
  /** How many of `#sent`, from the front, the current appender has, or the log for certain. */
  #handed = 0;
  #appender: Appender | undefined;
  #inFlight = 0;
  /** Acknowledged, and not applied yet as far as this replica has come. */
  readonly #acked = new Fifo<Acked>();
  #session: number | undefined;
  #nextCounter = 0;
  /** The session being opened: what it will be known by, and whether the log is being asked for it. */
  #opening: { readonly nonce: Uint8Array; asked: boolean } | undefined;
  readonly #backoff: Backoff;
  #pause: Timer | undefined;
  #pumping = false;
  #pendingBytes = 0;
  #deadline: Timer | undefined;
  #roomWaiters: (() => void)[] = [];
  /** New proposals are refused, those pending are not given up. */
  #closed: Error | undefined;
  /** The log has another token: nothing can be appended any more, and the log will show it. */
  #fenced = false;
  #ended: Error | undefined;

  constructor(setup: ProposerSetup) {
    this.#setup = setup;
    this.#backoff = new Backoff(setup.runtime, MIN_RETRY_MS, MAX_RETRY_MS);
  }

  get pending(): number {
    return this.#waiting.length + this.#sent.length;
  }

  /** Rejects at once, and honestly, at the bounds; else see `Replica.propose`. */
  propose(command: Uint8Array): Promise<Applied<Result>> {
    const end = this.#ended ?? this.#closed;
    if (end !== undefined) return Promise.reject(end);
    if (command.length > MAX_COMMAND_BYTES) {
      return Promise.reject(
        new CommandTooLargeError(`the command has ${command.length} bytes; ${MAX_COMMAND_BYTES} are allowed`),
      );
    }
    const bytes = command.length + MAX_ENVELOPE_BYTES;
    const { maxPending, maxPendingBytes, runtime, timeoutMs } = this.#setup;
    if (this.#isFull(bytes)) {
      return Promise.reject(
        new OverloadedError(
          `${this.pending} proposals are pending; up to ${maxPending}, and ${maxPendingBytes} bytes, may be`,
        ),
      );
    }
    const proposal = new Proposal<Result>(command, bytes, runtime.monotonicMs() + timeoutMs);
    this.#waiting.push(proposal);
    this.#waitingBytes += bytes;
    this.#pendingBytes += bytes;
    this.#setDeadline();
    this.#pumpSoon();
    return proposal.promise;
  }

  /** Resolves once a small proposal would be taken, or this has ended. */
  async room(): Promise<void> {
    while (this.#ended === undefined && this.#isFull(MAX_ENVELOPE_BYTES)) {
      await new Promise<void>((resolve) => this.#roomWaiters.push(resolve));
    }
  }

  #isFull(bytes: number): boolean {
    return this.pending >= this.#setup.maxPending || this.#pendingBytes + bytes > this.#setup.maxPendingBytes;
  }

  /** Resolves once every caller has been told something, or this has ended. */
  async settled(): Promise<void> {
    while (this.#ended === undefined && this.#firstUntold() !== undefined) {
      await this.#firstUntold()?.promise.catch(() => undefined);
    }
  }

  /** What the log has brought, record by record, in order. */
  observe(effect: Effect<Result>, record: LogRecord): void {
    switch (effect.kind) {
      case "opened":
        this.#opened(effect);
        break;
      case "applied":
        if (effect.session === this.#sent.at(0)?.place?.session) this.#applied(effect, record);
        break;
      case "fenced":
        this.#fencedBy(effect.token);
        break;
      default:
        break;
    }
    this.#checkAcked(record.seqNum + 1);
  }

  /** The replica went on from a snapshot: everything before is applied, but it did not see how. */
  skipped({ sessions, token }: { readonly sessions: SessionTable; readonly token: string }): void {
    this.#opening = undefined;
    this.#acked.drain();
    const lost = this.#sent.drain();
    this.#handed = 0;
    this.#dropAppender();
    for (const proposal of lost) {
      const { place } = proposal;
      const next = place === undefined ? undefined : sessions.nextOf(place.session);
      if (place === undefined || next === undefined) {
        proposal.unknown("the log was trimmed past this replica, and its session has left the log's memory");
        this.#release(proposal);
      } else if (place.counter < next) {
        proposal.failed(new ResultUnavailableError("the proposal was applied where this replica could not follow"));
        this.#release(proposal);
      } else {
        this.#sent.push(proposal);
      }
    }
    if (this.#session !== undefined && sessions.nextOf(this.#session) === undefined) this.#session = undefined;
    this.#fencedBy(token);
    this.#pumpSoon();
  }

  /** Takes no more proposals. What is pending is still seen to. */
  close(reason: Error): void {
    this.#closed ??= reason;
  }

  /** Resolves nothing any more. What was sent and is not resolved has an unknown outcome. */
  end(reason: Error): void {
    if (this.#ended !== undefined) return;
    this.#ended = reason;
    this.#dropAppender();
    if (this.#pause !== undefined) this.#setup.runtime.clearTimer(this.#pause);
    if (this.#deadline !== undefined) this.#setup.runtime.clearTimer(this.#deadline);
    for (const proposal of [...this.#sent.drain(), ...this.#waiting.drain()]) {
      this.#release(proposal);
      proposal.abandon(reason);
    }
    this.#wakeRoom();
  }

  /** Whatever it had appended is before this, and applied; nothing of it can come after. */
  #fencedBy(token: string): void {
    const { fencingToken } = this.#setup;
    if (fencingToken === undefined || token === fencingToken || this.#ended !== undefined) return;
    const deposed = new DeposedError("another one leads now");
    for (const proposal of [...this.#sent.drain(), ...this.#waiting.drain()]) {
      this.#release(proposal);
      proposal.failed(deposed);
    }
    this.#waitingBytes = 0;
    this.end(deposed);
  }

  // Sending

  /** At the end of this turn of the event loop: what is proposed in one turn goes together. */
  #pumpSoon(): void {
    if (this.#pumping) return;
    this.#pumping = true;
    this.#setup.runtime.immediate(() => {
      this.#pumping = false;
      this.#pump();
    });
  }

  #pump(): void {
    if (this.#ended !== undefined || this.#fenced || this.#pause !== undefined || this.pending === 0) return;
    if (this.#session === undefined && this.#waiting.length > 0) this.#open();
    while (this.#inFlight < MAX_IN_FLIGHT_BATCHES) {
      this.#numberWaiting();
      const count = fitting((i) => this.#sent.at(this.#handed + i)?.bytes);
      if (count === 0) return;
      this.#handOver(count);
    }
  }

  /** Numbers one batch of what waits, unless something numbered is to be sent first or it is not yet time. */
  #numberWaiting(): void {
    if (this.#handed < this.#sent.length || this.#session === undefined) return;
    if (!isDue({ records: this.#waiting.length, bytes: this.#waitingBytes }, this.#inFlight)) return;
    for (let count = fitting((i) => this.#waiting.at(i)?.bytes); count > 0; count -= 1) {
      const proposal = this.#takeWaiting();
      proposal.place = { session: this.#session, counter: this.#nextCounter };
      this.#nextCounter += 1;
      this.#sent.push(proposal);
    }
  }

  #takeWaiting(): Proposal<Result> {
    const proposal = this.#waiting.shift();
    if (proposal === undefined) throw new InvariantError("nothing waits");
    this.#waitingBytes -= proposal.bytes;
    return proposal;
  }

  #handOver(count: number): void {
    const { version } = this.#setup.machine;
    const entries = [];
    let last: Proposal<Result>["place"];
    for (let i = this.#handed; i < this.#handed + count; i += 1) {
      const proposal = this.#sent.at(i);
      if (proposal?.place === undefined) throw new InvariantError("a proposal without a number is sent");
      proposal.attempts += 1;
      last = proposal.place;
      entries.push(encodeRecord({ kind: "command", ...last, version, command: proposal.command }));
    }
    this.#handed += count;
    this.#inFlight += 1;
    this.#appender ??= this.#setup.log.openAppender();
    const appender = this.#appender;
    appender.append(this.#batch(entries)).then(
      (ack) => this.#acknowledged(appender, ack, last),
      (error: unknown) => this.#failed(appender, error),
    );
  }

  #batch(entries: readonly LogEntry[]): AppendBatch {
    const { fencingToken } = this.#setup;
    return fencingToken === undefined ? { entries } : { entries, fencingToken };
  }

  #acknowledged(appender: Appender, { end }: AppendAck, last: Proposal<Result>["place"]): void {
    if (appender !== this.#appender || last === undefined) return;
    this.#backoff.reset();
    this.#inFlight -= 1;
    this.#acked.push({ end, ...last });
    this.#pumpSoon();
  }

  /**
   * The appender has failed, and with it all that it had and did not acknowledge: it may be in the log or not. It is sent
   * again, in order, under its old numbers; what has been applied by then is not.
   */
  #failed(appender: Appender, error: unknown): void {
    if (appender !== this.#appender || this.#ended !== undefined) return;
    this.#dropAppender();
    this.#handed = this.#ackedInFront();
    if (error instanceof LogError && error.failure === "refused") this.#refused(error);
    else if (error instanceof LogError && error.failure === "fenced") this.#fenced = true;
    else this.#pauseThenPump();
  }

  #dropAppender(): void {
    this.#appender?.close();
    this.#appender = undefined;
    this.#inFlight = 0;
  }

  /** How many of `#sent` are acknowledged: they are in the log, and only have to be met there. */
  #ackedInFront(): number {
    const first = this.#sent.at(0)?.place;
    const last = this.#acked.at(this.#acked.length - 1);
    if (first === undefined || last === undefined || last.session !== first.session) return 0;
    return Math.max(0, last.counter - first.counter + 1);
  }

  #pauseThenPump(): void {
    if (this.#pause !== undefined) return;
    this.#pause = this.#setup.runtime.setTimer(this.#backoff.nextMs(), () => {
      this.#pause = undefined;
      this.#pump();
    });
  }

  /** Asking again would not help. What was sent before may still arrive, so the session is left behind with it. */
  #refused(cause: LogError): void {
    const acknowledged = this.#handed;
    const sent = this.#sent.drain();
    this.#session = undefined;
    sent.forEach((proposal, i) => {
      if (i < acknowledged) {
        this.#sent.push(proposal);
        return;
      }
      this.#release(proposal);
      if (proposal.attempts > 1) proposal.unknown("the log refused to be asked again about the proposal", cause);
      else proposal.failed(new NotAppendedError(`the log refused the proposal: ${cause.message}`, { cause }));
    });
    this.#refuseWaiting(cause);
  }

  #refuseWaiting(cause: Error): void {
    this.#waitingBytes = 0;
    for (const proposal of this.#waiting.drain()) {
      this.#release(proposal);
      proposal.failed(new NotAppendedError(`the log refuses proposals: ${cause.message}`, { cause }));
    }
  }

  // Sessions

  /** Whether this is answered does not matter: the record is looked for in the log. Doubled, it opens a session for nobody. */
  #open(): void {
    const { runtime, log, machine } = this.#setup;
    this.#opening ??= { nonce: runtime.randomBytes(NONCE_BYTES), asked: false };
    const opening = this.#opening;
    if (opening.asked) return;
    opening.asked = true;
    const { name, ...format } = machine;
    const entry = encodeRecord({ kind: "open", nonce: opening.nonce, machine: name, ...format });
    log.append(this.#batch([entry])).then(
      () => this.#backoff.reset(),
      (error: unknown) => {
        if (this.#opening !== opening) return;
        opening.asked = false;
        if (error instanceof LogError && error.failure === "refused") this.#refuseWaiting(error);
        else if (error instanceof LogError && error.failure === "fenced") this.#fenced = true;
        else this.#pauseThenPump();
      },
    );
  }

  #opened({ session, nonce, evicted }: Extract<Effect<Result>, { kind: "opened" }>): void {
    if (evicted !== undefined && evicted === this.#session) this.#leaveSession();
    if (this.#opening === undefined || !sameBytes(nonce, this.#opening.nonce)) return;
    this.#opening = undefined;
    this.#session = session;
    this.#nextCounter = 0;
    this.#pumpSoon();
  }

  /** The log has forgotten the session: what of it is not applied by now never will be, so it goes under a new one, in order. */
  #leaveSession(): void {
    this.#session = undefined;
    this.#dropAppender();
    this.#acked.drain();
    this.#handed = 0;
    const behind = this.#waiting.drain();
    const unapplied = this.#sent.drain();
    this.#waitingBytes = 0;
    for (const proposal of [...unapplied, ...behind]) {
      proposal.place = undefined;
      if (proposal.told) {
        this.#release(proposal);
        proposal.failed(new NotAppendedError("the log had forgotten the proposer before it took the proposal"));
        continue;
      }
      proposal.attempts = 0;
      this.#waiting.push(proposal);
      this.#waitingBytes += proposal.bytes;
    }
    this.#pumpSoon();
  }

  // Resolving

  #applied(effect: Extract<Effect<Result>, { kind: "applied" }>, { seqNum, timestampMs }: LogRecord): void {
    const proposal = this.#sent.at(0);
    if (proposal?.place?.counter !== effect.counter) {
      throw new InvariantError(`${seqNum} applies ${effect.counter}; ${proposal?.place?.counter} was to come`);
    }
    this.#sent.shift();
    if (this.#handed > 0) this.#handed -= 1;
    this.#release(proposal);
    proposal.applied(effect.outcome, { seqNum, timestampMs });
  }

  /** An acknowledged batch that was passed over, because what came before it was lost on the way, is sent again. */
  #checkAcked(next: number): void {
    for (let batch = this.#acked.at(0); batch !== undefined && batch.end <= next; batch = this.#acked.at(0)) {
      this.#acked.shift();
      const first = this.#sent.at(0)?.place;
      if (first === undefined || first.session !== batch.session || first.counter > batch.counter) continue;
      this.#acked.drain();
      this.#dropAppender();
      this.#handed = 0;
      this.#pauseThenPump();
    }
  }

  #release(proposal: Proposal<Result>): void {
    this.#pendingBytes -= proposal.bytes;
    this.#wakeRoom();
  }

  #wakeRoom(): void {
    const waiters = this.#roomWaiters;
    this.#roomWaiters = [];
    for (const wake of waiters) wake();
  }

  // Deadlines

  /** One timer for the first that is due: deadlines are in the order of proposing. */
  #setDeadline(): void {
    const first = this.#firstUntold();
    if (this.#deadline !== undefined || first === undefined) return;
    const { runtime } = this.#setup;
    const delayMs = Math.max(0, first.deadlineMs - runtime.monotonicMs());
    this.#deadline = runtime.setTimer(delayMs, () => this.#expire());
  }

  #expire(): void {
    this.#deadline = undefined;
    const nowMs = this.#setup.runtime.monotonicMs();
    for (
      let first = this.#firstUntold();
      first !== undefined && first.deadlineMs <= nowMs;
      first = this.#firstUntold()
    ) {
      if (first.place === undefined) {
        this.#takeWaiting();
        this.#release(first);
      }
      first.expire();
    }
    this.#setDeadline();
  }

  /** What was told to be unknown stays among what is sent, in front. */
  #firstUntold(): Proposal<Result> | undefined {
    for (let i = 0; i < this.#sent.length; i += 1) {
      const proposal = this.#sent.at(i);
      if (proposal?.told === false) return proposal;
    }
    return this.#waiting.at(0);
  }
}

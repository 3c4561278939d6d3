// The deterministic heart: what one record does to state and session table. Every replica that applies the same records has
// the same ReplicatedState. Reads no clock, waits for nothing, and knows no network; what follows from a record for who waits
// is told as an effect.
import { createHash } from "node:crypto";
import { ApplyFailedError, CommandRejected, InvariantError, VersionError } from "../errors.ts";
import { DEFAULT_MAX_SESSIONS } from "../limits.ts";
import { fenceOf, type LogRecord, type Position } from "../log/log.ts";
import type { Machine, SnapshotFormat } from "../machine.ts";
import { type CommandRecord, decodeRecord, type OpenRecord } from "../record/envelope.ts";
import { type Bookkeeping, encodeBookkeeping, type Leader } from "./image.ts";
import { KnownSnapshots, type Trims } from "./known-snapshots.ts";
import { type Admission, SessionTable } from "./session-table.ts";

/** How a command ended: the same in every replica. */
export type Outcome<Result> =
  | { readonly ok: true; readonly result: Result }
  | { readonly ok: false; readonly error: CommandRejected };

export type Effect<Result> =
  | {
      readonly kind: "opened";
      readonly session: number;
      readonly nonce: Uint8Array;
      readonly evicted: number | undefined;
    }
  | {
      readonly kind: "applied";
      readonly session: number;
      readonly counter: number;
      readonly outcome: Outcome<Result>;
    }
  | {
      readonly kind: "passed";
      readonly session: number;
      readonly counter: number;
      readonly why: Exclude<Admission, "next">;
    }
  | { readonly kind: "fenced"; readonly token: string }
  /** The leader let itself be heard. */
  | { readonly kind: "led" }
  | {
      readonly kind: "transacted";
      readonly nonce: Uint8Array;
      readonly number: number;
      readonly outcome: Outcome<Result>;
    }
  | { readonly kind: "checkpoint"; readonly nonce: Uint8Array; readonly snapshot: boolean }
  | { readonly kind: "digest"; readonly nonce: Uint8Array; readonly next: number; readonly digest: Uint8Array }
  | { readonly kind: "announced"; readonly nonce: Uint8Array; readonly trims: Trims | undefined }
  /** Not of this package. */
  | { readonly kind: "foreign" };

export class ReplicatedState<State, Command, Result> {
  readonly #machine: Machine<State, Command, Result>;
  readonly state: State;
  readonly sessions: SessionTable;
  readonly snapshots: KnownSnapshots;
  #token: string;
  #leader: Leader | undefined;
  #next: number;

  private constructor(machine: Machine<State, Command, Result>, state: State, kept: Bookkeeping, next: number) {
    this.#machine = machine;
    this.state = state;
    this.sessions = kept.sessions;
    this.snapshots = kept.snapshots;
    this.#token = kept.token;
    this.#leader = kept.leader;
    this.#next = next;
  }

  /** As it is before the first record. */
  static initial<State, Command, Result>(
    machine: Machine<State, Command, Result>,
  ): ReplicatedState<State, Command, Result> {
    const kept = {
      sessions: new SessionTable(maxSessionsOf(machine)),
      snapshots: new KnownSnapshots(),
      token: "",
      leader: undefined,
    };
    return new ReplicatedState(machine, machine.initial(), kept, 0);
  }

  /** As it was before the record `next`, according to a snapshot. */
  static restored<State, Command, Result>(
    machine: Machine<State, Command, Result>,
    state: State,
    kept: Bookkeeping,
    next: number,
  ): ReplicatedState<State, Command, Result> {
    if (kept.sessions.capacity !== maxSessionsOf(machine)) {
      throw new VersionError(
        `maxSessions is ${kept.sessions.capacity} in a snapshot and ${maxSessionsOf(machine)} here`,
      );
    }
    return new ReplicatedState(machine, state, kept, next);
  }

  /** What `restored` needs, as of now, however late the chunks are taken. To be taken to its end, or left by `return`. */
  image(format: SnapshotFormat<State>, version: number): IterableIterator<Uint8Array> {
    const chunks = format.take(this.state, version)[Symbol.iterator]();
    // A generator does nothing before it is asked, and must look at the state now.
    const ahead: IteratorResult<Uint8Array>[] = [{ done: false, value: encodeBookkeeping(this) }, chunks.next()];
    return {
      next: () => ahead.shift() ?? chunks.next(),
      return: () => chunks.return?.() ?? { done: true, value: undefined },
      [Symbol.iterator]() {
        return this;
      },
    };
  }

  /** Of the whole state as it is now, session table included; undefined if the machine has no digest. */
  digest(): Uint8Array | undefined {
    const state = this.#machine.digest?.(this.state);
    return state && createHash("sha256").update(encodeBookkeeping(this)).update(state).digest();
  }

  /** The sequence number of the next record: all before it are applied. */
  get next(): number {
    return this.#next;
  }

  /** The stream's fencing token. */
  get token(): string {
    return this.#token;
  }

  /** Who holds the token; undefined if nobody says so. */
  get leader(): Leader | undefined {
    return this.#leader;
  }

  /** Applies the record at `next`. Throws what stops a replica; then this must not be used any more. */
  apply(record: LogRecord): Effect<Result> {
    if (record.seqNum !== this.#next) {
      throw new InvariantError(`the record after ${this.#next - 1} came as ${record.seqNum}`);
    }
    const effect = this.#effectOf(record);
    this.#next += 1;
    return effect;
  }

  #effectOf(record: LogRecord): Effect<Result> {
    const token = fenceOf(record);
    if (token !== undefined) {
      this.#token = token;
      this.#leader = undefined;
      return { kind: "fenced", token };
    }
    const decoded = decodeRecord(record);
    switch (decoded?.kind) {
      case undefined:
        return { kind: "foreign" };
      case "open":
        return this.#open(decoded, record);
      case "command":
        return this.#command(decoded, record);
      case "transaction": {
        const { nonce, number, version, command } = decoded;
        this.#refuseLater(version, record.seqNum);
        return { kind: "transacted", nonce, number, outcome: this.#outcomeOf(command, version, record) };
      }
      case "term":
        this.#leader = { holder: decoded.holder, leaseMs: decoded.leaseMs };
        return { kind: "led" };
      case "renewal":
        return { kind: "led" };
      case "checkpoint":
      case "digest":
        return decoded;
      case "snapshot":
        return { kind: "announced", nonce: decoded.nonce, trims: this.snapshots.announce(decoded) };
      case "piece":
      case "whole":
        throw new VersionError(`${record.seqNum} is a record of a stream of snapshots: this is not the log`);
    }
  }

  #open({ machine, version, maxSessions, nonce }: OpenRecord, { seqNum }: Position): Effect<Result> {
    const ours = this.#machine;
    if (machine !== ours.name) throw new VersionError(`the log is of the machine "${machine}", not of "${ours.name}"`);
    this.#refuseLater(version, seqNum);
    if (maxSessions !== this.sessions.capacity) {
      throw new VersionError(`${seqNum}: maxSessions is ${maxSessions} there and ${this.sessions.capacity} here`);
    }
    return { kind: "opened", session: seqNum, nonce, evicted: this.sessions.open(seqNum) };
  }

  #command({ session, counter, version, command }: CommandRecord, position: Position): Effect<Result> {
    this.#refuseLater(version, position.seqNum);
    const admission = this.sessions.admit(session, counter);
    if (admission !== "next") return { kind: "passed", session, counter, why: admission };
    return { kind: "applied", session, counter, outcome: this.#outcomeOf(command, version, position) };
  }

  #outcomeOf(command: Uint8Array, version: number, { seqNum, timestampMs }: Position): Outcome<Result> {
    try {
      const decoded = this.#machine.decode(command, version);
      return { ok: true, result: this.#machine.apply(this.state, decoded, { seqNum, timestampMs }) };
    } catch (error) {
      // A refusal is the same everywhere. Of anything else nobody knows that, nor how far the state was changed.
      if (error instanceof CommandRejected) return { ok: false, error };
      throw new ApplyFailedError(seqNum, error);
    }
  }

  #refuseLater(version: number, seqNum: number): void {
    const { name, version: ours } = this.#machine;
    if (version > ours) {
      throw new VersionError(
        `${seqNum} was written by version ${version} of "${name}"; this build knows up to ${ours}`,
      );
    }
  }
}

export function maxSessionsOf(machine: Pick<Machine<unknown, unknown, unknown>, "maxSessions">): number {
  return machine.maxSessions ?? DEFAULT_MAX_SESSIONS;
}

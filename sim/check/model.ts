// A correct stream, as the sequential object that every history is measured against: its state, and what each step does to it or
// says of it. Pure; knows nothing of time and of concurrency.
import type { Config, Position, ReadStart } from "./history.ts";
import type { Append, Placement } from "./placement.ts";
import type { Step } from "./steps.ts";

/**
 * `pending`: deleted, and the name may become free at any moment without anybody's doing. Nobody sees that moment itself, so the first
 * step that needs the name to be free makes it so.
 */
export type Phase = "absent" | "present" | "pending";

export interface StreamState {
  readonly phase: Phase;
  readonly log: Log;
  readonly fencingToken: string;
  readonly trimPoint: number;
  /** What is known of it. */
  readonly config: Config;
  readonly requestToken: string | undefined;
  /** Records vanish by age, at any moment: whatever is seen of that moves the trim point. Whether they were old enough is not judged here. */
  readonly expires: boolean;
  /** How many incarnations of the stream there have been, this one included. Nobody can tell. */
  readonly incarnation: number;
}

export function initialState(phase: "absent" | "present", expires: boolean): StreamState {
  return {
    phase,
    log: new Log([], 0, 0),
    fencingToken: "",
    trimPoint: 0,
    config: {},
    requestToken: undefined,
    expires,
    incarnation: phase === "present" ? 1 : 0,
  };
}

/** Stands for a record that nobody has seen. */
const UNSEEN = -1;

/** The records of one incarnation, by number (see Placement). Immutable to its users; versions that follow each other share their memory. */
export class Log {
  readonly #records: number[];
  /** The next sequence number. */
  readonly tail: number;
  /** A chained hash over the records; those that nobody has seen are all alike. */
  readonly hash: number;

  constructor(records: number[], tail: number, hash: number) {
    this.#records = records;
    this.tail = tail;
    this.hash = hash;
  }

  /** The record at a sequence number below the tail. */
  at(seqNum: number): number {
    return this.#records[seqNum];
  }

  /** Whether an append that stands somewhere stands in this log. */
  has(append: Append): boolean {
    return append.start !== undefined && append.start < this.tail && this.at(append.start) === append.firstRecord;
  }

  with(append: Append): Log {
    // Another version may have gone on from here in another way: then this one needs memory of its own.
    const records = this.#records.length === this.tail ? this.#records : this.#records.slice(0, this.tail);
    let { hash } = this;
    for (let i = 0; i < append.count; i += 1) {
      records.push(append.firstRecord + i);
      const seen = append.start === undefined ? UNSEEN : append.firstRecord + i;
      hash = Math.imul(hash ^ seen, 0x01000193) ^ (hash >>> 15);
    }
    return new Log(records, this.tail + append.count, hash);
  }
}

/** Why a step does not fit a state, in words for the report. */
export type Misfit = string;

/** The state after a step, or why it cannot happen in `state`. A step that only observes answers with the very same state. */
export function apply(state: StreamState, step: Step, placement: Placement): StreamState | Misfit {
  switch (step.kind) {
    case "append":
      return append(state, step.append, placement);
    case "create-on-demand":
      return state.phase === "present" ? "it is there already" : created(state, undefined, undefined);
    case "create":
      return create(state, step);
    case "reconfigure":
      return reconfigure(state, step);
    case "delete":
      if (state.phase === "absent") return "it is absent";
      if (step.spent) {
        if (state.phase === "pending") return "its deletion is pending already";
        if (!state.expires && state.trimPoint < state.log.tail) return "it is not empty";
      }
      return state.phase === "pending" ? state : { ...state, phase: "pending" };
    case "not-found":
      if (state.phase === "present") return "it is there";
      return state.phase === "absent" ? state : { ...state, phase: "absent" };
    case "deletion-pending":
      return state.phase === "pending" ? state : "its deletion is not pending";
    default:
      if (state.phase !== "present") return "it is absent or being deleted";
      if (isOfAnother(state.log, step.witness, placement)) return OF_ANOTHER;
      return observed(state, step, placement);
  }
}

type Observation = Exclude<
  Step,
  { kind: "append" | "create-on-demand" | "create" | "reconfigure" | "delete" | "not-found" | "deletion-pending" }
>;

function observed(state: StreamState, step: Observation, placement: Placement): StreamState | Misfit {
  const why = misfit(state, step, placement);
  if (why === undefined) return state;
  const trimPoint = state.expires ? expiredTo(state, step) : 0;
  if (trimPoint <= state.trimPoint || trimPoint > state.log.tail) return why;
  const expired = { ...state, trimPoint };
  return misfit(expired, step, placement) === undefined ? expired : why;
}

/** How much must have vanished by age for an observation to be true, at least. */
function expiredTo({ log }: StreamState, step: Observation): number {
  switch (step.kind) {
    case "read-start":
      return step.first;
    case "read-run":
      // What vanished while it was read has ended it.
      return step.first + step.records.length + 1;
    case "nothing-there":
    case "caught-up":
      return log.tail;
    default:
      return 0;
  }
}

/** What an observation of a stream that is there says, and the state contradicts. */
function misfit(state: StreamState, step: Observation, placement: Placement): Misfit | undefined {
  switch (step.kind) {
    case "exists":
      return undefined;
    case "already-exists":
      return step.requestToken !== undefined && step.requestToken === state.requestToken
        ? "it was created by the very request that is repeated"
        : undefined;
    case "has-config":
      return contradicts(state.config, step.config) ? "its config is another" : undefined;
    case "tail":
      return tailMisfit(state, step.tail, placement);
    case "caught-up":
      return (
        tailMisfit(state, step.tail, placement) ??
        (anythingFrom(state, step.start, placement) ? "there is something to read" : undefined)
      );
    case "nothing-there":
      return anythingFrom(state, step.start, placement) ? "there is something to read" : undefined;
    case "read-start":
      return startMisfit(state, step.start, step.clamp, step.first, placement);
    case "read-run":
      return runMisfit(state, step);
    case "seq-num-mismatch":
      if (step.fencingToken !== undefined && step.fencingToken !== state.fencingToken) return "its token is another";
      if (step.actual !== state.log.tail) return "its tail is another";
      return step.matchSeqNum === state.log.tail ? "the condition is true" : undefined;
    case "fencing-token-mismatch":
      if (step.actual !== state.fencingToken) return "its token is another";
      return step.fencingToken === state.fencingToken ? "the condition is true" : undefined;
  }
}

function append(state: StreamState, append: Append, placement: Placement): StreamState | Misfit {
  if (state.phase !== "present") return "it is absent or being deleted";
  const { call } = append.operation;
  const { log } = state;
  const start = log.tail;
  if (append.start !== undefined && append.start !== start) return "its place is not the tail";
  if (call.fencingToken !== undefined && call.fencingToken !== state.fencingToken) return "its fencing token is false";
  if (call.matchSeqNum !== undefined && call.matchSeqNum !== start) return "its match_seq_num is false";
  if (isOfAnother(log, append, placement)) return OF_ANOTHER;
  const before = start === 0 ? undefined : placement.timestamp(log.at(start - 1));
  const first = placement.timestamp(append.firstRecord);
  if (before !== undefined && first !== undefined && first < before) return "its timestamp is earlier than the tail's";
  let { fencingToken, trimPoint } = state;
  for (let i = 0; i < append.count; i += 1) {
    const { command } = call.records[i];
    if (command?.kind === "fence") fencingToken = command.token;
    // Beyond the tail means: just after the command itself. It never moves back.
    if (command?.kind === "trim") trimPoint = Math.max(trimPoint, Math.min(command.seqNum, start + i + 1));
  }
  return { ...state, log: log.with(append), fencingToken, trimPoint };
}

const OF_ANOTHER = "it is about another incarnation of the stream";

/** Whether what is known to be together with `witness` cannot be in this log. */
function isOfAnother(log: Log, witness: Append | undefined, placement: Placement): boolean {
  if (witness === undefined) return false;
  const companion = placement.companion(witness);
  return companion.start !== undefined && companion.start < log.tail && !log.has(companion);
}

function created(before: StreamState, config: Config | undefined, requestToken: string | undefined): StreamState {
  const { expires, incarnation } = before;
  return { ...initialState("present", expires), config: config ?? {}, requestToken, incarnation: incarnation + 1 };
}

function create(state: StreamState, step: Step & { kind: "create" }): StreamState | Misfit {
  const { ensure, result, config, told, requestToken } = step;
  if (state.phase !== "present") {
    if (result !== undefined && result !== "created") return "it is absent or being deleted";
    return created(state, told ?? config, requestToken);
  }
  if (result === "created") return "it is there already";
  if (!ensure) {
    if (requestToken === undefined || requestToken !== state.requestToken) return "it is there already";
    return told !== undefined && contradicts(state.config, told) ? "its config is another" : state;
  }
  const ensured = told ?? config ?? {};
  if (result === "noop" && contradicts(state.config, ensured)) return "its config is another";
  return { ...state, config: result === "noop" ? { ...state.config, ...ensured } : ensured };
}

function reconfigure(state: StreamState, step: Step & { kind: "reconfigure" }): StreamState | Misfit {
  if (state.phase !== "present") return "it is absent or being deleted";
  const config = { ...state.config, ...step.patch };
  if (step.told === undefined) return { ...state, config };
  if (contradicts(config, step.told)) return "its config is another";
  return { ...state, config: { ...config, ...step.told } };
}

/** Only what both know is compared. */
function contradicts(known: Config, told: Config): boolean {
  for (const field in told) if (field in known && known[field] !== told[field]) return true;
  return false;
}

/** Undefined when nobody was told the last record's. */
function tailTimestamp({ log }: StreamState, placement: Placement): bigint | undefined {
  return log.tail === 0 ? 0n : placement.timestamp(log.at(log.tail - 1));
}

function tailMisfit(state: StreamState, tail: Position, placement: Placement): Misfit | undefined {
  if (tail.seqNum !== state.log.tail) return "its tail is another";
  const timestamp = tailTimestamp(state, placement);
  return timestamp !== undefined && timestamp !== tail.timestamp ? "its tail's timestamp is another" : undefined;
}

/** Whether records are kept at or behind a read's start; false where it cannot be known. */
function anythingFrom(state: StreamState, start: ReadStart, placement: Placement): boolean {
  const { tail } = state.log;
  if (state.trimPoint >= tail) return false;
  if (start.kind === "seq_num") return start.seqNum < tail;
  if (start.kind === "tail_offset") return start.offset > 0;
  return (tailTimestamp(state, placement) ?? -1n) >= start.timestamp;
}

/** A read begins at the first record kept at or behind what was asked for, and what is trimmed is hidden at once. */
function startMisfit(
  state: StreamState,
  start: ReadStart,
  clamp: boolean,
  first: number,
  placement: Placement,
): Misfit | undefined {
  const { log, trimPoint } = state;
  if (first < trimPoint) return "what it begins with is trimmed";
  switch (start.kind) {
    case "seq_num": {
      const asked = start.seqNum > log.tail && clamp ? log.tail : start.seqNum;
      return first === Math.max(asked, trimPoint) ? undefined : "it begins elsewhere than asked";
    }
    case "tail_offset": {
      const asked = Math.max(0, log.tail - start.offset);
      // What was asked for may have been trimmed after it was found, and the tail have moved on since.
      const raised = trimPoint > 0 && first === trimPoint;
      return first === asked || raised ? undefined : "it begins elsewhere than asked";
    }
    case "timestamp": {
      const last = tailTimestamp(state, placement);
      const atTail = first === Math.max(log.tail, trimPoint);
      if (clamp && last !== undefined && last < start.timestamp)
        return atTail ? undefined : "it begins elsewhere than asked";
      // Nobody was told the last record's time: it may be earlier than what was asked for.
      if (clamp && last === undefined && atTail) return undefined;
      if (first >= log.tail) return "what it begins with is not there yet";
      if ((placement.timestamp(log.at(first)) ?? start.timestamp) < start.timestamp)
        return "it begins before the time asked";
      if (first === trimPoint) return undefined;
      const before = placement.timestamp(log.at(first - 1));
      return before !== undefined && before >= start.timestamp ? "it leaves out what it should begin with" : undefined;
    }
  }
}

function runMisfit({ log, trimPoint }: StreamState, step: Step & { kind: "read-run" }): Misfit | undefined {
  const { first, records, endsAtTail } = step;
  const end = first + records.length;
  if (end > log.tail) return "what it read is not there yet";
  for (let i = 0; i < records.length; i += 1) if (records[i] !== log.at(first + i)) return "other records are there";
  // What is trimmed while it is read may end it early.
  return endsAtTail && end < log.tail && trimPoint <= end ? "there is more to read" : undefined;
}

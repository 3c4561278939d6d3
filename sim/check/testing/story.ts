// Small histories, told in one line an operation. The record at sequence number n has the timestamp 1000 + n.
import type { Answer, AppendedRecord, Call, Command, Operation, Position, ReadStart } from "../history.ts";
import { type Pending, Recorder } from "../recorder.ts";

export const CREATED: Answer = { kind: "provisioned", result: "created" };
export const UNKNOWN: Answer = { kind: "unknown" };

/** The tail `n`. */
export function tail(n: number): Position {
  return { seqNum: n, timestamp: n === 0 ? 0n : BigInt(999 + n) };
}

/** Records are named by letters: "a b c". */
export function append(
  names: string,
  conditions: { matchSeqNum?: number; fencingToken?: string } = {},
): Call & { kind: "append" } {
  return { kind: "append", records: names.split(" ").map((id): AppendedRecord => ({ id })), ...conditions };
}

export function command(id: string, command: Command): Call {
  return { kind: "append", records: [{ id, command }] };
}

/** Acknowledges `count` records from `start` on. */
export function acked(start: number, count = 1, now = start + count): Answer {
  const first = { seqNum: start, timestamp: BigInt(1000 + start) };
  return { kind: "appended", start: first, end: tail(start + count), tail: tail(now) };
}

export function readFrom(seqNum: number): Call {
  return { kind: "read", start: { kind: "seq_num", seqNum } };
}

/** "a b c" from `first` on; all there is, unless `more`. */
export function records(first: number, names: string, more = false): Answer {
  return {
    kind: "records",
    records: names.split(" ").map((id, i) => ({ id, seqNum: first + i, timestamp: BigInt(1000 + first + i) })),
    endsAtTail: !more,
  };
}

export const NOTHING: Answer = { kind: "records", records: [], endsAtTail: true };

/** Operations of a stream "s". Begins with its creation. */
export class Story {
  readonly recorder = new Recorder();

  constructor() {
    this.told({ kind: "create" }, CREATED);
  }

  /** One operation after the other. */
  told(call: Call, answer: Answer, session?: string): this {
    this.begin(call, session).answer(answer);
    return this;
  }

  /** An operation that overlaps what is told before its `answer`. */
  begin(call: Call, session?: string): Pending {
    return this.recorder.invoke("client", "s", call, session);
  }

  follow(start: ReadStart = { kind: "seq_num", seqNum: 0 }) {
    return this.recorder.readSession("follower", "s", start);
  }

  get history(): Operation[] {
    return this.recorder.history();
  }
}

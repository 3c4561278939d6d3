// What the official SDK was asked and what it answered, in the words of a checked history. Only translates.
import { createHash } from "node:crypto";
import {
  type AppendAck,
  AppendInput,
  AppendRecord,
  FencingTokenMismatchError,
  RangeNotSatisfiableError,
  S2Error,
  type ReadRecord as SdkReadRecord,
  SeqNumMismatchError,
  type StreamPosition,
} from "@s2-dev/streamstore";
import type { Answer, AppendedRecord, Call, Position, ReadRecord } from "../../sim/check/history.ts";

/** A record to append: both for the SDK and for the history. */
export interface Draft {
  readonly sdk: AppendRecord;
  readonly history: AppendedRecord;
}

export function data(body: string): Draft {
  return { sdk: AppendRecord.string({ body }), history: { id: bodyId(Buffer.from(body)) } };
}

/** `token` must be new. */
export function fence(token: string): Draft {
  return { sdk: AppendRecord.fence(token), history: { id: `fence ${token}`, command: { kind: "fence", token } } };
}

/** No two trims of a stream may name the same sequence number. */
export function trim(seqNum: number): Draft {
  return { sdk: AppendRecord.trim(seqNum), history: { id: `trim ${seqNum}`, command: { kind: "trim", seqNum } } };
}

export interface Conditions {
  readonly matchSeqNum?: number;
  readonly fencingToken?: string;
}

export function appendOf(drafts: readonly Draft[], conditions: Conditions): { input: AppendInput; call: Call } {
  return {
    input: AppendInput.create(
      drafts.map(({ sdk }) => sdk),
      conditions,
    ),
    call: { kind: "append", records: drafts.map(({ history }) => history), ...conditions },
  };
}

/** Short bodies are their own names; long ones keep their beginning. */
function bodyId(body: Uint8Array): string {
  if (body.length <= 64) return Buffer.from(body).toString();
  return `${Buffer.from(body.subarray(0, 32))}… ${createHash("sha256").update(body).digest("hex").slice(0, 24)}`;
}

export function position({ seqNum, timestamp }: StreamPosition): Position {
  return { seqNum, timestamp: BigInt(timestamp.getTime()) };
}

export function appended({ start, end, tail }: AppendAck): Answer {
  return { kind: "appended", start: position(start), end: position(end), tail: position(tail) };
}

export function readRecord(record: SdkReadRecord<"bytes">): ReadRecord {
  return { ...position(record), id: recordId(record) };
}

/** What a history calls it: a command by its argument, any other record by its body. */
export function recordId({ headers, body }: Pick<SdkReadRecord<"bytes">, "headers" | "body">): string {
  if (headers.length === 0) return bodyId(body);
  const [[name, value]] = headers;
  const kind = Buffer.from(value).toString();
  if (headers.length === 1 && name.length === 0 && kind === "fence") return `fence ${Buffer.from(body)}`;
  if (headers.length === 1 && name.length === 0 && kind === "trim" && body.length === 8)
    return `trim ${Buffer.from(body).readBigUInt64BE()}`;
  return `with headers nobody gave it: ${bodyId(body)}`;
}

/** An error as an answer. Where it does not promise that nothing happened, the outcome is unknown. */
export function failure(error: unknown): Answer {
  if (error instanceof SeqNumMismatchError) return { kind: "seq-num-mismatch", actual: error.expectedSeqNum };
  if (error instanceof FencingTokenMismatchError)
    return { kind: "fencing-token-mismatch", actual: error.expectedFencingToken };
  if (error instanceof RangeNotSatisfiableError && error.tail !== undefined)
    return { kind: "unwritten", tail: position(error.tail) };
  if (!(error instanceof S2Error) || error.origin !== "server") return { kind: "unknown" };
  switch (error.code) {
    case "stream_not_found":
      return { kind: "not-found" };
    case "stream_deletion_pending":
      return { kind: "deletion-pending" };
    case "resource_already_exists":
      return { kind: "already-exists" };
    default:
      break;
  }
  const refused = error.status >= 400 && error.status < 500 && error.status !== 408 && error.status !== 499;
  return { kind: refused || error.hasNoSideEffects() ? "refused" : "unknown" };
}

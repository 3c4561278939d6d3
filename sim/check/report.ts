// Histories in words, for whoever has to find out what went wrong. Only formats.
import type { Answer, Call, Operation, Position, ReadStart } from "./history.ts";
import type { Stuck } from "./search.ts";

/** How much of the order before the contradiction is shown. */
const SHOWN_STEPS = 25;
const SHOWN_CANDIDATES = 25;

/** One line: `12–17 client-3 append [a b] if_tail=4: acknowledged at 4`. */
export function describeOperation(operation: Operation): string {
  const { client, call, answer, invoked, returned, session } = operation;
  const until = answer.kind === "unknown" ? "" : returned;
  const within = session === undefined ? "" : ` (${session})`;
  return `${invoked}–${until} ${client}${within} ${describeCall(call)}: ${describeAnswer(answer)}`;
}

/** The state that was reached, what led there, and what does not fit. */
export function describeStuck(stream: string, stuck: Stuck): string {
  const { state, longest, next } = stuck;
  const lines = [`stream ${stream}: ${longest.length} steps in order, the last of them:`];
  if (longest.length > SHOWN_STEPS) lines.push("  …");
  for (const step of longest.slice(-SHOWN_STEPS)) lines.push(`  ${step.kind}: ${describeOperation(step.operation)}`);
  lines.push(
    `then it is ${state.phase}, its tail ${state.log.tail}, its fencing token "${state.fencingToken}", its trim point ${state.trimPoint}. What could come next does not fit:`,
  );
  for (const { step, why } of next.slice(0, SHOWN_CANDIDATES))
    lines.push(`  ${step.kind}: ${describeOperation(step.operation)}`, `    but ${why}`);
  if (next.length > SHOWN_CANDIDATES) lines.push(`  and ${next.length - SHOWN_CANDIDATES} more`);
  return lines.join("\n");
}

function describeCall(call: Call): string {
  switch (call.kind) {
    case "append": {
      const records = call.records.map(({ id, command }) => (command === undefined ? id : JSON.stringify(command)));
      const match = call.matchSeqNum === undefined ? "" : ` match_seq_num=${call.matchSeqNum}`;
      const token = call.fencingToken === undefined ? "" : ` fencing_token="${call.fencingToken}"`;
      return `append [${brief(records)}]${match}${token}`;
    }
    case "read":
      return `read from ${describeStart(call.start)}${call.clamp === true ? " clamped" : ""}`;
    default:
      return call.kind;
  }
}

function describeStart(start: ReadStart): string {
  switch (start.kind) {
    case "seq_num":
      return `${start.seqNum}`;
    case "timestamp":
      return `timestamp ${start.timestamp}`;
    case "tail_offset":
      return `${start.offset} before the tail`;
  }
}

function describeAnswer(answer: Answer): string {
  switch (answer.kind) {
    case "appended":
      return `acknowledged at ${answer.start.seqNum}, tail ${position(answer.tail)}`;
    case "records": {
      const first = answer.records[0];
      const what =
        first === undefined ? "nothing" : `from ${first.seqNum} [${brief(answer.records.map(({ id }) => id))}]`;
      const end = answer.endsAtTail ? ", to the tail" : "";
      return answer.tail === undefined ? what + end : `${what}${end}, tail ${position(answer.tail)}`;
    }
    case "tail":
    case "unwritten":
      return `${answer.kind} ${position(answer.tail)}`;
    case "seq-num-mismatch":
    case "fencing-token-mismatch":
      return `${answer.kind}, it is "${answer.actual}"`;
    case "provisioned":
      return answer.result ?? answer.kind;
    default:
      return answer.kind;
  }
}

function position({ seqNum, timestamp }: Position): string {
  return `${seqNum}@${timestamp}`;
}

function brief(items: readonly string[]): string {
  if (items.length <= 6) return items.join(" ");
  return `${items.slice(0, 3).join(" ")} … ${items.slice(-2).join(" ")}: ${items.length}`;
}

// Whether what vanished by age had reached that age: the one thing about histories that takes clocks. What is seen to be hidden is compared
// with when it can have been written at the earliest; that things vanish in time is for whoever waits for it.
import type { Answer, History, Operation } from "./history.ts";
import { describeOperation } from "./report.ts";

/** A stream from which only age takes anything: nobody trims or deletes it. */
export interface AgeingStream {
  readonly stream: string;
  readonly ageMs: number;
  /** It deletes itself when it was empty and not written to for so long; undefined for one that never does. */
  readonly deletesItselfAfterMs: number | undefined;
}

/**
 * A sentence for everything that vanished too early. The operations of these streams must bear times. `clockErrorMs`: so far apart are the clocks
 * of those who write and those who judge what is old.
 */
export function checkAgeing(history: History, streams: readonly AgeingStream[], clockErrorMs: number): string[] {
  return streams.flatMap((each) => {
    const { deletesItselfAfterMs } = each;
    const ageing = {
      ...each,
      ageMs: each.ageMs - clockErrorMs,
      deletesItselfAfterMs: deletesItselfAfterMs === undefined ? undefined : deletesItselfAfterMs - clockErrorMs,
    };
    const operations = history.filter(({ stream }) => stream === ageing.stream);
    return ageing.deletesItselfAfterMs === undefined
      ? recordsGoneEarly(operations, ageing.ageMs)
      : goneEarly(operations, ageing.ageMs, ageing.deletesItselfAfterMs);
  });
}

function recordsGoneEarly(operations: readonly Operation[], ageMs: number): string[] {
  const written = operations.flatMap((operation) => {
    const { answer, invokedMs } = operation;
    if (answer.kind !== "appended" || invokedMs === undefined) return [];
    return [{ operation, start: answer.start.seqNum, end: answer.end.seqNum, keptUntilMs: invokedMs + ageMs }];
  });
  return operations.flatMap((reader) => {
    const hidden = hiddenBy(reader);
    const { returnedMs } = reader;
    if (hidden === undefined || returnedMs === undefined) return [];
    return written
      .filter(
        ({ operation, start, end, keptUntilMs }) =>
          operation.returned < reader.invoked && start < hidden.to && end > hidden.from && returnedMs < keptUntilMs,
      )
      .map(({ operation, keptUntilMs }) => {
        const early = Math.round(keptUntilMs - returnedMs);
        return `${reader.stream}: gone ${early} ms too early is ${describeOperation(operation)}, by ${describeOperation(reader)}`;
      });
  });
}

/** Sequence numbers that a read was asked for and did not show although it showed what is behind them. */
function hiddenBy({ call, answer }: Operation): { readonly from: number; readonly to: number } | undefined {
  if (call.kind !== "read" || call.start.kind !== "seq_num") return undefined;
  const from = call.start.seqNum;
  const to = behind(answer);
  return to === undefined || to <= from ? undefined : { from, to };
}

function behind(answer: Answer): number | undefined {
  if (answer.kind === "records") return answer.records[0]?.seqNum ?? answer.tail?.seqNum;
  return answer.kind === "tail" || answer.kind === "unwritten" ? answer.tail.seqNum : undefined;
}

/** A stream is empty when its last record has reached its age. */
function goneEarly(operations: readonly Operation[], ageMs: number, afterMs: number): string[] {
  const touched = operations.flatMap((operation) => {
    const { answer, invokedMs } = operation;
    if (invokedMs === undefined) return [];
    if (answer.kind === "appended") return [{ operation, keptUntilMs: invokedMs + Math.max(ageMs, afterMs) }];
    const created = answer.kind === "provisioned" && answer.result === "created";
    return created ? [{ operation, keptUntilMs: invokedMs + afterMs }] : [];
  });
  return operations.flatMap((witness) => {
    const { answer, returnedMs } = witness;
    if ((answer.kind !== "not-found" && answer.kind !== "deletion-pending") || returnedMs === undefined) return [];
    return touched
      .filter(({ operation, keptUntilMs }) => operation.returned < witness.invoked && returnedMs < keptUntilMs)
      .map(
        ({ operation }) =>
          `${witness.stream}: gone too early, says ${describeOperation(witness)}: ${describeOperation(operation)}`,
      );
  });
}

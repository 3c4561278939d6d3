// Takes operations apart into steps, each of which happens at one moment between the operation's invocation and its return.
// Decides what an answer claims about the stream, and which claims are about one moment; whether they are true is the model's business.
//
// Appends, changes, check-tails and refusals are one step each. A read is two: it finds its start at one moment and its records at a
// later one (the tail may move while it fetches). A tail told with an acknowledgement or a batch is true at a moment at or after it.
// Creation on demand is a step of its own before the operation that caused it, and may happen even if that fails.
import type { Config, Moment, Operation, Position, ReadStart } from "./history.ts";
import { type Append, ContentViolation, type Placement } from "./placement.ts";

export type StepKind =
  | { readonly kind: "append"; readonly append: Append }
  | { readonly kind: "create-on-demand" }
  | {
      readonly kind: "create";
      readonly ensure: boolean;
      readonly result: "created" | "updated" | "noop" | undefined;
      readonly config: Config | undefined;
      readonly told: Config | undefined;
      readonly requestToken: string | undefined;
    }
  | { readonly kind: "reconfigure"; readonly patch: Config; readonly told: Config | undefined }
  /** `spent`: by nobody but the stream's own config, once it is empty. */
  | { readonly kind: "delete"; readonly spent: boolean }
  | { readonly kind: "not-found" }
  | { readonly kind: "deletion-pending" }
  | { readonly kind: "exists" }
  /** Created by another request than the one with this token. */
  | { readonly kind: "already-exists"; readonly requestToken: string | undefined }
  | { readonly kind: "has-config"; readonly config: Config }
  | { readonly kind: "tail"; readonly tail: Position }
  /** The tail, and nothing to read where a read or a session stands. */
  | { readonly kind: "caught-up"; readonly start: ReadStart; readonly tail: Position }
  | { readonly kind: "nothing-there"; readonly start: ReadStart }
  | { readonly kind: "read-start"; readonly start: ReadStart; readonly clamp: boolean; readonly first: number }
  | {
      readonly kind: "read-run";
      readonly first: number;
      /** Numbers of records (see Placement). */
      readonly records: readonly number[];
      readonly endsAtTail: boolean;
    }
  | {
      readonly kind: "seq-num-mismatch";
      readonly actual: number;
      readonly matchSeqNum: number | undefined;
      readonly fencingToken: string | undefined;
    }
  | { readonly kind: "fencing-token-mismatch"; readonly actual: string; readonly fencingToken: string | undefined };

export type Step = StepKind & {
  readonly operation: Operation;
  readonly invoked: Moment;
  /** Infinity when it may as well never happen. */
  readonly returned: Moment;
  /** An append that is known to have taken effect in the same incarnation of the stream. */
  readonly witness: Append | undefined;
  /** A step that must have happened before. */
  readonly after: Step | undefined;
  /** A step that must not have happened before. */
  readonly before: Step | undefined;
};

/** Steps that may change the state. All others only observe. */
export function mayChange(step: Step): boolean {
  switch (step.kind) {
    case "append":
    case "create-on-demand":
    case "create":
    case "reconfigure":
    case "delete":
    case "not-found":
      return true;
    default:
      return false;
  }
}

/** Observations that show what has vanished by age, where it does: they may move the trim point. */
export function mayShowExpiry(step: Step): boolean {
  switch (step.kind) {
    case "read-start":
    case "read-run":
    case "nothing-there":
    case "caught-up":
      return true;
    default:
      return false;
  }
}

/**
 * The part of a stream that a step changes or looks at while the stream is there: steps of different parts do not affect each other.
 * `life` affects, and is affected by, everything.
 */
export type Part = "log" | "config" | "life";

export function partOf(step: Step): Part {
  switch (step.kind) {
    case "reconfigure":
    case "has-config":
      return "config";
    case "create":
      return step.result === "created" ? "life" : "config";
    case "delete":
    case "not-found":
    case "deletion-pending":
    case "create-on-demand":
      return "life";
    default:
      return "log";
  }
}

/** The last step of a session so far, and whether an append of it was refused. */
interface SessionState {
  last: Step | undefined;
  broken: boolean;
}

/** The steps of one stream's operations, which are in the order of their invocations. Throws a ContentViolation. */
export function stepsOf(operations: readonly Operation[], placement: Placement): Step[] {
  const steps: Step[] = [];
  const sessions = new Map<string, SessionState>();
  for (const operation of operations) {
    const { call, answer, session: name } = operation;
    let session: SessionState | undefined;
    if (name !== undefined) {
      session = sessions.get(name) ?? { last: undefined, broken: false };
      sessions.set(name, session);
    }
    if (session?.broken === true) {
      if (call.kind === "append" && placement.of(operation).start !== undefined) {
        throw new ContentViolation("an append of a session took effect after one that was refused", operation);
      }
      continue;
    }
    let main: Step | undefined;
    let after = session?.last;
    const unknown = answer.kind === "unknown";
    const witness = placement.witness(operation);
    const add = (kind: StepKind): void => {
      const returned = unknown ? Number.POSITIVE_INFINITY : operation.returned;
      const step: Step = {
        ...kind,
        operation,
        invoked: operation.invoked,
        returned,
        witness,
        after,
        before: undefined,
      };
      steps.push(step);
      main ??= step;
      after = step;
    };
    claims(operation, placement, add);
    if ("createsStream" in call && call.createsStream === true) {
      steps.push({
        kind: "create-on-demand",
        operation,
        invoked: operation.invoked,
        returned: Number.POSITIVE_INFINITY,
        witness: undefined,
        after: session?.last,
        before: main,
      });
    }
    if (main?.kind === "create" && mayBeSpent(main)) {
      steps.push({
        kind: "delete",
        spent: true,
        operation,
        invoked: operation.invoked,
        returned: Number.POSITIVE_INFINITY,
        witness: undefined,
        after: main,
        before: undefined,
      });
    }
    if (session !== undefined) {
      // The next append of a session need not wait for the tail that was told with the acknowledgement of this one.
      if (call.kind === "append") session.last = main ?? session.last;
      else session.last = after;
      if (call.kind === "append" && answer.kind !== "appended" && !unknown) session.broken = true;
    }
  }
  return steps;
}

/** Whether what was created deletes itself once it is empty. */
function mayBeSpent({ result, config }: StepKind & { kind: "create" }): boolean {
  const created = result === undefined || result === "created";
  return created && config?.deleteOnEmpty !== undefined && config.deleteOnEmpty !== "0";
}

/** What an answer claims, moment by moment. */
function claims(operation: Operation, placement: Placement, add: (step: StepKind) => void): void {
  const { call, answer } = operation;
  switch (answer.kind) {
    case "refused":
      return;
    case "unknown":
      effect(operation, placement, add);
      return;
    case "appended":
      effect(operation, placement, add);
      add({ kind: "tail", tail: answer.tail });
      return;
    case "provisioned":
    case "deleted":
      effect(operation, placement, add);
      return;
    case "config":
      if (call.kind === "reconfigure") effect(operation, placement, add);
      else add({ kind: "has-config", config: answer.config });
      return;
    case "tail":
      add(call.kind === "read" ? { kind: "caught-up", start: call.start, tail: answer.tail } : answer);
      return;
    case "not-found":
    case "deletion-pending":
      add({ kind: answer.kind });
      return;
    case "already-exists":
      add({ kind: "already-exists", requestToken: call.kind === "create" ? call.requestToken : undefined });
      return;
    case "seq-num-mismatch": {
      const { matchSeqNum, fencingToken } = conditions(operation);
      add({ kind: answer.kind, actual: answer.actual, matchSeqNum, fencingToken });
      return;
    }
    case "fencing-token-mismatch":
      add({ kind: answer.kind, actual: answer.actual, fencingToken: conditions(operation).fencingToken });
      return;
    case "unwritten":
      if (call.kind !== "read") throw new Error("416 answers reads only");
      add({ kind: "caught-up", start: call.start, tail: answer.tail });
      return;
    case "records": {
      if (call.kind !== "read") throw new Error("records answer reads only");
      const { records, endsAtTail, tail } = answer;
      if (records.length > 0) {
        const first = records[0].seqNum;
        add({ kind: "read-start", start: call.start, clamp: call.clamp === true, first });
        add({ kind: "read-run", first, records: records.map(({ id }) => placement.record(id)), endsAtTail });
      } else if (endsAtTail) add({ kind: "nothing-there", start: call.start });
      else add({ kind: "exists" });
      if (tail !== undefined) add({ kind: "tail", tail });
    }
  }
}

/** What a call does if it takes effect. */
function effect(operation: Operation, placement: Placement, add: (step: StepKind) => void): void {
  const { call, answer } = operation;
  switch (call.kind) {
    case "append":
      add({ kind: "append", append: placement.of(operation) });
      return;
    case "create":
    case "ensure": {
      const told = answer.kind === "provisioned" ? answer : undefined;
      add({
        kind: "create",
        ensure: call.kind === "ensure",
        result: told?.result,
        config: call.config,
        told: told?.config,
        requestToken: call.kind === "create" ? call.requestToken : undefined,
      });
      return;
    }
    case "reconfigure":
      add({ kind: "reconfigure", patch: call.patch, told: answer.kind === "config" ? answer.config : undefined });
      return;
    case "delete":
      add({ kind: "delete", spent: false });
      return;
    case "read":
    case "check-tail":
    case "get":
      // Without an answer they leave no trace.
      return;
  }
}

function conditions({ call }: Operation): { matchSeqNum: number | undefined; fencingToken: string | undefined } {
  if (call.kind !== "append") throw new Error("412 answers appends only");
  return { matchSeqNum: call.matchSeqNum, fencingToken: call.fencingToken };
}

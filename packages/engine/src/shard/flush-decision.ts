// When the open chunk goes out: one pure function (its table is in docs/architecture.md). No clock, no effect.

export interface FlushInputs {
  /** Puts that have not ended. */
  readonly putsUnderWay: number;
  /** Puts that may start now, by concurrency and by the window. */
  readonly freeSlots: number;
  /** Bytes gathered in the open chunk. */
  readonly gatheredBytes: number;
  /** The earliest deadline of what is in the open chunk, on the monotonic clock. */
  readonly deadlineMs: number;
  readonly nowMs: number;
  /** Bytes at which a chunk is full. */
  readonly fullBytes: number;
  /** Bytes below which a chunk is small, and with how many puts under way it waits for company. */
  readonly smallBytes: number;
  readonly maxSmallPuts: number;
}

export type FlushDecision =
  | { readonly kind: "put" }
  /** Nothing to put, or no slot: the next append or the next acknowledgement decides again. */
  | { readonly kind: "wait" }
  /** Decide again at this time, if nothing happens before. */
  | { readonly kind: "wait-until"; readonly atMs: number };

const PUT: FlushDecision = { kind: "put" };
const WAIT: FlushDecision = { kind: "wait" };

export function decideFlush(inputs: FlushInputs): FlushDecision {
  if (inputs.gatheredBytes === 0 || inputs.freeSlots <= 0) return WAIT;
  if (inputs.gatheredBytes >= inputs.fullBytes) return PUT;
  if (inputs.gatheredBytes < inputs.smallBytes && inputs.putsUnderWay >= inputs.maxSmallPuts) return WAIT;
  if (inputs.deadlineMs <= inputs.nowMs) return PUT;
  return { kind: "wait-until", atMs: inputs.deadlineMs };
}

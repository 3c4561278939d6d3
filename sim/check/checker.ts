// Decides whether a history can have come from correct streams: whether there is one order of all operations, in keeping with what did
// and did not overlap, in which each was answered as one stream would have answered it. Streams are independent of each other, so each
// is judged alone. To give up counts as a violation: an undecided history proves nothing.
//
// What it takes to be promised, beyond the API's letter:
// - Appends, changes, check-tails and refusals happen at one moment between invocation and return; an append of unknown outcome at any
//   moment after its invocation, as a whole, or never.
// - A read finds its start at one moment, and its records at a later one; ended by no bound, it ends at what was the tail there.
// - What is trimmed is hidden at once: a read that was asked for after a trim was acknowledged shows nothing below it.
// - The events of a session are true at moments in their order, between its opening and the receipt of each. They may be late (they
//   travel behind each other), never out of order or of another incarnation of the stream.
//
// - Where records vanish by age they do so from the beginning on, at any moment, and do not come back; a stream that is configured so may
//   delete itself once it is empty.
//
// What it does not judge: basins, listings, whether what vanished by age was old enough (`ageing.ts`), answers without a claim about a
// stream, and timestamps of records that nobody was told of.
import type { History, Operation, Standing } from "./history.ts";
import { ContentViolation, Placement } from "./placement.ts";
import { describeOperation, describeStuck } from "./report.ts";
import { MAX_SEARCHES, Search } from "./search.ts";
import { stepsOf } from "./steps.ts";

export interface Violation {
  readonly stream: string;
  /** `contents`: no order at all could explain it. `order`: each answer might be true alone, not all together. */
  readonly kind: "contents" | "order" | "gave-up";
  /** One line. */
  readonly summary: string;
  /** For people: the longest order that was found and what does not fit behind it. */
  readonly report: string;
  /** The operations of the longest order that was found; empty for `contents`. */
  readonly longestPrefix: readonly Operation[];
}

export interface CheckOptions {
  /** What every stream is when the history begins. Default: absent. */
  readonly initially?: "absent" | "present";
  /** What is tried first. A search that is told right is quicker; one that is told wrong is slower, and finds the same. */
  readonly standing?: Standing;
  /** Streams whose records vanish by age. That they were old enough is judged in `ageing.ts`. */
  readonly expiring?: ReadonlySet<string>;
  /** Searches before it gives up on a stream. Default: MAX_SEARCHES. */
  readonly searches?: number;
}

/** All violations, at most one a stream. Throws when the history itself is malformed: equal records, answers that do not belong to calls. */
export function check(history: History, options: CheckOptions = {}): Violation[] {
  const streams = new Map<string, Operation[]>();
  for (const operation of history) {
    const operations = streams.get(operation.stream);
    if (operations === undefined) streams.set(operation.stream, [operation]);
    else operations.push(operation);
  }
  const violations: Violation[] = [];
  for (const [stream, operations] of streams) {
    // Stable: the order of the history where moments are equal.
    operations.sort((a, b) => a.invoked - b.invoked);
    const violation = checkStream(stream, operations, options);
    if (violation !== undefined) violations.push(violation);
  }
  return violations;
}

function checkStream(stream: string, operations: Operation[], options: CheckOptions): Violation | undefined {
  try {
    const placement = new Placement(operations);
    const steps = stepsOf(operations, placement);
    const expires = options.expiring?.has(stream) === true;
    const { initially = "absent", standing, searches = MAX_SEARCHES } = options;
    const hints = standing && { records: standing.records, ends: standing.ends.get(stream) ?? [] };
    const search = (variant: number) => new Search(steps, placement, initially, expires, variant, hints).run();
    let result = search(0);
    for (let variant = 1; variant < searches && result.kind === "gave-up"; variant += 1) result = search(variant);
    if (result.kind === "ordered") return undefined;
    const gaveUp = result.kind === "gave-up";
    return {
      stream,
      kind: gaveUp ? "gave-up" : "order",
      summary: gaveUp
        ? `${stream}: gave up on ${operations.length} operations`
        : `${stream}: after ${result.longest.length} of ${steps.length} steps nothing fits any more`,
      report: describeStuck(stream, result),
      longestPrefix: [...new Set(result.longest.map(({ operation }) => operation))],
    };
  } catch (error) {
    if (!(error instanceof ContentViolation)) throw error;
    return {
      stream,
      kind: "contents",
      summary: `${stream}: ${error.message}`,
      report: [error.message, ...error.operations.map((operation) => `  ${describeOperation(operation)}`)].join("\n"),
      longestPrefix: [],
    };
  }
}

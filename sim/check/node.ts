// A step as the search sees it: what it may do to the state, what must come before it, and whether it has been done. Knows nothing of
// states and of orders.
import type { Append } from "./placement.ts";
import { mayChange, mayShowExpiry, type Part, partOf, type Step } from "./steps.ts";

export interface Node {
  readonly step: Step;
  readonly after: Node | undefined;
  readonly before: Node | undefined;
  readonly followers: Node[];
  /** Two random numbers; those of all steps done, combined, stand for their set. */
  readonly hashA: number;
  readonly hashB: number;
  readonly observes: boolean;
  /** It is done as soon as it fits and changes nothing. */
  readonly greedy: boolean;
  /** It may also change the state: it is a choice then. */
  readonly chosen: boolean;
  /** It must happen. */
  readonly required: boolean;
  /** Nobody can tell it from another append with the same text here; undefined where somebody might. */
  readonly alike: string | undefined;
  readonly part: Part;
  /** It may tell that the stream was deleted. */
  readonly tellsDeletion: boolean;
  done: boolean;
  /** Its invocation has been passed. */
  reached: boolean;
}

/** In the order of `steps`. `expires`: records vanish by age, and what shows it may move the trim point. */
export function nodesOf(steps: readonly Step[], expires: boolean): Node[] {
  const nodes = new Map<Step, Node>();
  const mayRecur = steps.some((step) => step.kind === "delete");
  let random = 0x9e3779b9;
  const next = () => {
    random = Math.imul(random ^ (random >>> 15), 0x85ebca6b) + 0x6d2b79f5;
    return random ^ (random >>> 13);
  };
  for (const step of steps) {
    const after = step.after === undefined ? undefined : nodes.get(step.after);
    const before = step.before === undefined ? undefined : nodes.get(step.before);
    const observes = !mayChange(step);
    const greedy = observes && !(mayRecur && mayCreate(step));
    const node: Node = {
      step,
      after,
      before,
      followers: [],
      hashA: next(),
      hashB: next(),
      observes,
      greedy,
      chosen: !greedy || (expires && mayShowExpiry(step)),
      required: step.returned !== Number.POSITIVE_INFINITY,
      alike: step.kind === "append" ? alike(step.append) : undefined,
      part: partOf(step),
      tellsDeletion: tellsDeletion(step),
      done: false,
      reached: false,
    };
    after?.followers.push(node);
    nodes.set(step, node);
  }
  return [...nodes.values()];
}

/** Whether its operation may create the stream on demand. */
export function mayCreate({ operation }: Step): boolean {
  return "createsStream" in operation.call;
}

export function hasCommands({ operation }: Append): boolean {
  return operation.call.records.some(({ command }) => command !== undefined);
}

function tellsDeletion(step: Step): boolean {
  switch (step.kind) {
    case "not-found":
    case "deletion-pending":
    case "create-on-demand":
      return true;
    case "create":
      return step.result !== "noop" && step.result !== "updated";
    default:
      return false;
  }
}

function alike(append: Append): string | undefined {
  const { call, session } = append.operation;
  if (append.start !== undefined || session !== undefined || hasCommands(append)) return undefined;
  if (call.matchSeqNum !== undefined || call.fencingToken !== undefined || call.createsStream === true)
    return undefined;
  return String(append.count);
}

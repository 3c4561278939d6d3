// What a search need not try, since nothing is missed without it, and what can lead nowhere. Every rule here says why it is exact;
// how likely something is, is not its business (`choices.ts`).
//
// - An append of unknown outcome that nobody has seen is tried only where it can matter: where no append known to stand there would have
//   to overlap it (in this incarnation), not past a tail that is still to be seen, and not beyond everything that was ever seen or could
//   depend on it.
// - Of the open steps, the one that must return first decides which part of the stream has to change now (its log or its config), while
//   no deletion is open: whatever changes the other part may as well happen afterwards. It changes nothing for this part, and it need
//   not precede anything that is open, since nothing open was invoked after the first return.
// - While a deletion is open, that is so of what may as well never happen, unless something that must happen, and may before that return,
//   looks at the other part: a change that no one sees before the deletion is as good as none, and one in the incarnation of
//   that return may follow it. (Not of the log, while the stream may delete itself once it is empty.)
// - A deletion of unknown outcome is not tried when nothing is left that could tell, and no deletion while something is known to be
//   still to come in the same incarnation.
import type { StreamState } from "./model.ts";
import type { Node } from "./node.ts";
import type { Append, Placement } from "./placement.ts";
import type { Part, Step } from "./steps.ts";

/** Where a search stands. */
export interface Frontier {
  readonly state: StreamState;
  /** May come next, as far as time and sessions go. */
  readonly open: readonly Node[];
  /** Must return first of what is left. */
  readonly first: Node;
  /** How many of all steps were invoked before that. */
  readonly reached: number;
}

export class Pruning {
  readonly #placement: Placement;
  readonly #nodes: readonly Node[];
  readonly #deletions: readonly Node[];
  /** Whether the stream may be deleted and created again. */
  readonly #mayRecur: boolean;
  readonly #placed: readonly number[];
  readonly #horizon: number;
  readonly #mattersBeyond: ReadonlySet<Append>;

  constructor(steps: readonly Step[], nodes: readonly Node[], placement: Placement) {
    this.#placement = placement;
    this.#nodes = nodes;
    this.#deletions = nodes.filter(isDeletion);
    this.#mayRecur = this.#deletions.length > 0;
    this.#placed = placement.appends.flatMap(({ start }) => (start === undefined ? [] : [start])).sort((a, b) => a - b);
    this.#horizon = horizon(steps, placement);
    this.#mattersBeyond = mattersBeyond(steps, placement);
  }

  /** Whether somebody is to see a tail that is past, or something open must happen while the stream is absent, and no deletion can come before it any more. */
  isHopeless({ state, open }: Frontier): boolean {
    if (state.phase !== "present") return false;
    if (this.#skipsTail(state, state.log.tail)) return true;
    return open.some(
      (node) =>
        node.required &&
        needsDeletion(node, state) &&
        !this.#deletions.some(({ done, step }) => !done && step.invoked <= node.step.returned),
    );
  }

  /** What of the open choices is to be tried. */
  worthTrying(frontier: Frontier): Node[] {
    const { state, open } = frontier;
    const tellsDeletion = this.#nodes.some(({ done, tellsDeletion }) => !done && tellsDeletion);
    const mayEnd = (node: Node) => isDeletion(node) && (node.required || tellsDeletion);
    const endings = open.filter(mayEnd);
    const isPutOff = this.#putsOff(frontier, endings);
    const isNeeded = endings.length > 0 && state.phase === "present" && this.#isNeeded(state);
    return open.filter((node) => {
      const { step } = node;
      if (!node.chosen || node.before?.done === true || isPutOff(node)) return false;
      if (step.kind === "delete") return mayEnd(node) && !isNeeded;
      return step.kind !== "append" || step.append.start !== undefined || this.#matters(step.append, state);
    });
  }

  /** What may as well happen after the first return, or never. `endings`: the deletions that are open, and matter. */
  #putsOff({ state, first, reached }: Frontier, endings: readonly Node[]): (node: Node) => boolean {
    const focus = focusOf(first, state);
    if (focus === undefined) return () => false;
    // A creation may bring a deletion with it: of a stream that deletes itself.
    if (endings.length === 0) return ({ part, followers }) => part !== focus && !followers.some(isDeletion);
    const other: Part = focus === "log" ? "config" : "log";
    if (other === "log" && endings.some(({ step }) => step.kind === "delete" && step.spent)) return () => false;
    for (let i = 0; i < reached; i += 1) {
      const { done, required, part } = this.#nodes[i];
      if (!done && required && part === other) return () => false;
    }
    return ({ part, required, followers }) => part === other && !required && !followers.some(isDeletion);
  }

  /** Whether something is still to happen in this incarnation of the stream, as what is known to be together with it is in its log. */
  #isNeeded(state: StreamState): boolean {
    return this.#nodes.some(({ done, required, part, step }) => {
      if (done || part !== "log" || !(required || (step.kind === "append" && step.append.start !== undefined)))
        return false;
      return this.#isOfThis(state, step.kind === "append" ? step.append : step.witness);
    });
  }

  /** Whether it is worth while to let an append that nobody has seen take effect here. */
  #matters(append: Append, state: StreamState): boolean {
    const { tail } = state.log;
    if (this.#overlapsPlaced(state, tail, tail + append.count)) return false;
    if (this.#skipsTail(state, tail + append.count)) return false;
    return tail + append.count <= this.#horizon || this.#mattersBeyond.has(append);
  }

  /** Whether an append that is known to stand in this incarnation begins there. */
  #overlapsPlaced(state: StreamState, from: number, to: number): boolean {
    if (!this.#mayRecur) return firstAtOrAfter(this.#placed, from) < to;
    return this.#nodes.some(({ done, step }) => {
      if (done || step.kind !== "append" || step.append.start === undefined) return false;
      return step.append.start >= from && step.append.start < to && this.#isOfThis(state, step.append);
    });
  }

  /** Whether somebody is still to see a tail of this incarnation that would be in the past at `tail`. */
  #skipsTail(state: StreamState, tail: number): boolean {
    return this.#nodes.some(({ done, required, step }) => {
      if (done || !required) return false;
      const seen = tailSeen(step);
      return seen !== undefined && seen < tail && (!this.#mayRecur || this.#isOfThis(state, step.witness));
    });
  }

  /** Whether what is known to be together with `witness` has begun to stand in the log of this state. */
  #isOfThis({ log }: StreamState, witness: Append | undefined): boolean {
    return witness !== undefined && log.has(this.#placement.companion(witness));
  }
}

/** The part of the stream that has to change now; undefined when it may be anything. */
function focusOf(node: Node, state: StreamState): Part | undefined {
  if (state.phase !== "present") return undefined;
  let first = node;
  while (first.after !== undefined && !first.after.done) first = first.after;
  return first.part === "life" || needsDeletion(first, state) ? undefined : first.part;
}

function isDeletion({ step }: Node): boolean {
  return step.kind === "delete";
}

function needsDeletion({ step }: Node, state: StreamState): boolean {
  if (step.kind === "create") {
    return step.result === "created" || (!step.ensure && step.requestToken !== state.requestToken);
  }
  return step.kind === "not-found" || step.kind === "deletion-pending";
}

/** The tail at the very moment of a step, where it tells. */
function tailSeen(step: Step): number | undefined {
  if (step.kind === "tail" || step.kind === "caught-up") return step.tail.seqNum;
  return step.kind === "seq-num-mismatch" ? step.actual : undefined;
}

/** The end of everything that anybody saw, or that an unseen append with commands may depend on. */
function horizon(steps: readonly Step[], placement: Placement): number {
  let end = 0;
  for (const { start, count, operation } of placement.appends) {
    if (start !== undefined) end = Math.max(end, start + count);
    else if (operation.answer.kind === "unknown") end = Math.max(end, operation.call.matchSeqNum ?? 0);
  }
  for (const step of steps) {
    end = Math.max(end, tailSeen(step) ?? 0);
    // Where it began tells of the tail, too.
    if (step.kind === "read-start" && step.start.kind === "tail_offset")
      end = Math.max(end, step.first + step.start.offset);
  }
  return end;
}

/** Appends whose trim may be noticed, or whose token is told by a refusal, or asked for by another one of these. */
function appendsThatShow(steps: readonly Step[], placement: Placement): Set<Append> {
  const tokens = new Set<string>();
  for (const step of steps) if (step.kind === "fencing-token-mismatch") tokens.add(step.actual);
  const shows = ({ operation }: Append) =>
    operation.call.records.some(
      ({ command }) => command?.kind === "trim" || (command?.kind === "fence" && tokens.has(command.token)),
    );
  const showing = new Set<Append>();
  for (let before = -1; showing.size > before; ) {
    before = showing.size;
    for (const append of placement.appends) {
      if (showing.has(append) || !shows(append)) continue;
      showing.add(append);
      const { fencingToken } = append.operation.call;
      if (fencingToken !== undefined) tokens.add(fencingToken);
    }
  }
  return showing;
}

/** Appends whose commands would show although nobody sees their records (a token that a refusal tells, a trim), or behind which something of their
 * session must happen; and those of the same session before them, without which they cannot have taken effect. */
function mattersBeyond(steps: readonly Step[], placement: Placement): Set<Append> {
  const showing = appendsThatShow(steps, placement);
  const matters = new Set<Append>();
  for (const step of steps) {
    const isRequired = step.returned !== Number.POSITIVE_INFINITY;
    let before = isRequired || (step.kind === "append" && showing.has(step.append)) ? step : undefined;
    for (; before !== undefined; before = before.after) {
      if (before.kind !== "append") continue;
      if (matters.has(before.append)) break;
      matters.add(before.append);
    }
  }
  return matters;
}

function firstAtOrAfter(sorted: readonly number[], value: number): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (sorted[middle] < value) low = middle + 1;
    else high = middle;
  }
  return low < sorted.length ? sorted[low] : Number.POSITIVE_INFINITY;
}

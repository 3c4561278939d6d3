// Searches for an order of one stream's steps that the model allows and that keeps the order of what did not overlap (Wing & Gong), and
// remembers where it has been by (set of steps done, state) (Lowe). Deterministic; bounded by a number of tries, not by time.
//
// What makes it fast, and why nothing is missed by it:
// - A step that only observes, may come next, and fits, is done at once and for good. In any order that continues from here it stands
//   somewhere; moved to the front, it changes no state, so that everything else fits as before, and it overtakes nothing that must
//   precede it, since nothing does any more. (Not so while its operation may yet create the stream on demand: then it is a choice. While
//   the stream is there it cannot, if nothing that deletes the stream was invoked before the operation's return.)
// - An append whose place is known is possible only when the tail is there: of those that are, one at most can be next, unless the
//   stream is deleted and created again.
// - An append of unknown outcome that nobody has seen is tried only where it can matter: where no append known to stand there would have
//   to overlap it (in this incarnation), not past a tail that is still to be seen, and not beyond everything that was ever seen or could
//   depend on it. Of several that are alike (as long, no conditions, no commands, not in a session) the one invoked first stands for all:
//   exchanging two of them changes nothing that anybody saw. For the same reason, logs that differ only in which of such records stand
//   where are one state.
// - Of the open steps, the one that must return first decides which part of the stream has to change now (its log or its config), while
//   no deletion is open: whatever changes the other part may as well happen afterwards. It changes nothing for this part, and it need
//   not precede anything that is open, since nothing open was invoked after the first return.
// - Where records vanish by age, an observation that fits only if some have may move the trim point; that is a choice, made late. One that
//   fits as it is needs no such choice: the lower the trim point, the more still fits, since whatever comes later may move it itself.
// - A deletion of unknown outcome is not tried when nothing is left that could tell, and no deletion while something is known to be
//   still to come in the same incarnation.

import type { Moment, RecordId } from "./history.ts";
import { apply, initialState, type Misfit, type StreamState } from "./model.ts";
import type { Append, Placement } from "./placement.ts";
import { mayChange, mayShowExpiry, type Part, partOf, type Step } from "./steps.ts";

/** Steps tried against a state before a search gives up: so many, and so many for each step of the history. One that has an order is found with a small part of it. */
const MAX_TRIES = 50_000;
const MAX_TRIES_PER_STEP = 100;
/** Searches before the checker gives up. */
export const MAX_SEARCHES = 60;

export interface Stuck {
  readonly kind: "no-order" | "gave-up";
  /** The longest order that was found, up to where nothing fits any more. */
  readonly longest: readonly Step[];
  readonly state: StreamState;
  /** What could have come next, and why it does not fit. */
  readonly next: readonly { readonly step: Step; readonly why: Misfit }[];
}

export interface Ordered {
  readonly kind: "ordered";
  readonly order: readonly Step[];
}

/** A step in the search. */
interface Node {
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
  readonly alike: string | undefined;
  readonly part: Part;
  /** It may tell that the stream was deleted. */
  readonly tellsDeletion: boolean;
  done: boolean;
  /** Its invocation has been passed. */
  reached: boolean;
}

/** A choice that may have to be taken back. */
interface Choice {
  readonly state: StreamState;
  readonly done: number;
  readonly reached: number;
  readonly returned: number;
  readonly open: readonly Node[];
  readonly candidates: readonly { readonly node: Node; readonly state: StreamState }[];
  next: number;
}

/** Where records of unknown outcome are said to stand, and where incarnations of the stream are said to end, by positions that grow along one log. */
export interface Hints {
  readonly records: ReadonlyMap<RecordId, number>;
  readonly ends: readonly (number | undefined)[];
}

export class Search {
  readonly #placement: Placement;
  readonly #nodes: Node[];
  readonly #byReturn: Node[];
  /** Whether the stream may be deleted and created again. */
  readonly #mayRecur: boolean;
  readonly #placed: readonly number[];
  readonly #horizon: number;
  readonly #mattersBeyond: ReadonlySet<Append>;
  readonly #variant: number;
  readonly #hints: Hints | undefined;
  readonly #visited = new Set<string>();
  #state: StreamState;
  /** Done, in order. */
  readonly #trail: Node[] = [];
  /** May come next, as far as time and sessions go. */
  #open: Node[] = [];
  /** How far into `#nodes` invocations have been passed. */
  #reached = 0;
  /** Everything before it in `#byReturn` is done. */
  #returned = 0;
  readonly #deletions: readonly Node[];
  #requiredLeft: number;
  #tellsDeletionLeft: number;
  #hashA = 0;
  #hashB = 0;
  #tries = 0;

  /**
   * `steps` of one stream, in the order of invocation. `variant` decides which of equally likely choices is tried first: a search that
   * was unlucky early can take for ever, where another is done at once. With `hints`, what is said to stand earlier is tried first,
   * and what is not said to stand anywhere last. They decide how long a search takes, never what an order is.
   */
  constructor(
    steps: readonly Step[],
    placement: Placement,
    initially: "absent" | "present",
    expires: boolean,
    variant = 0,
    hints?: Hints,
  ) {
    // Every other search does without hints, and the first of either kind without luck.
    this.#variant = hints === undefined ? variant : variant >> 1;
    this.#hints = variant % 2 === 0 ? hints : undefined;
    this.#placement = placement;
    this.#state = initialState(initially, expires);
    this.#mayRecur = steps.some((step) => step.kind === "delete");
    this.#nodes = this.#nodesOf(steps);
    this.#deletions = this.#nodes.filter(({ step }) => step.kind === "delete");
    this.#byReturn = this.#nodes.filter(({ required }) => required);
    this.#byReturn.sort((a, b) => a.step.returned - b.step.returned);
    this.#requiredLeft = this.#byReturn.length;
    this.#tellsDeletionLeft = this.#nodes.filter((node) => node.tellsDeletion).length;
    this.#placed = placement.appends.flatMap(({ start }) => (start === undefined ? [] : [start])).sort((a, b) => a - b);
    this.#horizon = horizon(steps, placement);
    this.#mattersBeyond = mattersBeyond(steps, placement);
  }

  #nodesOf(steps: readonly Step[]): Node[] {
    const nodes = new Map<Step, Node>();
    let random = 0x9e3779b9;
    const next = () => {
      random = Math.imul(random ^ (random >>> 15), 0x85ebca6b) + 0x6d2b79f5;
      return random ^ (random >>> 13);
    };
    const { expires } = this.#state;
    for (const step of steps) {
      const after = step.after === undefined ? undefined : nodes.get(step.after);
      const before = step.before === undefined ? undefined : nodes.get(step.before);
      const observes = !mayChange(step);
      const greedy = observes && !(this.#mayRecur && "createsStream" in step.operation.call);
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

  run(): Ordered | Stuck {
    const choices: Choice[] = [];
    let longest: { length: number; steps: Step[]; state: StreamState; next: Stuck["next"] } | undefined;
    for (;;) {
      this.#settle();
      if (this.#requiredLeft === 0) return { kind: "ordered", order: this.#trail.map(({ step }) => step) };
      const candidates = this.#visit() ? this.#candidates() : [];
      if (candidates.length > 0) choices.push(this.#choice(candidates));
      else if (longest === undefined || this.#trail.length > longest.length) {
        longest = {
          length: this.#trail.length,
          steps: this.#trail.map(({ step }) => step),
          state: this.#state,
          next: this.#misfits(),
        };
      }
      const choice = choices.at(-1);
      const gaveUp = this.#tries > MAX_TRIES + MAX_TRIES_PER_STEP * this.#nodes.length;
      if (choice === undefined || gaveUp) {
        const found = longest ?? { steps: this.#trail.map(({ step }) => step), state: this.#state, next: [] };
        return { kind: gaveUp ? "gave-up" : "no-order", longest: found.steps, state: found.state, next: found.next };
      }
      this.#backTo(choice);
      const { node, state } = choice.candidates[choice.next];
      choice.next += 1;
      if (choice.next === choice.candidates.length) choices.pop();
      this.#state = state;
      this.#do(node);
      this.#open = this.#open.filter((each) => each !== node);
    }
  }

  /** Does whatever only observes and fits, until nothing more does. */
  #settle(): void {
    for (;;) {
      this.#advance();
      let left = 0;
      const before = this.#open;
      const staysUntil = this.#staysUntil();
      for (const node of before) {
        const isGreedy = node.greedy || (node.observes && node.step.returned < staysUntil);
        if (isGreedy && this.#try(node) === this.#state) this.#do(node);
        else before[left++] = node;
      }
      if (left === before.length) return;
      before.length = left;
    }
  }

  /** The moment before which a stream that is there cannot be deleted. */
  #staysUntil(): Moment {
    if (this.#state.phase !== "present") return 0;
    let until = Number.POSITIVE_INFINITY;
    for (const { done, step } of this.#deletions) if (!done) until = Math.min(until, step.invoked);
    return until;
  }

  /** Opens what may come next now: what was invoked before the first return that is still to come, and whose predecessor is done. */
  #advance(): void {
    while (this.#returned < this.#byReturn.length && this.#byReturn[this.#returned].done) this.#returned += 1;
    const until = this.#byReturn[this.#returned]?.step.returned ?? Number.POSITIVE_INFINITY;
    while (this.#reached < this.#nodes.length && this.#nodes[this.#reached].step.invoked <= until) {
      const node = this.#nodes[this.#reached];
      this.#reached += 1;
      node.reached = true;
      if (node.after === undefined || node.after.done) this.#open.push(node);
    }
    for (; this.#opened < this.#trail.length; this.#opened += 1) {
      // Its followers that were reached before it was done.
      for (const follower of this.#trail[this.#opened].followers) {
        if (follower.reached && !follower.done && !this.#open.includes(follower)) this.#open.push(follower);
      }
    }
  }

  /** The followers of everything before it in the trail have been looked at. */
  #opened = 0;

  #try(node: Node): StreamState | Misfit {
    this.#tries += 1;
    return apply(this.#state, node.step, this.#placement);
  }

  #do(node: Node): void {
    node.done = true;
    this.#trail.push(node);
    this.#hashA ^= node.hashA;
    this.#hashB ^= node.hashB;
    if (node.required) this.#requiredLeft -= 1;
    if (node.tellsDeletion) this.#tellsDeletionLeft -= 1;
  }

  #choice(candidates: Choice["candidates"]): Choice {
    return {
      state: this.#state,
      done: this.#trail.length,
      reached: this.#reached,
      returned: this.#returned,
      open: [...this.#open],
      candidates,
      next: 0,
    };
  }

  #backTo(choice: Choice): void {
    for (;;) {
      if (this.#trail.length === choice.done) break;
      const node = this.#trail.pop();
      if (node === undefined) throw new Error("a choice lies behind the trail");
      node.done = false;
      this.#hashA ^= node.hashA;
      this.#hashB ^= node.hashB;
      if (node.required) this.#requiredLeft += 1;
      if (node.tellsDeletion) this.#tellsDeletionLeft += 1;
    }
    while (this.#reached > choice.reached) {
      this.#reached -= 1;
      this.#nodes[this.#reached].reached = false;
    }
    this.#returned = choice.returned;
    this.#opened = choice.done;
    this.#open = [...choice.open];
    this.#state = choice.state;
  }

  /** False if the search has been here. */
  #visit(): boolean {
    const { phase, log, fencingToken, trimPoint, config, requestToken } = this.#state;
    const state = JSON.stringify([phase, log.tail, log.hash, fencingToken, trimPoint, config, requestToken]);
    const key = `${this.#trail.length} ${this.#hashA} ${this.#hashB} ${state}`;
    if (this.#visited.has(key)) return false;
    this.#visited.add(key);
    return true;
  }

  /** What may come next and fits, the likeliest first. */
  #candidates(): Choice["candidates"] {
    if (this.#isHopeless()) return [];
    const candidates: { node: Node; state: StreamState; rank: number }[] = [];
    const seen = new Set<string>();
    const focus = this.#focus();
    for (const node of this.#open) {
      if (!node.chosen || node.before?.done === true) continue;
      if (focus !== undefined && node.part !== focus) continue;
      if (node.step.kind === "delete" && !this.#deletionMatters(node)) continue;
      if (node.step.kind === "delete" && this.#state.phase === "present" && this.#isNeeded()) continue;
      const unseen = node.step.kind === "append" && node.step.append.start === undefined;
      if (unseen && !this.#matters(node, seen)) continue;
      const state = this.#try(node);
      if (typeof state === "string" || (state === this.#state && !node.required)) continue;
      candidates.push({ node, state, rank: this.#rank(node) });
    }
    // Stable: within a rank, by invocation.
    return candidates.sort((a, b) => a.rank - b.rank);
  }

  /** The part of the stream that has to change now; undefined when it may be anything. */
  #focus(): Part | undefined {
    if (this.#state.phase !== "present") return undefined;
    if (this.#open.some((node) => node.step.kind === "delete" && this.#deletionMatters(node))) return undefined;
    let first = this.#byReturn[this.#returned];
    while (first.after !== undefined && !first.after.done) first = first.after;
    return first.part === "life" || this.#needsDeletion(first) ? undefined : first.part;
  }

  /** Whether somebody is to see a tail that is past, or something open must happen while the stream is absent, and no deletion can come before
   * it any more. */
  #isHopeless(): boolean {
    if (this.#state.phase !== "present") return false;
    if (this.#skipsTail(this.#state.log.tail)) return true;
    return this.#open.some(
      (node) =>
        node.required &&
        this.#needsDeletion(node) &&
        !this.#deletions.some(({ done, step }) => !done && step.invoked <= node.step.returned),
    );
  }

  #needsDeletion({ step }: Node): boolean {
    if (step.kind === "create") {
      return step.result === "created" || (!step.ensure && step.requestToken !== this.#state.requestToken);
    }
    return step.kind === "not-found" || step.kind === "deletion-pending";
  }

  #deletionMatters(node: Node): boolean {
    return node.required || this.#tellsDeletionLeft > 0;
  }

  /** Whether something is still to happen in this incarnation of the stream, as what is known to be together with it is in its log. */
  #isNeeded(): boolean {
    return this.#nodes.some(({ done, required, part, step }) => {
      if (done || part !== "log" || !(required || (step.kind === "append" && step.append.start !== undefined)))
        return false;
      return this.#isOfThis(step.kind === "append" ? step.append : step.witness);
    });
  }

  /** The likeliest first; last what would change most, and what nobody has seen a trace of. */
  #rank({ step, required, greedy, hashA }: Node): number {
    const luck = this.#variant === 0 ? 0 : ((Math.imul(hashA, this.#variant * 2 + 1) >>> 8) & 0xffff) / 0x10000;
    // What vanishes late contradicts the least.
    if (required && greedy) return 1 + luck;
    if (required) return luck;
    if (step.kind === "delete") {
      const end = this.#hints?.ends[this.#state.incarnation - 1];
      return end === undefined ? 4 + luck : 2 + shareOf(end);
    }
    if (step.kind !== "append" || step.append.start !== undefined) return 1 + luck;
    if (this.#hints !== undefined) return 2 + standingOf(step.append, this.#hints);
    return 2 + (hasCommands(step.append) && this.#variant % 2 === 0 ? 1 : 0) + luck;
  }

  /** Whether it is worth while to let an append that nobody has seen take effect here. */
  #matters(node: Node, seen: Set<string>): boolean {
    if (node.step.kind !== "append") return false;
    const { append } = node.step;
    const { tail } = this.#state.log;
    if (node.alike !== undefined) {
      if (seen.has(node.alike)) return false;
      seen.add(node.alike);
    }
    if (this.#overlapsPlaced(tail, tail + append.count)) return false;
    if (this.#skipsTail(tail + append.count)) return false;
    return tail + append.count <= this.#horizon || this.#mattersBeyond.has(append);
  }

  /** Whether an append that is known to stand in this incarnation begins there. */
  #overlapsPlaced(from: number, to: number): boolean {
    if (!this.#mayRecur) return firstAtOrAfter(this.#placed, from) < to;
    return this.#nodes.some(({ done, step }) => {
      if (done || step.kind !== "append" || step.append.start === undefined) return false;
      return step.append.start >= from && step.append.start < to && this.#isOfThis(step.append);
    });
  }

  /** Whether somebody is still to see a tail of this incarnation that would be in the past at `tail`. */
  #skipsTail(tail: number): boolean {
    return this.#nodes.some(({ done, required, step }) => {
      if (done || !required) return false;
      const seen = tailSeen(step);
      return seen !== undefined && seen < tail && (!this.#mayRecur || this.#isOfThis(step.witness));
    });
  }

  #isOfThis(witness: Append | undefined): boolean {
    return witness !== undefined && this.#state.log.has(this.#placement.companion(witness));
  }

  #misfits(): Stuck["next"] {
    const found: { step: Step; why: Misfit }[] = [];
    for (const node of this.#open) {
      const why = apply(this.#state, node.step, this.#placement);
      if (node.required || typeof why !== "string")
        found.push({ step: node.step, why: typeof why === "string" ? why : "it fits, but leads nowhere" });
    }
    return found;
  }
}

/** From 0 to 1: the earlier the less, 1 when it is not said to stand anywhere. */
function standingOf(append: Append, { records }: Hints): number {
  for (const { id } of append.operation.call.records) {
    const at = records.get(id);
    if (at !== undefined) return shareOf(at);
  }
  return 1;
}

function shareOf(position: number): number {
  return position / (position + 1);
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

function hasCommands(append: Append): boolean {
  return append.operation.call.records.some(({ command }) => command !== undefined);
}

function alike(append: Append): string | undefined {
  const { call, session } = append.operation;
  if (append.start !== undefined || session !== undefined || hasCommands(append)) return undefined;
  if (call.matchSeqNum !== undefined || call.fencingToken !== undefined || call.createsStream === true)
    return undefined;
  return String(append.count);
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

/** Appends whose commands would show although nobody sees their records (a token that a refusal tells, a trim), and those of the same session
 * before them, without which they cannot have taken effect. */
function mattersBeyond(steps: readonly Step[], placement: Placement): Set<Append> {
  const told = new Set<string>();
  for (const step of steps) if (step.kind === "fencing-token-mismatch") told.add(step.actual);
  const shows = ({ operation }: Append) =>
    operation.call.records.some(
      ({ command }) => command?.kind === "trim" || (command?.kind === "fence" && told.has(command.token)),
    );
  const matters = new Set<Append>();
  const sessions = new Set<string>();
  for (const append of placement.appends.toReversed()) {
    const { session } = append.operation;
    if (!shows(append) && (session === undefined || !sessions.has(session))) continue;
    matters.add(append);
    if (session !== undefined) sessions.add(session);
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

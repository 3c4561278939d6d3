// Searches for an order of one stream's steps that the model allows and that keeps the order of what did not overlap (Wing & Gong), and
// remembers where it has been by (set of steps done, state) (Lowe). Deterministic; bounded by a number of tries, not by time.
//
// What makes it fast, and why nothing is missed by it (see also `pruning.ts`):
// - A step that only observes, may come next, and fits, is done at once and for good. In any order that continues from here it stands
//   somewhere; moved to the front, it changes no state, so that everything else fits as before, and it overtakes nothing that must
//   precede it, since nothing does any more. (Not so while its operation may yet create the stream on demand: then it is a choice. While
//   the stream is there it cannot, if nothing that deletes the stream was invoked before the operation's return.) That is so of a 404
//   where the stream is absent, too: later it might free the name, but whatever needs it free does that itself.
// - An append whose place is known is possible only when the tail is there: of those that are, one at most can be next, unless the
//   stream is deleted and created again.
// - Of several appends of unknown outcome that nobody has seen and that are alike (as long, no conditions, no commands, not in a session)
//   one that is open stands for all: exchanging two of them changes nothing that anybody saw, and none of them has to be in time. For the
//   same reason, logs that differ only in which of such records stand where are one state.
// - Where records vanish by age, an observation that fits only if some have may move the trim point; that is a choice, made late. One that
//   fits as it is needs no such choice: the lower the trim point, the more still fits, since whatever comes later may move it itself.

import { Choices, type Hints } from "./choices.ts";
import type { Moment } from "./history.ts";
import { apply, initialState, type Misfit, type StreamState } from "./model.ts";
import { mayCreate, type Node, nodesOf } from "./node.ts";
import type { Placement } from "./placement.ts";
import { type Frontier, Pruning } from "./pruning.ts";
import type { Step } from "./steps.ts";

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

export class Search {
  readonly #placement: Placement;
  readonly #nodes: Node[];
  readonly #byReturn: Node[];
  readonly #deletions: readonly Node[];
  readonly #choices: Choices;
  readonly #pruning: Pruning;
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
  #requiredLeft: number;
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
    this.#placement = placement;
    this.#choices = new Choices(variant, hints);
    this.#state = initialState(initially, expires);
    this.#nodes = nodesOf(steps, expires);
    this.#pruning = new Pruning(steps, this.#nodes, placement);
    this.#deletions = this.#nodes.filter(({ step }) => step.kind === "delete");
    this.#byReturn = this.#nodes.filter(({ required }) => required);
    this.#byReturn.sort((a, b) => a.step.returned - b.step.returned);
    this.#requiredLeft = this.#byReturn.length;
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
      const isGreedy = (node: Node) =>
        node.greedy || (node.observes ? node.step.returned < staysUntil : this.#findsNothing(node));
      for (const node of before) {
        if (isGreedy(node) && this.#try(node) === this.#state) this.#do(node);
        else before[left++] = node;
      }
      if (left === before.length) return;
      before.length = left;
    }
  }

  /** A 404 that changes nothing. */
  #findsNothing({ step }: Node): boolean {
    return step.kind === "not-found" && this.#state.phase === "absent" && !mayCreate(step);
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
    const frontier: Frontier = {
      state: this.#state,
      open: this.#open,
      first: this.#byReturn[this.#returned],
      reached: this.#reached,
    };
    if (this.#pruning.isHopeless(frontier)) return [];
    const { incarnation } = this.#state;
    const candidates: { node: Node; state: StreamState; rank: number }[] = [];
    const worthTrying = this.#pruning.worthTrying(frontier);
    const superfluous = this.#choices.superfluous(worthTrying, incarnation);
    for (const node of worthTrying) {
      if (superfluous.has(node)) continue;
      const state = this.#try(node);
      if (typeof state === "string" || (state === this.#state && !node.required)) continue;
      candidates.push({ node, state, rank: this.#choices.rank(node, incarnation) });
    }
    // Stable: within a rank, by invocation.
    return candidates.sort((a, b) => a.rank - b.rank);
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

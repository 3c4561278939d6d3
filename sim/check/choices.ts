// The order in which a search tries what may come next: what must happen first, then what is said to stand there, last what would change
// most and what nobody has seen a trace of. It decides how long a search takes, never what it finds.
import type { RecordId } from "./history.ts";
import { hasCommands, type Node } from "./node.ts";
import type { Append } from "./placement.ts";

/** Where records of unknown outcome are said to stand, and where incarnations of the stream are said to end, by positions that grow along one log. */
export interface Hints {
  readonly records: ReadonlyMap<RecordId, number>;
  readonly ends: readonly (number | undefined)[];
}

export class Choices {
  readonly #variant: number;
  readonly #hints: Hints | undefined;

  /** `variant`: of searches of one history, so that one has luck where another had none. */
  constructor(variant: number, hints: Hints | undefined) {
    // Every other search does without hints, and the first of either kind without luck.
    this.#variant = hints === undefined ? variant : variant >> 1;
    this.#hints = variant % 2 === 0 ? hints : undefined;
  }

  /** The lower, the sooner it is tried. `incarnation` is the stream's at present. */
  rank({ step, required, greedy, hashA }: Node, incarnation: number): number {
    const luck = this.#variant === 0 ? 0 : ((Math.imul(hashA, this.#variant * 2 + 1) >>> 8) & 0xffff) / 0x10000;
    // What vanishes late contradicts the least.
    if (required && greedy) return 1 + luck;
    if (required) return luck;
    if (step.kind === "delete") {
      const end = this.#hints?.ends[incarnation - 1];
      return end === undefined ? 4 + luck : 2 + shareOf(end);
    }
    if (step.kind !== "append" || step.append.start !== undefined) return 1 + luck;
    if (this.#hints !== undefined) return 2 + standingOf(step.append, this.#hints);
    return 2 + (hasCommands(step.append) && this.#variant % 2 === 0 ? 1 : 0) + luck;
  }

  /** Of those that are alike, all but the one to try. */
  superfluous(open: readonly Node[], incarnation: number): ReadonlySet<Node> {
    const likeliest = new Map<string, { readonly node: Node; readonly rank: number }>();
    const others = new Set<Node>();
    for (const node of open) {
      if (node.alike === undefined) continue;
      const rank = this.rank(node, incarnation);
      const before = likeliest.get(node.alike);
      if (before !== undefined) others.add(rank < before.rank ? before.node : node);
      if (before === undefined || rank < before.rank) likeliest.set(node.alike, { node, rank });
    }
    return others;
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

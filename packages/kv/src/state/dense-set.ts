// A set of strings in which each member has a position, 0 to size - 1: what picking at random and scanning with a cursor need.
// Its order depends on nothing but what was added and removed since it was empty, and so is the same in every replica and
// after a restore from `members`. Must never keep anything that a restore would not make anew.

/** Up to so many, members are found by looking at each, and keep the order in which they came. Part of the format. */
export const SMALL_COLLECTION_MEMBERS = 16;

/** What a scan has visited, and where it goes on: 0 if it is over. */
export interface ScanStep {
  /** Positions [from, to), to be visited from the last to the first. */
  readonly from: number;
  readonly to: number;
  readonly cursor: number;
}

/**
 * One step of a scan. Scans go from the last position to the first: whatever is removed meanwhile, members that are not
 * visited yet only ever move to lower positions, and new ones are added behind. So whoever is there all the time is visited.
 */
export function scanStep(size: number, cursor: number, count: number): ScanStep {
  const to = cursor === 0 ? size : Math.min(cursor, size);
  const from = Math.max(0, to - count);
  return { from, to, cursor: from };
}

/** Removes what is at a position: in a small array the others keep their order, in a large one the last takes its place. */
export function removeDense<T>(array: T[], at: number): void {
  if (array.length <= SMALL_COLLECTION_MEMBERS) {
    array.splice(at, 1);
    return;
  }
  const last = array.length - 1;
  if (at !== last) array[at] = array[last];
  array.length = last;
}

export class DenseSet {
  #members: string[] = [];
  /** Positions; made when they are asked for, only while there are more than `SMALL_COLLECTION_MEMBERS`. */
  #index: Map<string, number> | undefined;

  get size(): number {
    return this.#members.length;
  }

  /** In the order of their positions; not to be changed, and to be copied by who keeps it. */
  get members(): readonly string[] {
    return this.#members;
  }

  /** -1: not a member. */
  indexOf(member: string): number {
    if (this.#members.length <= SMALL_COLLECTION_MEMBERS) return this.#members.indexOf(member);
    this.#index ??= new Map(this.#members.map((member, at) => [member, at]));
    return this.#index.get(member) ?? -1;
  }

  has(member: string): boolean {
    return this.indexOf(member) >= 0;
  }

  at(position: number): string {
    return this.#members[position];
  }

  /** False: it was one already. */
  add(member: string): boolean {
    if (this.has(member)) return false;
    this.#members.push(member);
    this.#index?.set(member, this.#members.length - 1);
    return true;
  }

  /** False: it was none. */
  delete(member: string): boolean {
    const at = this.indexOf(member);
    if (at < 0) return false;
    this.deleteAt(at);
    return true;
  }

  deleteAt(position: number): void {
    const member = this.#members[position];
    removeDense(this.#members, position);
    if (this.#index === undefined) return;
    if (this.#members.length <= SMALL_COLLECTION_MEMBERS) {
      this.#index = undefined;
      return;
    }
    this.#index.delete(member);
    if (position < this.#members.length) this.#index.set(this.#members[position], position);
  }

  /** It takes over the positions of members: who is left behind is mostly read from one end to the other, for a snapshot. */
  clone(): DenseSet {
    const clone = new DenseSet();
    clone.#members = this.#members.slice();
    clone.#index = this.#index;
    this.#index = undefined;
    return clone;
  }
}

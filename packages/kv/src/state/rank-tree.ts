// Members in the order of their scores, those of one score in the order of their bytes: a B+ tree that knows how many stand in
// each of its parts, so that ranks and ranges are found in O(log n). Knows nothing of who has which score: its user must, to
// take a member out again.

/** Entries of a leaf, children of a branch. */
const MAX_NODE = 64;
/** With fewer a node is put together with a neighbour. */
const MIN_NODE = 16;

/** Whether an entry stands before a boundary: true up to some place, and false from there on. */
export type Before = (score: number, member: string) => boolean;

interface Leaf {
  readonly scores: number[];
  readonly members: string[];
}

interface Branch {
  readonly children: Node[];
  /** Entries under each child. */
  readonly counts: number[];
  /** No entry under the child, nor right of it, stands before this; all on the left do. The first child's says nothing. */
  readonly scores: number[];
  readonly members: string[];
}

type Node = Leaf | Branch;

export class RankTree {
  #root: Node = { scores: [], members: [] };
  #size = 0;

  get size(): number {
    return this.#size;
  }

  clone(): RankTree {
    const clone = new RankTree();
    clone.#root = copyOf(this.#root);
    clone.#size = this.#size;
    return clone;
  }

  /** One that is not there. */
  insert(score: number, member: string): void {
    insert(this.#root, score, member);
    this.#size += 1;
    if (width(this.#root) <= MAX_NODE) return;
    const root: Branch = { children: [this.#root], counts: [this.#size], scores: [score], members: [member] };
    splitChild(root, 0);
    this.#root = root;
  }

  /** One that is there. */
  remove(score: number, member: string): void {
    remove(this.#root, score, member);
    this.#size -= 1;
    if ("children" in this.#root && this.#root.children.length === 1) this.#root = this.#root.children[0];
  }

  /** How many stand before a boundary: the rank of the first that does not. */
  count(before: Before): number {
    let node = this.#root;
    let rank = 0;
    while ("children" in node) {
      const child = childOf(node, before);
      for (let i = 0; i < child; i += 1) rank += node.counts[i];
      node = node.children[child];
    }
    return rank + partition(node, 0, before);
  }

  /** How many stand before this one, whether it is there or not. */
  rank(score: number, member: string): number {
    return this.count(standsBefore(score, member));
  }

  /** Those of ranks [from, to), from the last to the first if `reverse`. */
  each(from: number, to: number, reverse: boolean, visit: (member: string, score: number) => void): void {
    if (from < to) each(this.#root, from, to, reverse, visit);
  }
}

function copyOf(node: Node): Node {
  const [scores, members] = [node.scores.slice(), node.members.slice()];
  if (!("children" in node)) return { scores, members };
  return { children: node.children.map(copyOf), counts: node.counts.slice(), scores, members };
}

function standsBefore(score: number, member: string): Before {
  return (s, m) => s < score || (s === score && m < member);
}

function width(node: Node): number {
  return "children" in node ? node.children.length : node.scores.length;
}

function total(node: Node): number {
  if (!("children" in node)) return node.scores.length;
  let sum = 0;
  for (const count of node.counts) sum += count;
  return sum;
}

/** The first place at or after `from` that does not stand before. */
function partition({ scores, members }: Node, from: number, before: Before): number {
  let low = from;
  let high = scores.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (before(scores[middle], members[middle])) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** The child in which the boundary lies. */
function childOf(branch: Branch, before: Before): number {
  return partition(branch, 1, before) - 1;
}

/** The child under which an entry stands, or belongs: it may equal the child's own boundary. */
function homeOf(branch: Branch, score: number, member: string): number {
  return childOf(branch, (s, m) => s < score || (s === score && m <= member));
}

function insert(node: Node, score: number, member: string): void {
  if ("children" in node) {
    const child = homeOf(node, score, member);
    insert(node.children[child], score, member);
    node.counts[child] += 1;
    if (width(node.children[child]) > MAX_NODE) splitChild(node, child);
    return;
  }
  const at = partition(node, 0, standsBefore(score, member));
  node.scores.splice(at, 0, score);
  node.members.splice(at, 0, member);
}

function remove(node: Node, score: number, member: string): void {
  if ("children" in node) {
    const child = homeOf(node, score, member);
    remove(node.children[child], score, member);
    node.counts[child] -= 1;
    if (width(node.children[child]) < MIN_NODE && node.children.length > 1) mergeChildren(node, Math.max(0, child - 1));
    return;
  }
  const at = partition(node, 0, standsBefore(score, member));
  if (node.members[at] !== member || node.scores[at] !== score) throw new Error("not in the tree");
  node.scores.splice(at, 1);
  node.members.splice(at, 1);
}

/** The second half of a child becomes a child of its own. */
function splitChild(branch: Branch, child: number): void {
  const left = branch.children[child];
  const half = width(left) >>> 1;
  const scores = left.scores.splice(half);
  const members = left.members.splice(half);
  const right: Node =
    "children" in left
      ? { children: left.children.splice(half), counts: left.counts.splice(half), scores, members }
      : { scores, members };
  const moved = total(right);
  branch.counts[child] -= moved;
  branch.children.splice(child + 1, 0, right);
  branch.counts.splice(child + 1, 0, moved);
  branch.scores.splice(child + 1, 0, scores[0]);
  branch.members.splice(child + 1, 0, members[0]);
}

/** A child takes in the one right of it; what is too large then is split evenly. */
function mergeChildren(branch: Branch, child: number): void {
  const left = branch.children[child];
  const right = branch.children[child + 1];
  if ("children" in left && "children" in right) {
    // The first boundary of a branch says nothing: the one above it does.
    right.scores[0] = branch.scores[child + 1];
    right.members[0] = branch.members[child + 1];
    left.children.push(...right.children);
    left.counts.push(...right.counts);
  }
  left.scores.push(...right.scores);
  left.members.push(...right.members);
  branch.counts[child] += branch.counts[child + 1];
  branch.children.splice(child + 1, 1);
  branch.counts.splice(child + 1, 1);
  branch.scores.splice(child + 1, 1);
  branch.members.splice(child + 1, 1);
  if (width(left) > MAX_NODE) splitChild(branch, child);
}

function each(
  node: Node,
  from: number,
  to: number,
  reverse: boolean,
  visit: (member: string, score: number) => void,
): void {
  if (!("children" in node)) {
    if (reverse) for (let i = to - 1; i >= from; i -= 1) visit(node.members[i], node.scores[i]);
    else for (let i = from; i < to; i += 1) visit(node.members[i], node.scores[i]);
    return;
  }
  let start = reverse ? total(node) : 0;
  for (let i = 0; i < node.children.length; i += 1) {
    const child = reverse ? node.children.length - 1 - i : i;
    const count = node.counts[child];
    if (reverse) start -= count;
    const low = Math.max(from - start, 0);
    const high = Math.min(to - start, count);
    if (low < high) each(node.children[child], low, high, reverse, visit);
    if (!reverse) start += count;
  }
}

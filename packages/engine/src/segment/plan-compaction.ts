// What is to become of a shard's segments next: pure, of how much of each is live. Only neighbours are merged, so that the order in which segments tell of
// streams stays the order in which it happened; and what is large is left alone for as long as most of it is live (decision 0030).

export interface CompactionLimits {
  /** Segments of one level that are merged. At least 2. */
  readonly fanIn: number;
  /** Live bytes of a merged segment, at most. More than half of it is large: it is not merged any more. */
  readonly mergedBytes: number;
  /** A segment is rewritten by itself when so much of it is dead, and at least half of it. */
  readonly deadBytes: number;
  /** Segments that one merge takes, at most. At least 2. */
  readonly inputs: number;
}

export interface PlannedSegment {
  readonly number: number;
  readonly bytes: number;
  /** What a merge would keep of them. */
  readonly liveBytes: number;
  /** How often what is in it has been merged, at most. */
  readonly level: number;
  /** Whether it tells of any stream what no newer one does, or has records that can be read. */
  readonly isNeeded: boolean;
  /** Whether it tells of removals, which hide what older segments say. */
  readonly hides: boolean;
}

/** `drop`: none of these is needed. `merge`: these, side by side, become one of this level; of a single one, what is live. */
export type CompactionStep =
  | { readonly kind: "drop"; readonly segments: readonly number[] }
  | { readonly kind: "merge"; readonly segments: readonly number[]; readonly level: number };

/** The next thing to do, of all segments in their order; undefined when there is none. Repeated, it comes to an end. At rest two of a level are enough for
 * a merge, and it takes as many as there are. */
export function planCompaction(
  segments: readonly PlannedSegment[],
  limits: CompactionLimits,
  isAtRest = false,
): CompactionStep | undefined {
  return (
    unneeded(segments) ??
    mergeOfClosedRow(segments, limits) ??
    mergeOfLevel(segments, limits, isAtRest) ??
    rewrite(segments, limits)
  );
}

/** What is not needed goes without being read, unless it hides something that an older one, which stays, may say. */
function unneeded(segments: readonly PlannedSegment[]): CompactionStep | undefined {
  const drop: number[] = [];
  let isOldest = true;
  for (const { number, isNeeded, hides } of segments) {
    if (!isNeeded && (isOldest || !hides)) drop.push(number);
    else isOldest = false;
  }
  return drop.length > 0 ? { kind: "drop", segments: drop } : undefined;
}

/** Small ones before a large one will have no new neighbours: they become one, or as many as must be. */
function mergeOfClosedRow(segments: readonly PlannedSegment[], limits: CompactionLimits): CompactionStep | undefined {
  let row: PlannedSegment[] = [];
  for (const segment of segments) {
    if (!isLarge(segment, limits)) row.push(segment);
    else {
      if (row.length > 1) return merge(row, limits);
      row = [];
    }
  }
  return undefined;
}

/** Of the small ones behind the last large one, where segments are added: as many of a level as are a fan-in become one of the next. */
function mergeOfLevel(
  segments: readonly PlannedSegment[],
  limits: CompactionLimits,
  isAtRest: boolean,
): CompactionStep | undefined {
  const fanIn = isAtRest ? 2 : limits.fanIn;
  const row = segments.slice(segments.findLastIndex((segment) => isLarge(segment, limits)) + 1);
  // No level stands behind a lower one: those that do, since what was large has shrunk, count as their newer neighbours.
  let level = 0;
  for (let end = row.length; end > 0; ) {
    level = Math.max(level, row[end - 1].level);
    let begin = end - 1;
    while (begin > 0 && row[begin - 1].level <= level) begin -= 1;
    if (end - begin >= fanIn) return merge(row.slice(begin, isAtRest ? end : begin + fanIn), limits);
    end = begin;
  }
  return undefined;
}

/** What is mostly dead is read for the rest. */
function rewrite(segments: readonly PlannedSegment[], limits: CompactionLimits): CompactionStep | undefined {
  const dead = segments.find(
    ({ bytes, liveBytes }) => bytes - liveBytes >= limits.deadBytes && bytes - liveBytes >= bytes / 2,
  );
  return dead === undefined ? undefined : { kind: "merge", segments: [dead.number], level: dead.level };
}

/** The oldest of a row of small ones, as many as may be merged: two at least. */
function merge(row: readonly PlannedSegment[], limits: CompactionLimits): CompactionStep {
  const taken: PlannedSegment[] = [];
  let bytes = 0;
  for (const segment of row.slice(0, limits.inputs)) {
    bytes += segment.liveBytes;
    if (bytes > limits.mergedBytes) break;
    taken.push(segment);
  }
  return {
    kind: "merge",
    segments: taken.map(({ number }) => number),
    level: Math.max(...taken.map(({ level }) => level)) + 1,
  };
}

function isLarge({ liveBytes }: PlannedSegment, { mergedBytes }: CompactionLimits): boolean {
  return liveBytes > mergedBytes / 2;
}

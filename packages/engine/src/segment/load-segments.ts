// What a taker reads of segments: of each the directory, or all but its records. Believes nothing unverified.
import { ObjectStoreError } from "../object-store/index.ts";
import { EntryKind, entryBytes, entryKind, entryStreamId } from "../shard/chunk-format.ts";
import { CorruptObjectError } from "../shard/corrupt.ts";
import { FetchAhead } from "../shard/fetch-ahead.ts";
import { segmentKey } from "../shard/keys.ts";
import type { Segment } from "../shard/manifest.ts";
import { LogMovedError } from "../shard/read-log.ts";
import type { StoreReads } from "../shard/retry.ts";
import type { SegmentFacts } from "./live-segments.ts";
import { decodeMeta, decodeTail, type SegmentFooter, type SegmentMeta } from "./segment-format.ts";

/** Segments that are fetched from the one on that is being applied. */
const READ_AHEAD = 8;
/** Directories likewise: they are small. */
const READ_AHEAD_TAILS = 32;

/** Calls `apply` with every segment in order, all of it but its records. Errors: CorruptObjectError, ObjectStoreError; LogMovedError when a segment is missing. */
export async function loadSegments(
  reads: StoreReads,
  shard: number,
  segments: readonly Segment[],
  apply: (segment: Segment, key: string, meta: SegmentMeta & Pick<SegmentFacts, "removed">) => void,
): Promise<void> {
  const fetches = new FetchAhead(segments.length, READ_AHEAD, (index) => {
    const segment = segments[index];
    return load(reads, shard, segment, segment.metaBytes, (key, read) => decodeMeta(key, read, segment.bytes));
  });
  for (const [index, segment] of segments.entries()) {
    const { epoch, incarnation, number } = segment;
    const meta = await fetches.get(index);
    apply(segment, segmentKey(shard, epoch, incarnation, number), { ...meta, removed: removedIn(meta) });
  }
}

/** Calls `apply` with every segment in order, its footer and its directory. Errors: as above. */
export async function loadTails(
  reads: StoreReads,
  shard: number,
  segments: readonly Segment[],
  apply: (segment: Segment, facts: SegmentFacts) => void,
): Promise<void> {
  const fetches = new FetchAhead(segments.length, READ_AHEAD_TAILS, (index) => {
    const { tailBytes = 0 } = segments[index];
    return load(reads, shard, segments[index], tailBytes, decodeTail);
  });
  for (const [index, segment] of segments.entries()) apply(segment, await fetches.get(index));
}

async function load<T extends { readonly footer: SegmentFooter }>(
  reads: StoreReads,
  shard: number,
  segment: Segment,
  fromEnd: number,
  decode: (key: string, read: Uint8Array) => T,
): Promise<T> {
  const { number, epoch, incarnation, bytes } = segment;
  const key = segmentKey(shard, epoch, incarnation, number);
  let read: Uint8Array;
  try {
    read = await reads.getRange(key, bytes - fromEnd, fromEnd);
  } catch (error) {
    if (error instanceof ObjectStoreError && error.kind === "absent") throw new LogMovedError(key);
    throw error;
  }
  const decoded = decode(key, read);
  const { footer } = decoded;
  if (footer.number !== number || footer.epoch !== epoch)
    throw new CorruptObjectError(key, `it says that it is number ${footer.number} of epoch ${footer.epoch}`);
  return decoded;
}

function removedIn({ catalog }: SegmentMeta): string[] {
  const removed: string[] = [];
  for (let at = 0; at < catalog.length; at += entryBytes(catalog, at))
    if (entryKind(catalog, at) !== EntryKind.stream)
      removed.push(Buffer.from(entryStreamId(catalog, at)).toString("hex"));
  return removed;
}

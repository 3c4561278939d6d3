// What a taker reads of segments: all but their records. Believes nothing unverified.
import { ObjectStoreError } from "../object-store/index.ts";
import { CorruptObjectError } from "../shard/corrupt.ts";
import { FetchAhead } from "../shard/fetch-ahead.ts";
import { segmentKey } from "../shard/keys.ts";
import type { Segment } from "../shard/manifest.ts";
import { LogMovedError } from "../shard/read-log.ts";
import type { StoreReads } from "../shard/retry.ts";
import { decodeMeta, type SegmentMeta } from "./segment-format.ts";

/** Segments that are fetched from the one on that is being applied. */
const READ_AHEAD = 8;

/** Calls `apply` with every segment in order. Errors: CorruptObjectError, ObjectStoreError; LogMovedError when a segment is missing. */
export async function loadSegments(
  reads: StoreReads,
  shard: number,
  segments: readonly Segment[],
  apply: (segment: Segment, key: string, meta: SegmentMeta) => void,
): Promise<void> {
  const fetches = new FetchAhead(segments.length, READ_AHEAD, (index) => load(reads, shard, segments[index]));
  for (const [index, segment] of segments.entries()) {
    const { epoch, incarnation, number } = segment;
    apply(segment, segmentKey(shard, epoch, incarnation, number), await fetches.get(index));
  }
}

async function load(reads: StoreReads, shard: number, segment: Segment): Promise<SegmentMeta> {
  const { number, epoch, incarnation, bytes, metaBytes } = segment;
  const key = segmentKey(shard, epoch, incarnation, number);
  let read: Uint8Array;
  try {
    read = await reads.getRange(key, bytes - metaBytes, metaBytes);
  } catch (error) {
    if (error instanceof ObjectStoreError && error.kind === "absent") throw new LogMovedError(key);
    throw error;
  }
  const meta = decodeMeta(key, read, bytes);
  if (meta.footer.number !== number || meta.footer.epoch !== epoch)
    throw new CorruptObjectError(key, `it says that it is number ${meta.footer.number} of epoch ${meta.footer.epoch}`);
  return meta;
}

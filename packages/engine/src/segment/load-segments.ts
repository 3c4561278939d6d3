// What a taker reads of segments: all but their records. Believes nothing unverified.
import { ObjectStoreError } from "../object-store/index.ts";
import { CorruptObjectError } from "../shard/corrupt.ts";
import { segmentKey } from "../shard/keys.ts";
import type { Segment } from "../shard/manifest.ts";
import { LogMovedError } from "../shard/read-log.ts";
import type { StoreReads } from "../shard/retry.ts";
import { decodeMeta, type SegmentMeta } from "./segment-format.ts";

/** Segments fetched ahead of the one that is being applied. */
const READ_AHEAD = 8;

/** Calls `apply` with every segment in order. Errors: CorruptObjectError, ObjectStoreError; LogMovedError when a segment is missing. */
export async function loadSegments(
  reads: StoreReads,
  shard: number,
  segments: readonly Segment[],
  apply: (key: string, meta: SegmentMeta) => void,
): Promise<void> {
  const fetches: Promise<SegmentMeta>[] = [];
  let ahead = 0;
  for (const { epoch, incarnation, number } of segments) {
    for (; ahead < segments.length && fetches.length < READ_AHEAD; ahead += 1) {
      const fetch = load(reads, shard, segments[ahead]);
      // Awaited below; a fetch that is given up must not count as an unhandled rejection.
      fetch.catch(() => undefined);
      fetches.push(fetch);
    }
    const meta = await fetches.shift();
    if (meta !== undefined) apply(segmentKey(shard, epoch, incarnation, number), meta);
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

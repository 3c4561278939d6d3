// Looks at every record of a segment: that each run of its index begins, ends and holds what the index says. Reads it a few MiB at a time,
// however large it is.
import type { SegmentMeta, SegmentRun } from "../segment/segment-format.ts";
import {
  EntryKind,
  entryBytes,
  entryCount,
  entryFirstSeqNum,
  entryIsOf,
  entryKind,
  entryLastTimestampHigh,
  entryLastTimestampLow,
  entryMeteredBytes,
  entryStreamId,
  verifyEntries,
} from "../shard/chunk-format.ts";
import { FetchAhead } from "../shard/fetch-ahead.ts";
import type { StoreReads } from "../shard/retry.ts";
import { timestampOf } from "../stream/stream.ts";
import { recordsProblem } from "./records-problem.ts";
import { reason } from "./walk-log.ts";

/** Runs are fetched together up to this many bytes; one run may be longer. */
const FETCH_BYTES = 8 * 1024 * 1024;
/** Fetches under way at once. */
const CONCURRENT_FETCHES = 4;

interface IndexedRun {
  readonly id: Uint8Array;
  readonly run: SegmentRun;
  /** The sequence number after its last; undefined where nothing in the segment says it. */
  readonly endSeqNum: number | undefined;
}

/**
 * Reads all records of the segment under `key`, answers how many they are, and tells `onProblem` of what does not fit, in clauses. Errors: ObjectStoreError, of kind
 * `absent` when it is gone.
 */
export async function verifyRecords(
  reads: Pick<StoreReads, "getRange">,
  key: string,
  meta: SegmentMeta,
  onProblem: (what: string) => void,
  onBytes: (bytes: number) => void = () => undefined,
): Promise<number> {
  const groups = grouped(indexedRuns(meta));
  const fetches = new FetchAhead(groups.length, CONCURRENT_FETCHES, (index) => {
    const [from, to] = bounds(groups[index]);
    return reads.getRange(key, from, to - from);
  });
  let records = 0;
  for (const [index, group] of groups.entries()) {
    const fetched = await fetches.get(index);
    const [from, to] = bounds(group);
    if (fetched.length !== to - from) {
      onProblem(`it ends at ${from + fetched.length}, within its records`);
      continue;
    }
    for (const indexed of group) records += verifyRun(key, fetched, from, indexed, onProblem);
    onBytes(fetched.length);
  }
  return records;
}

/** All runs in the order in which they lie there. */
function indexedRuns({ catalog, streams }: SegmentMeta): IndexedRun[] {
  const tails = new Map<string, number>();
  for (let at = 0; at < catalog.length; at += entryBytes(catalog, at))
    if (entryKind(catalog, at) === EntryKind.stream)
      tails.set(hexOf(entryStreamId(catalog, at)), entryFirstSeqNum(catalog, at));
  return streams.flatMap(({ id, runs }) =>
    runs.map((run, i) => ({ id, run, endSeqNum: runs[i + 1]?.firstSeqNum ?? tails.get(hexOf(id)) })),
  );
}

function grouped(runs: readonly IndexedRun[]): IndexedRun[][] {
  const groups: IndexedRun[][] = [];
  for (const indexed of runs) {
    const group = groups.at(-1);
    if (group !== undefined && indexed.run.end - group[0].run.offset <= FETCH_BYTES) group.push(indexed);
    else groups.push([indexed]);
  }
  return groups;
}

function bounds(group: readonly IndexedRun[]): [from: number, to: number] {
  return [group[0].run.offset, group[group.length - 1].run.end];
}

/** Answers the number of its records. */
function verifyRun(
  key: string,
  bytes: Uint8Array,
  bytesFrom: number,
  { id, run, endSeqNum }: IndexedRun,
  onProblem: (what: string) => void,
): number {
  const where = `the run at ${run.offset} of stream ${hexOf(id)}`;
  const to = run.end - bytesFrom;
  try {
    verifyEntries(key, bytes, run.offset - bytesFrom, to);
  } catch (error) {
    onProblem(`${where}: ${reason(error, key)}`);
    return 0;
  }
  let next = run.firstSeqNum;
  let meteredBytes = 0;
  let timestamp = 0n;
  for (let at = run.offset - bytesFrom; at < to; at += entryBytes(bytes, at)) {
    if (entryKind(bytes, at) !== EntryKind.records) onProblem(`${where} has an entry of kind ${entryKind(bytes, at)}`);
    else if (!entryIsOf(bytes, at, id)) onProblem(`${where} has an entry of stream ${hexOf(entryStreamId(bytes, at))}`);
    else {
      const first = entryFirstSeqNum(bytes, at);
      if (first !== next) onProblem(`${where} has an entry at ${first} where ${next} should follow`);
      const problem = recordsProblem(bytes, at, timestamp);
      if (problem !== undefined) onProblem(`${where}: ${problem}`);
      next = first + entryCount(bytes, at);
      timestamp = timestampOf(entryLastTimestampLow(bytes, at), entryLastTimestampHigh(bytes, at));
    }
    meteredBytes += entryMeteredBytes(bytes, at);
  }
  if (endSeqNum !== undefined && next !== endSeqNum) onProblem(`${where} ends at ${next}, not at ${endSeqNum}`);
  if (meteredBytes !== run.meteredBytes)
    onProblem(`${where} has ${meteredBytes} metered bytes, not ${run.meteredBytes}`);
  if (timestamp !== timestampOf(run.lastTimestampLow, run.lastTimestampHigh))
    onProblem(`${where} has another last timestamp than the index says`);
  return next - run.firstSeqNum;
}

function hexOf(id: Uint8Array): string {
  return Buffer.from(id).toString("hex");
}

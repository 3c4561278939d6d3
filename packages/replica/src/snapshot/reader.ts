// Finds snapshots in their stream, newest first, and reads them back, checked from the first byte to the last. Never takes a
// connection that breaks for a snapshot that is bad: the first passes as `LogError`, the second as `BadSnapshotError`.
import { createHash } from "node:crypto";
import { BadSnapshotError, ReplicaError, VersionError } from "../errors.ts";
import { SNAPSHOT_SCAN_RECORDS } from "../limits.ts";
import { type Log, LogError, type LogRecord } from "../log/log.ts";
import { decodeRecord, type ReplicaRecord, sameBytes, type WholeRecord } from "../record/envelope.ts";
import { unpacked } from "./frames.ts";

/** Snapshots that say to be whole, the last one written first. Rejects with `LogError`. */
export async function* snapshotsIn(stream: Log): AsyncGenerator<WholeRecord, void, void> {
  for (let end = await stream.checkTail(); end > 0; ) {
    const start = Math.max(0, end - SNAPSHOT_SCAN_RECORDS);
    const window = await readWindow(stream, start, end);
    for (const record of window.toReversed()) {
      const decoded = readable(record);
      if (decoded?.kind === "whole") yield decoded;
    }
    // What is before it is trimmed.
    if (window.length === 0 || window[0].seqNum > start) return;
    end = start;
  }
}

/** What is kept from `start` to before `end`. */
async function readWindow(stream: Log, start: number, end: number): Promise<LogRecord[]> {
  const window: LogRecord[] = [];
  for (let at = start; at < end; ) {
    const records = await stream.read(at);
    window.push(...records.filter(({ seqNum }) => seqNum < end));
    const last = records.at(-1);
    if (last === undefined) break;
    at = last.seqNum + 1;
  }
  return window;
}

/** Undefined for what this build cannot read: in a stream of snapshots that harms nobody. */
function readable(record: LogRecord): ReplicaRecord | undefined {
  try {
    return decodeRecord(record);
  } catch (error) {
    if (error instanceof VersionError) return undefined;
    throw error;
  }
}

/**
 * What `restore` makes of a snapshot's chunks, once all of them have proved to be what they should be. Rejects with
 * `BadSnapshotError`, or with `LogError` where the log was not reached.
 */
export async function readSnapshot<T>(
  stream: Log,
  whole: WholeRecord,
  restore: (chunks: AsyncIterable<Uint8Array>) => Promise<T>,
): Promise<T> {
  const pieces = piecesOf(stream, whole);
  try {
    const restored = await restore(unpacked(pieces));
    // Checked to its end, even if `restore` did not look that far.
    for await (const _ of pieces);
    return restored;
  } catch (error) {
    if (error instanceof LogError || error instanceof VersionError) throw error;
    if (error instanceof BadSnapshotError) throw error;
    const why = error instanceof ReplicaError ? error.message : String(error);
    throw new BadSnapshotError(`the snapshot of ${whole.next} cannot be restored: ${why}`, { cause: error });
  }
}

async function* piecesOf(stream: Log, whole: WholeRecord): AsyncGenerator<Uint8Array, void, void> {
  const bad = (why: string) => new BadSnapshotError(`the snapshot of ${whole.next} ${why}`);
  const hash = createHash("sha256");
  let index = 0;
  let ahead: ReturnType<Log["read"]> | undefined;
  for (let at = whole.first; index < whole.pieces; ) {
    const records = await (ahead ?? stream.read(at));
    const last = records.at(-1);
    if (last === undefined) throw bad(`ends after ${index} of ${whole.pieces} pieces`);
    at = last.seqNum + 1;
    // The next ones come while these are looked at.
    ahead = index + records.length < whole.pieces ? stream.read(at) : undefined;
    // They may never be asked for.
    ahead?.catch(() => undefined);
    for (const record of records) {
      const piece = readable(record);
      if (piece?.kind !== "piece" || !sameBytes(piece.nonce, whole.nonce) || index === whole.pieces) continue;
      // Sent twice.
      if (piece.index < index) continue;
      if (piece.index > index) throw bad(`lacks piece ${index}`);
      hash.update(piece.bytes);
      index += 1;
      yield piece.bytes;
    }
  }
  if (!sameBytes(hash.digest(), whole.sha256)) throw bad("has another checksum than it should");
}

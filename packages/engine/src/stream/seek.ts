// Where a read by timestamp begins.
import type { EntryBytes } from "../history/entry-bytes.ts";
import type { History } from "../history/history.ts";
import { ENTRY_HEADER_BYTES, EntryKind, entryBytes, entryIsOf, entryKind } from "../shard/chunk-format.ts";
import { RecordCursor } from "../wire/index.ts";
import type { Stream } from "./stream.ts";

const cursor = new RecordCursor();

/** The first durable record that is kept with a timestamp at or after `timestamp`; undefined when there is none. Errors: those of History. */
export async function seekTimestamp(stream: Stream, history: History, timestamp: bigint): Promise<number | undefined> {
  const { index } = stream;
  while (stream.trimPoint < stream.durable.nextSeqNum && !stream.removed) {
    const reaching = index.runOfTimestamp(timestamp);
    if (reaching === index.count) return undefined;
    // Runs of what is trimmed may still be there, for sessions.
    const run = Math.max(reaching, index.runOf(stream.trimPoint));
    const to = index.end(run);
    const offset = index.offset(run);
    const found = seekInRun(stream, await history.read(index, run, undefined), offset, to, timestamp);
    if (found !== undefined) return found;
    // What it would have begun at was trimmed while it was fetched: look again, behind that.
  }
  return undefined;
}

function seekInRun(
  stream: Stream,
  source: EntryBytes,
  from: number,
  to: number,
  timestamp: bigint,
): number | undefined {
  let offset = from;
  while (offset < to) {
    const part = source.partAt(offset);
    if (part === undefined) throw new Error(`no bytes at ${offset} of a run`);
    const at = part.start + (offset - part.objectOffset);
    const length = entryBytes(part.slab, at);
    offset += length;
    if (entryKind(part.slab, at) !== EntryKind.records || !entryIsOf(part.slab, at, stream.id)) continue;
    cursor.reset(part.slab, at + ENTRY_HEADER_BYTES, at + length);
    while (cursor.next()) {
      if (cursor.timestamp >= timestamp && cursor.seqNum >= stream.trimPoint) return cursor.seqNum;
    }
  }
  return undefined;
}

// Where records of unknown outcome stand in the log, as far as its objects show. A hint for the checker, which believes none of it:
// the log may hold chunks that are void, and sealed records do not show.
import type { History, RecordId } from "./check/history.ts";
import type { Bucket } from "./world/bucket.ts";

/** By id, a number that grows along the log. */
export function standing(history: History, bucket: Bucket): Map<RecordId, number> {
  // What was flushed without them, because their stream was gone, stood in the log all the same.
  const keys = [...bucket.logged.keys()].toSorted();
  const log = Buffer.concat(keys.flatMap((key) => bucket.logged.get(key) ?? []));
  const unknown = new Set<RecordId>();
  for (const { call, answer } of history)
    if (call.kind === "append" && answer.kind === "unknown")
      for (const { id, command } of call.records) if (command === undefined) unknown.add(id);
  const lengths = new Set([...unknown].map((id) => id.length));
  const found = new Map<RecordId, number>();
  // A body begins with its record's id and this mark, which nothing else of it contains (`clients/records.ts`).
  for (let at = log.indexOf("~"); at >= 0 && unknown.size > 0; at = log.indexOf("~", at + 1)) {
    for (const length of lengths) {
      const id = log.toString("latin1", Math.max(0, at - length), at);
      if (unknown.delete(id)) found.set(id, at);
    }
  }
  return found;
}

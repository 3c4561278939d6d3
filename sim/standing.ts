// Where records of unknown outcome stand in the log, as far as its objects show. A hint for the checker, which believes none of it:
// the log may hold chunks that are void, and sealed records do not show.
import type { History, RecordId } from "./check/history.ts";
import type { Bucket } from "./world/bucket.ts";

/** By id, a number that grows along the log. */
export function standing(history: History, bucket: Bucket): Map<RecordId, number> {
  const chunks = bucket.keys.filter((key) => key.includes("/wal/")).flatMap((key) => bucket.get(key) ?? []);
  const log = Buffer.concat(chunks);
  const found = new Map<RecordId, number>();
  for (const { call, answer } of history) {
    if (call.kind !== "append" || answer.kind !== "unknown") continue;
    for (const { id, command } of call.records) {
      // Its body begins with its id (`clients/records.ts`).
      const at = command === undefined ? log.indexOf(`${id}~`) : -1;
      if (at >= 0) found.set(id, at);
    }
  }
  return found;
}

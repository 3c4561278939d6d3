// Where a read starts and ends, from its query (API: read). Bad bounds are refused before anything is created or opened.
import type { ReadOptions, ReadStart } from "@tailrace/engine";
import type { ApiRequest } from "../api-request.ts";
import { ApiError } from "../errors.ts";

/** The longest wait of a unary read; a session waits as long as it asks to. */
const MAX_UNARY_WAIT_SECS = 60;
const U32_MAX = 2 ** 32 - 1;

export function readOptions(request: ApiRequest, mode: ReadOptions["mode"]): ReadOptions {
  const { query } = request;
  const seqNum = query.count("seq_num");
  const timestamp = query.u64("timestamp");
  const offset = query.count("tail_offset");
  const clamp = query.boolean("clamp") ?? false;
  const count = query.count("count");
  const bytes = query.count("bytes");
  const until = query.u64("until");
  const wait = query.count("wait");
  if (wait !== undefined && wait > U32_MAX) throw new ApiError("bad_query", '"wait" must be below 2^32');
  const starts: ReadStart[] = [];
  if (seqNum !== undefined) starts.push({ kind: "seq_num", seqNum });
  if (timestamp !== undefined) starts.push({ kind: "timestamp", timestamp });
  if (offset !== undefined) starts.push({ kind: "tail_offset", offset });
  if (starts.length > 1) throw new ApiError("invalid", "only one of seq_num, timestamp and tail_offset may be given");
  if (timestamp !== undefined && until !== undefined && until <= timestamp) {
    throw new ApiError("invalid", "until must be after the timestamp that the read starts at");
  }
  return {
    start: starts[0] ?? { kind: "tail_offset", offset: 0 },
    clamp,
    count,
    bytes,
    until,
    waitMs: wait === undefined ? undefined : Math.min(wait, mode === "unary" ? MAX_UNARY_WAIT_SECS : wait) * 1000,
    mode,
  };
}

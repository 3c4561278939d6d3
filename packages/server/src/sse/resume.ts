// Resuming an event stream: the id of an event says what had been delivered with it (API: SSE reads).
import type { ReadOptions } from "@tailrace/engine";
import { ApiError } from "../errors.ts";

/** What a client has been given so far, over all its connections. */
export interface Delivered {
  readonly count: number;
  readonly meteredBytes: number;
}

export function eventId(lastSeqNum: number, delivered: Delivered): string {
  return `${lastSeqNum},${delivered.count},${delivered.meteredBytes}`;
}

/** The read that continues after `lastEventId`: what was delivered counts against the original limits. */
export function resumed(
  options: ReadOptions,
  lastEventId: string | undefined,
): { options: ReadOptions; delivered: Delivered } {
  if (lastEventId === undefined || lastEventId === "") return { options, delivered: { count: 0, meteredBytes: 0 } };
  const match = /^([0-9]{1,20}),([0-9]{1,20}),([0-9]{1,20})$/.exec(lastEventId.trim());
  if (match === null) throw new ApiError("bad_header", "last-event-id must be an id that this server gave out");
  const [seqNum, count, meteredBytes] = match.slice(1).map(saturating);
  return {
    options: {
      ...options,
      start: { kind: "seq_num", seqNum: seqNum + 1 },
      count: options.count === undefined ? undefined : Math.max(0, options.count - count),
      bytes: options.bytes === undefined ? undefined : Math.max(0, options.bytes - meteredBytes),
    },
    delivered: { count, meteredBytes },
  };
}

function saturating(digits: string): number {
  return Math.min(Number(digits), Number.MAX_SAFE_INTEGER - 1);
}

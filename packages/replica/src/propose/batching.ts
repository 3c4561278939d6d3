// When proposals that wait go out, and how many together: pure decisions. The table is in docs/replica.md.
import {
  MAX_BATCH_BYTES,
  MAX_BATCH_RECORDS,
  MAX_IN_FLIGHT_BATCHES,
  MAX_SMALL_IN_FLIGHT,
  SMALL_BATCH_BYTES,
} from "../limits.ts";

export interface Waiting {
  readonly records: number;
  /** Metered. */
  readonly bytes: number;
}

/** Whether what waits is worth an append now, with so many on their way. */
export function isDue(waiting: Waiting, inFlight: number): boolean {
  if (waiting.records === 0 || inFlight >= MAX_IN_FLIGHT_BATCHES) return false;
  const small = waiting.bytes < SMALL_BATCH_BYTES && waiting.records < MAX_BATCH_RECORDS;
  return !small || inFlight < MAX_SMALL_IN_FLIGHT;
}

/** How many of what waits, from the front, fit into one batch. `bytesOf` gives metered bytes, undefined behind the last. */
export function fitting(bytesOf: (index: number) => number | undefined): number {
  let total = 0;
  for (let count = 0; count < MAX_BATCH_RECORDS; count += 1) {
    const bytes = bytesOf(count);
    if (bytes === undefined || total + bytes > MAX_BATCH_BYTES) return count;
    total += bytes;
  }
  return MAX_BATCH_RECORDS;
}

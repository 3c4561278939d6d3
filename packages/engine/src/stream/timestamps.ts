// Which timestamps the records of a batch get (API: timestamps). Pure; u64 as (low, high) words, no BigInt on the way.
import type { StreamConfig } from "../config.ts";
import { EngineError } from "../errors.ts";
import type { AppendBatch } from "../wire/index.ts";

/** Compares two u64, given as (high, low) words. */
function isLater(high: number, low: number, thanHigh: number, thanLow: number): boolean {
  return high > thanHigh || (high === thanHigh && low > thanLow);
}

/**
 * (low, high) words: two for all records of the batch, or two for each.
 * Every record's timestamp is at least `lastLow`/`lastHigh`, the largest seen so far, and the one before it.
 * Errors: `invalid` when the mode requires timestamps and one is missing.
 */
export function assignTimestamps(
  batch: AppendBatch,
  config: StreamConfig,
  arrivalMs: number,
  lastLow: number,
  lastHigh: number,
): Uint32Array {
  const arrivalLow = arrivalMs >>> 0;
  const arrivalHigh = Math.floor(arrivalMs / 2 ** 32);
  const { timestamps, hasTimestamp } = batch;
  const required = config.timestampingMode === "client-require";
  if (timestamps === null || hasTimestamp === null || config.timestampingMode === "arrival") {
    if (required) throw missing(0);
    const assigned = new Uint32Array(2);
    const late = isLater(lastHigh, lastLow, arrivalHigh, arrivalLow);
    assigned[0] = late ? lastLow : arrivalLow;
    assigned[1] = late ? lastHigh : arrivalHigh;
    return assigned;
  }
  const assigned = new Uint32Array(2 * batch.count);
  let low = lastLow;
  let high = lastHigh;
  for (let i = 0; i < batch.count; i += 1) {
    let ownLow = arrivalLow;
    let ownHigh = arrivalHigh;
    if (hasTimestamp[i] === 1) {
      const future = isLater(timestamps[2 * i + 1], timestamps[2 * i], arrivalHigh, arrivalLow);
      if (!future || config.timestampingUncapped) {
        ownLow = timestamps[2 * i];
        ownHigh = timestamps[2 * i + 1];
      }
    } else if (required) throw missing(i);
    if (isLater(ownHigh, ownLow, high, low)) {
      low = ownLow;
      high = ownHigh;
    }
    assigned[2 * i] = low;
    assigned[2 * i + 1] = high;
  }
  return assigned;
}

function missing(index: number): EngineError {
  return new EngineError("invalid", `record ${index} has no timestamp, and the stream requires one`);
}

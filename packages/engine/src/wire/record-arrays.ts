// The arrays of a batch under construction, grown as records come: what both decoders of append input fill.

/** Most batches are small. */
const FIRST_RECORDS = 8;

export class RecordArrays {
  /** As in AppendBatch. */
  spans = new Uint32Array(2 * FIRST_RECORDS);
  timestamps: Uint32Array | null = null;
  hasTimestamp: Uint8Array | null = null;

  setSpan(index: number, start: number, end: number): void {
    if (this.spans.length < 2 * index + 2) {
      const grown = new Uint32Array(4 * index + 4);
      grown.set(this.spans);
      this.spans = grown;
    }
    this.spans[2 * index] = start;
    this.spans[2 * index + 1] = end;
  }

  setTimestamp(index: number, low: number, high: number): void {
    let { timestamps, hasTimestamp } = this;
    if (timestamps === null || hasTimestamp === null || timestamps.length < 2 * index + 2) {
      const grownTimestamps = new Uint32Array(Math.max(2 * FIRST_RECORDS, 4 * index + 4));
      const grownMarks = new Uint8Array(grownTimestamps.length / 2);
      if (timestamps !== null) grownTimestamps.set(timestamps);
      if (hasTimestamp !== null) grownMarks.set(hasTimestamp);
      timestamps = grownTimestamps;
      hasTimestamp = grownMarks;
      this.timestamps = timestamps;
      this.hasTimestamp = hasTimestamp;
    }
    timestamps[2 * index] = low;
    timestamps[2 * index + 1] = high;
    hasTimestamp[index] = 1;
  }

  /** Makes the arrays of timestamps, if there are any, long enough for `count` records. */
  finish(count: number): void {
    const last = count - 1;
    if (this.timestamps === null || this.timestamps.length >= 2 * count) return;
    this.setTimestamp(last, 0, 0);
    if (this.hasTimestamp !== null) this.hasTimestamp[last] = 0;
  }
}

// Walking a stored run record by record, without an object per record: one cursor, moved along.
// Reads only what `writeStoredBatch` wrote; anything else is a broken invariant and throws a plain Error.
import { BODY_TAG, HEADER_TAG, RECORD_TAG, SEQ_NUM_TAG, TIMESTAMP_TAG } from "./stored-batch.ts";

/** Metered bytes of a record besides its headers and body (API: records). */
export const METERED_RECORD_BYTES = 8;
/** Metered bytes of a header besides its name and value. */
export const METERED_HEADER_BYTES = 2;

export class RecordCursor {
  #bytes: Uint8Array = new Uint8Array(0);
  #at = 0;
  #end = 0;
  /** Where the last varint that was read ends. */
  #after = 0;
  /** High word of the last varint that was read. */
  #high = 0;

  /** The record is bytes[recordStart, recordEnd), its field tag and length included. */
  recordStart = 0;
  recordEnd = 0;
  seqNum = 0;
  timestampLow = 0;
  timestampHigh = 0;
  meteredBytes = 0;
  /** Header fields stand in bytes[headersStart, headersEnd), back to back. */
  headersStart = 0;
  headersEnd = 0;
  headerCount = 0;
  /** The body is bytes[bodyStart, bodyEnd). */
  bodyStart = 0;
  bodyEnd = 0;

  /** The header that `header(…)` last moved to: name and value. */
  nameStart = 0;
  nameEnd = 0;
  valueStart = 0;
  valueEnd = 0;

  /** Starts over on bytes[start, end), which must begin and end at record boundaries. */
  reset(bytes: Uint8Array, start: number, end: number): void {
    this.#bytes = bytes;
    this.#at = start;
    this.#end = end;
  }

  get timestamp(): bigint {
    return (BigInt(this.timestampHigh) << 32n) | BigInt(this.timestampLow);
  }

  /** Moves to the next record; false at the end. */
  next(): boolean {
    if (this.#at >= this.#end) return false;
    this.recordStart = this.#at;
    const length = this.#tagged(this.#at, RECORD_TAG);
    this.recordEnd = this.#after + length;
    if (this.recordEnd > this.#end) throw malformed(this.#at);
    const seqNumLow = this.#tagged(this.#after, SEQ_NUM_TAG);
    this.seqNum = this.#high * 2 ** 32 + seqNumLow;
    this.timestampLow = this.#tagged(this.#after, TIMESTAMP_TAG);
    this.timestampHigh = this.#high;
    this.#payload(this.#after);
    this.#at = this.recordEnd;
    return true;
  }

  /** Moves to a record that has only its payload so far, bytes[start, end): headers and body. */
  toPayload(bytes: Uint8Array, start: number, end: number): void {
    this.#bytes = bytes;
    this.#end = end;
    this.recordStart = start;
    this.recordEnd = end;
    this.#payload(start);
  }

  #payload(start: number): void {
    const bytes = this.#bytes;
    this.headersStart = start;
    this.headerCount = 0;
    let at = start;
    let metered = METERED_RECORD_BYTES;
    while (at < this.recordEnd && bytes[at] === HEADER_TAG) {
      at = this.header(at);
      this.headerCount += 1;
      metered += METERED_HEADER_BYTES + (this.nameEnd - this.nameStart) + (this.valueEnd - this.valueStart);
    }
    this.headersEnd = at;
    if (at < this.recordEnd) {
      const body = this.#tagged(at, BODY_TAG);
      this.bodyStart = this.#after;
      this.bodyEnd = this.#after + body;
    } else {
      this.bodyStart = at;
      this.bodyEnd = at;
    }
    if (this.bodyEnd !== this.recordEnd) throw malformed(this.recordStart);
    this.meteredBytes = metered + (this.bodyEnd - this.bodyStart);
  }

  /** Reads the header field at `at` into name and value; returns where the next field begins. Start with `headersStart`, stop at `headersEnd`. */
  header(at: number): number {
    const length = this.#tagged(at, HEADER_TAG);
    let field = this.#after;
    const end = field + length;
    if (end > this.recordEnd) throw malformed(at);
    this.nameStart = field;
    this.nameEnd = field;
    this.valueStart = field;
    this.valueEnd = field;
    while (field < end) {
      const tag = this.#bytes[field];
      const fieldBytes = this.#tagged(field, tag);
      if (tag === 0x0a) {
        this.nameStart = this.#after;
        this.nameEnd = this.#after + fieldBytes;
      } else if (tag === 0x12) {
        this.valueStart = this.#after;
        this.valueEnd = this.#after + fieldBytes;
      } else throw malformed(field);
      field = this.#after + fieldBytes;
    }
    if (field !== end) throw malformed(at);
    return end;
  }

  /** Reads a varint behind an expected one-byte tag: returns its low word, leaves the high word and the offset behind it. */
  #tagged(at: number, tag: number): number {
    const bytes = this.#bytes;
    if (bytes[at] !== tag) throw malformed(at);
    let offset = at + 1;
    let low = 0;
    let high = 0;
    for (let shift = 0; ; shift += 7) {
      if (shift > 63 || offset >= this.#end) throw malformed(at);
      const byte = bytes[offset];
      offset += 1;
      const bits = byte & 0x7f;
      if (shift < 28) low |= bits << shift;
      else if (shift === 28) {
        low |= bits << 28;
        high = bits >>> 4;
      } else high |= bits << (shift - 32);
      if (byte < 0x80) break;
    }
    this.#after = offset;
    this.#high = high >>> 0;
    return low >>> 0;
  }
}

function malformed(at: number): Error {
  return new Error(`a stored batch is malformed at ${at}`);
}

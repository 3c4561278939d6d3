// AppendInput in protobuf to a batch ready for sequencing, in one pass over the network buffer.
// A record's payload stays where it is: the tags of its headers and body are rewritten in place to those of SequencedRecord.
// Records in another order than usual are legal and rare: they are laid out anew, aside.
import {
  type AppendCommand,
  type AppendInput,
  MAX_BATCH_RECORDS,
  MAX_FENCING_TOKEN_BYTES,
  MAX_STORED_RECORD_BYTES,
} from "./append-batch.ts";
import { checkBatch, parseCommand, utf8 } from "./append-rules.ts";
import { badProto, ProtoReader, WIRE_BYTES, WIRE_VARINT } from "./proto-reader.ts";
import { RecordArrays } from "./record-arrays.ts";
import { METERED_HEADER_BYTES, METERED_RECORD_BYTES } from "./record-cursor.ts";
import { BODY_TAG, HEADER_TAG } from "./stored-batch.ts";
import { varintBytes, writeVarint } from "./varint.ts";
import { WireError } from "./wire-error.ts";

/** Tags of AppendRecord. */
const IN_TIMESTAMP = (1 << 3) | WIRE_VARINT;
const IN_HEADER = (2 << 3) | WIRE_BYTES;
const IN_BODY = (3 << 3) | WIRE_BYTES;
/** Tags of AppendInput. */
const IN_RECORD = (1 << 3) | WIRE_BYTES;
const IN_MATCH_SEQ_NUM = (2 << 3) | WIRE_VARINT;
const IN_FENCING_TOKEN = (3 << 3) | WIRE_BYTES;
/** Tags of Header. */
const NAME = (1 << 3) | WIRE_BYTES;
const VALUE = (2 << 3) | WIRE_BYTES;

const NO_COMMANDS: readonly AppendCommand[] = [];

/** `body` becomes the batch's memory: it must belong to the caller alone. Errors: WireError `bad_proto`, `invalid`. */
export function parseAppendInput(body: Uint8Array): AppendInput {
  return new Parser(body).parse();
}

class Parser {
  readonly #reader: ProtoReader;
  readonly #end: number;
  #count = 0;
  readonly #arrays = new RecordArrays();
  #commands: AppendCommand[] | undefined;
  #meteredBytes = 0;
  /** Indexes of records that were laid out anew, and their payloads. */
  #aside: { index: number; payload: Uint8Array }[] | undefined;
  // Of the header read last.
  #nameStart = 0;
  #nameEnd = 0;
  #valueStart = 0;
  #valueEnd = 0;
  #headerIsCanonical = true;

  constructor(body: Uint8Array) {
    this.#reader = new ProtoReader(body, 0);
    this.#end = body.length;
  }

  parse(): AppendInput {
    const reader = this.#reader;
    const end = this.#end;
    let matchSeqNum: number | undefined;
    let fencingToken: string | undefined;
    while (reader.at < end) {
      const tag = reader.tag(end);
      if (tag === IN_RECORD) {
        const to = reader.length(end);
        this.#record(to);
      } else if (tag === IN_MATCH_SEQ_NUM) {
        reader.varint(end);
        matchSeqNum = Math.min(reader.high * 2 ** 32 + reader.low, Number.MAX_SAFE_INTEGER);
      } else if (tag === IN_FENCING_TOKEN) {
        const to = reader.length(end);
        const token = reader.bytes.subarray(reader.at, to);
        reader.at = to;
        fencingToken = utf8(token, () => badProto("the fencing token is not UTF-8"));
        if (token.length > MAX_FENCING_TOKEN_BYTES) {
          throw new WireError("invalid", `a fencing token must have at most ${MAX_FENCING_TOKEN_BYTES} bytes`);
        }
      } else reader.skip(tag, end);
    }
    checkBatch(this.#count, this.#meteredBytes);
    this.#arrays.finish(this.#count);
    return {
      batch: {
        count: this.#count,
        meteredBytes: this.#meteredBytes,
        bytes: this.#withAside(),
        spans: this.#arrays.spans,
        timestamps: this.#arrays.timestamps,
        hasTimestamp: this.#arrays.hasTimestamp,
        commands: this.#commands ?? NO_COMMANDS,
      },
      matchSeqNum,
      fencingToken,
    };
  }

  /** One AppendRecord, from the reader's place to `end`. */
  #record(end: number): void {
    const reader = this.#reader;
    const { bytes } = reader;
    const from = reader.at;
    const index = this.#count;
    if (index === MAX_BATCH_RECORDS)
      throw new WireError("invalid", `a batch must have at most ${MAX_BATCH_RECORDS} records`);
    let canonical = true;
    let sawTimestamp = false;
    let timestampLow = 0;
    let timestampHigh = 0;
    let payloadStart = -1;
    let headerCount = 0;
    let emptyName = false;
    let headerBytes = 0;
    let bodyStart = end;
    let bodyEnd = end;
    let sawBody = false;
    while (reader.at < end) {
      const fieldStart = reader.at;
      const tag = reader.tag(end);
      if (tag === IN_TIMESTAMP) {
        reader.varint(end);
        if (payloadStart >= 0) canonical = false;
        sawTimestamp = true;
        timestampLow = reader.low;
        timestampHigh = reader.high;
      } else if (tag === IN_HEADER) {
        const to = reader.length(end);
        this.#header(to);
        if (sawBody || !this.#headerIsCanonical || bytes[fieldStart] !== IN_HEADER) canonical = false;
        if (payloadStart < 0) payloadStart = fieldStart;
        headerCount += 1;
        if (this.#nameStart === this.#nameEnd) emptyName = true;
        headerBytes += METERED_HEADER_BYTES + (this.#nameEnd - this.#nameStart) + (this.#valueEnd - this.#valueStart);
      } else if (tag === IN_BODY) {
        const to = reader.length(end);
        if (sawBody || to === reader.at || bytes[fieldStart] !== IN_BODY) canonical = false;
        if (payloadStart < 0) payloadStart = fieldStart;
        sawBody = true;
        bodyStart = reader.at;
        bodyEnd = to;
        reader.at = to;
      } else {
        reader.skip(tag, end);
        canonical = false;
      }
    }
    const bodyBytes = sawBody ? bodyEnd - bodyStart : 0;
    if (emptyName) {
      // With one header, it is the one read last.
      const value = bytes.subarray(this.#valueStart, this.#valueEnd);
      this.#commands ??= [];
      this.#commands.push(
        parseCommand(index, headerCount, value, sawBody ? bytes.subarray(bodyStart, bodyEnd) : new Uint8Array(0)),
      );
    }
    this.#meteredBytes += METERED_RECORD_BYTES + headerBytes + bodyBytes;
    this.#count += 1;
    if (sawTimestamp) this.#arrays.setTimestamp(index, timestampLow, timestampHigh);
    let storedBytes: number;
    if (canonical) {
      const start = payloadStart < 0 ? end : payloadStart;
      this.#retag(start, end, bodyStart, sawBody);
      this.#arrays.setSpan(index, start, end);
      storedBytes = end - start;
    } else {
      const payload = this.#layOut(from, end, bodyStart, bodyBytes);
      this.#aside ??= [];
      this.#aside.push({ index, payload });
      storedBytes = payload.length;
    }
    if (storedBytes > MAX_STORED_RECORD_BYTES)
      throw new WireError("invalid", `record ${index} is too large to be read back in one piece`);
  }

  /** A Header message, from the reader's place to `end`. */
  #header(end: number): void {
    const reader = this.#reader;
    this.#nameStart = end;
    this.#nameEnd = end;
    this.#valueStart = end;
    this.#valueEnd = end;
    this.#headerIsCanonical = true;
    let last = 0;
    while (reader.at < end) {
      const tag = reader.tag(end);
      if (tag !== NAME && tag !== VALUE) {
        reader.skip(tag, end);
        this.#headerIsCanonical = false;
        continue;
      }
      // A tag in more bytes than it needs counts as out of order too: the cursor knows one form only.
      if (tag <= last || reader.bytes[reader.at - 1] !== tag) this.#headerIsCanonical = false;
      last = tag;
      const to = reader.length(end);
      if (tag === NAME) {
        this.#nameStart = reader.at;
        this.#nameEnd = to;
      } else {
        this.#valueStart = reader.at;
        this.#valueEnd = to;
      }
      reader.at = to;
    }
  }

  /** Gives headers and body the tags of SequencedRecord. Fields are in order and in their shortest form. */
  #retag(start: number, end: number, bodyStart: number, sawBody: boolean): void {
    const reader = this.#reader;
    const { bytes } = reader;
    let at = start;
    while (at < end && bytes[at] === IN_HEADER) {
      bytes[at] = HEADER_TAG;
      reader.at = at + 1;
      at = reader.length(end);
    }
    if (sawBody) bytes[at] = BODY_TAG;
    if (sawBody && at >= bodyStart) throw new Error("a body was not where it was read");
    reader.at = end;
  }

  /** A payload in canonical form: headers in their order, then the last body. */
  #layOut(from: number, end: number, bodyStart: number, bodyBytes: number): Uint8Array {
    const reader = this.#reader;
    const { bytes } = reader;
    // Canonical form is never longer than what it was read from, but for empty names' and values' own fields, left out.
    const payload = new Uint8Array(end - from + 16);
    let at = 0;
    reader.at = from;
    while (reader.at < end) {
      const tag = reader.tag(end);
      if (tag !== IN_HEADER) {
        reader.skip(tag, end);
        continue;
      }
      this.#header(reader.length(end));
      const name = this.#nameEnd - this.#nameStart;
      const value = this.#valueEnd - this.#valueStart;
      const nameField = name === 0 ? 0 : 1 + varintBytes(name, 0) + name;
      const valueField = value === 0 ? 0 : 1 + varintBytes(value, 0) + value;
      payload[at] = HEADER_TAG;
      at = writeVarint(payload, at + 1, nameField + valueField, 0);
      if (name > 0) at = writeField(payload, at, NAME, bytes.subarray(this.#nameStart, this.#nameEnd));
      if (value > 0) at = writeField(payload, at, VALUE, bytes.subarray(this.#valueStart, this.#valueEnd));
    }
    if (bodyBytes > 0) at = writeField(payload, at, BODY_TAG, bytes.subarray(bodyStart, bodyStart + bodyBytes));
    reader.at = end;
    return payload.subarray(0, at);
  }

  /** The batch's memory: the network buffer, and behind it what was laid out anew. */
  #withAside(): Uint8Array {
    const { bytes } = this.#reader;
    if (this.#aside === undefined) return bytes;
    let length = bytes.length;
    for (const { payload } of this.#aside) length += payload.length;
    const all = new Uint8Array(length);
    all.set(bytes);
    let at = bytes.length;
    for (const { index, payload } of this.#aside) {
      all.set(payload, at);
      this.#arrays.setSpan(index, at, at + payload.length);
      at += payload.length;
    }
    return all;
  }
}

function writeField(target: Uint8Array, offset: number, tag: number, bytes: Uint8Array): number {
  target[offset] = tag;
  const at = writeVarint(target, offset + 1, bytes.length, 0);
  target.set(bytes, at);
  return at + bytes.length;
}

// AppendInput in JSON to a batch ready for sequencing: one scan, no JSON.parse, no object per record.
// Payloads are written in their final layout into one buffer; u64 values stay exact.
import {
  type AppendCommand,
  type AppendInput,
  MAX_BATCH_RECORDS,
  MAX_FENCING_TOKEN_BYTES,
  MAX_STORED_RECORD_BYTES,
} from "./append-batch.ts";
import { checkBatch, parseCommand } from "./append-rules.ts";
import { decodeBase64InPlace } from "./base64.ts";
import { JsonScanner } from "./json-scanner.ts";
import { RecordArrays } from "./record-arrays.ts";
import { METERED_HEADER_BYTES, METERED_RECORD_BYTES } from "./record-cursor.ts";
import { BODY_TAG, HEADER_TAG } from "./stored-batch.ts";
import { varintBytes, writeVarint } from "./varint.ts";
import { WireError } from "./wire-error.ts";

/** How record names, values and bodies stand in JSON (API: s2-format). */
export type RecordFormat = "raw" | "base64";

const NO_COMMANDS: readonly AppendCommand[] = [];
const NO_BYTES = new Uint8Array(0);

/** `body` is used as working memory: it must belong to the caller alone. Errors: WireError `bad_json`, `invalid`. */
export function parseAppendInputJson(body: Uint8Array, format: RecordFormat): AppendInput {
  return new Parser(body, format).parse();
}

class Parser {
  readonly #json: JsonScanner;
  readonly #base64: boolean;
  /** Payloads. JSON takes more bytes than they do, but for the lengths of very long strings. */
  readonly #out: Uint8Array;
  #outAt = 0;
  #count = 0;
  readonly #arrays = new RecordArrays();
  #commands: AppendCommand[] | undefined;
  #meteredBytes = 0;

  constructor(body: Uint8Array, format: RecordFormat) {
    this.#json = new JsonScanner(body);
    this.#base64 = format === "base64";
    this.#out = new Uint8Array(body.length + (body.length >>> 5) + 16);
  }

  parse(): AppendInput {
    const json = this.#json;
    let sawRecords = false;
    let sawMatch = false;
    let sawToken = false;
    let matchSeqNum: number | undefined;
    let fencingToken: string | undefined;
    json.expect(0x7b);
    if (!json.take(0x7d)) {
      do {
        json.string();
        if (json.stringIs("records")) {
          if (sawRecords) throw json.error("a field stands twice");
          sawRecords = true;
          json.expect(0x3a);
          this.#records();
        } else if (json.stringIs("match_seq_num")) {
          if (sawMatch) throw json.error("a field stands twice");
          sawMatch = true;
          json.expect(0x3a);
          if (json.takeNull()) continue;
          json.u64();
          matchSeqNum = Math.min(json.high * 2 ** 32 + json.low, Number.MAX_SAFE_INTEGER);
        } else if (json.stringIs("fencing_token")) {
          if (sawToken) throw json.error("a field stands twice");
          sawToken = true;
          json.expect(0x3a);
          if (json.takeNull()) continue;
          json.string();
          if (json.stringEnd - json.stringStart > MAX_FENCING_TOKEN_BYTES) {
            throw new WireError("bad_json", `a fencing token must have at most ${MAX_FENCING_TOKEN_BYTES} bytes`);
          }
          fencingToken = text(json.bytes, json.stringStart, json.stringEnd);
        } else {
          json.expect(0x3a);
          json.skip(1);
        }
      } while (json.take(0x2c));
      json.expect(0x7d);
    }
    json.end();
    if (!sawRecords) throw new WireError("bad_json", 'the body has no field "records"');
    checkBatch(this.#count, this.#meteredBytes);
    this.#arrays.finish(this.#count);
    return {
      batch: {
        count: this.#count,
        meteredBytes: this.#meteredBytes,
        bytes: this.#out,
        spans: this.#arrays.spans,
        timestamps: this.#arrays.timestamps,
        hasTimestamp: this.#arrays.hasTimestamp,
        commands: this.#commands ?? NO_COMMANDS,
      },
      matchSeqNum,
      fencingToken,
    };
  }

  #records(): void {
    const json = this.#json;
    json.expect(0x5b);
    if (json.take(0x5d)) return;
    do this.#record();
    while (json.take(0x2c));
    json.expect(0x5d);
  }

  #record(): void {
    const json = this.#json;
    const index = this.#count;
    if (index === MAX_BATCH_RECORDS)
      throw new WireError("invalid", `a batch must have at most ${MAX_BATCH_RECORDS} records`);
    const start = this.#outAt;
    let sawTimestamp = false;
    let sawHeaders = false;
    let sawBody = false;
    let bodyStart = 0;
    let bodyEnd = 0;
    let headerCount = 0;
    this.#command = undefined;
    this.#meteredBytes += METERED_RECORD_BYTES;
    json.expect(0x7b);
    if (!json.take(0x7d)) {
      do {
        json.string();
        if (json.stringIs("body")) {
          if (sawBody) throw json.error("a field stands twice");
          sawBody = true;
          json.expect(0x3a);
          this.#bytes();
          bodyStart = json.stringStart;
          bodyEnd = json.stringEnd;
        } else if (json.stringIs("headers")) {
          if (sawHeaders) throw json.error("a field stands twice");
          sawHeaders = true;
          json.expect(0x3a);
          headerCount = this.#headers();
        } else if (json.stringIs("timestamp")) {
          if (sawTimestamp) throw json.error("a field stands twice");
          sawTimestamp = true;
          json.expect(0x3a);
          if (!json.takeNull()) {
            json.u64();
            this.#arrays.setTimestamp(index, json.low, json.high);
          }
        } else {
          json.expect(0x3a);
          json.skip(3);
        }
      } while (json.take(0x2c));
      json.expect(0x7d);
    }
    if (this.#command !== undefined) {
      this.#commands ??= [];
      this.#commands.push(parseCommand(index, headerCount, this.#command, json.bytes.subarray(bodyStart, bodyEnd)));
    }
    if (bodyEnd > bodyStart) this.#field(BODY_TAG, bodyStart, bodyEnd);
    this.#meteredBytes += bodyEnd - bodyStart;
    if (this.#outAt - start > MAX_STORED_RECORD_BYTES) {
      throw new WireError("invalid", `record ${index} is too large to be read back in one piece`);
    }
    this.#count += 1;
    this.#arrays.setSpan(index, start, this.#outAt);
  }

  /** The value of a header whose name is empty, if this record has one. */
  #command: Uint8Array | undefined;

  #headers(): number {
    const json = this.#json;
    json.expect(0x5b);
    if (json.take(0x5d)) return 0;
    let count = 0;
    do {
      json.expect(0x5b);
      this.#bytes();
      const nameStart = json.stringStart;
      const nameEnd = json.stringEnd;
      json.expect(0x2c);
      this.#bytes();
      json.expect(0x5d);
      const name = nameEnd - nameStart;
      const value = json.stringEnd - json.stringStart;
      if (name === 0) this.#command = value === 0 ? NO_BYTES : json.bytes.subarray(json.stringStart, json.stringEnd);
      this.#meteredBytes += METERED_HEADER_BYTES + name + value;
      const nameField = name === 0 ? 0 : 1 + varintBytes(name, 0) + name;
      const valueField = value === 0 ? 0 : 1 + varintBytes(value, 0) + value;
      this.#out[this.#outAt] = HEADER_TAG;
      this.#outAt = writeVarint(this.#out, this.#outAt + 1, nameField + valueField, 0);
      if (name > 0) this.#field(0x0a, nameStart, nameEnd);
      if (value > 0) this.#field(0x12, json.stringStart, json.stringEnd);
      count += 1;
    } while (json.take(0x2c));
    json.expect(0x5d);
    return count;
  }

  /** A string that stands for bytes in the request's format. */
  #bytes(): void {
    const json = this.#json;
    json.string();
    if (!this.#base64) return;
    const end = decodeBase64InPlace(json.bytes, json.stringStart, json.stringEnd);
    if (end < 0) throw new WireError("invalid", `record ${this.#count}: a string is not base64`);
    json.stringEnd = end;
  }

  #field(tag: number, start: number, end: number): void {
    this.#out[this.#outAt] = tag;
    const at = writeVarint(this.#out, this.#outAt + 1, end - start, 0);
    this.#out.set(this.#json.bytes.subarray(start, end), at);
    this.#outAt = at + (end - start);
  }
}

function text(bytes: Uint8Array, start: number, end: number): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start).toString();
}

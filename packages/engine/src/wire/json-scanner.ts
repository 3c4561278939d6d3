// A scanner over the bytes of a JSON text (RFC 8259): moves from token to token, makes no values but what is asked for.
// Strings are unescaped in place, so the bytes must belong to the caller. Depth is bounded; whatever does not parse is `bad_json`.
import { isUtf8 } from "node:buffer";
import { WireError } from "./wire-error.ts";

/** As deep as values may nest. */
const MAX_DEPTH = 127;

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const ZERO = 0x30;

export class JsonScanner {
  readonly bytes: Uint8Array;
  at = 0;
  /** The last string, unescaped, is bytes[stringStart, stringEnd). */
  stringStart = 0;
  stringEnd = 0;
  /** Words of the last u64. */
  low = 0;
  high = 0;

  constructor(bytes: Uint8Array) {
    if (!isUtf8(bytes)) throw new WireError("bad_json", "the body is not UTF-8");
    this.bytes = bytes;
  }

  error(what: string): WireError {
    return new WireError("bad_json", `the body is not the JSON that is expected: ${what} at byte ${this.at}`);
  }

  /** The next byte that is no white space, without taking it; -1 at the end. */
  peek(): number {
    const { bytes } = this;
    for (; this.at < bytes.length; this.at += 1) {
      const byte = bytes[this.at];
      if (byte !== 0x20 && byte !== 0x0a && byte !== 0x0d && byte !== 0x09) return byte;
    }
    return -1;
  }

  /** Takes this byte if it comes next. */
  take(byte: number): boolean {
    if (this.peek() !== byte) return false;
    this.at += 1;
    return true;
  }

  expect(byte: number): void {
    if (!this.take(byte)) throw this.error(`"${String.fromCharCode(byte)}" is missing`);
  }

  end(): void {
    if (this.peek() !== -1) throw this.error("something follows");
  }

  /** Takes `null` if it comes next. */
  takeNull(): boolean {
    if (this.peek() !== 0x6e) return false;
    this.#literal("null");
    return true;
  }

  #literal(word: string): void {
    for (let i = 0; i < word.length; i += 1) {
      if (this.bytes[this.at + i] !== word.charCodeAt(i)) throw this.error("an unknown word");
    }
    this.at += word.length;
  }

  string(): void {
    if (this.peek() !== QUOTE) throw this.error("a string is missing");
    const { bytes } = this;
    let at = this.at + 1;
    this.stringStart = at;
    for (; at < bytes.length; at += 1) {
      const byte = bytes[at];
      if (byte === QUOTE) {
        this.stringEnd = at;
        this.at = at + 1;
        return;
      }
      if (byte === BACKSLASH) {
        this.#escapedString(at);
        return;
      }
      if (byte < 0x20) break;
    }
    this.at = at;
    throw this.error("a string does not end");
  }

  /** Goes on where the first escape stands, and moves what follows down over it. */
  #escapedString(from: number): void {
    const { bytes } = this;
    let to = from;
    let at = from;
    while (at < bytes.length) {
      const byte = bytes[at];
      if (byte === QUOTE) {
        this.stringEnd = to;
        this.at = at + 1;
        return;
      }
      if (byte < 0x20) break;
      if (byte !== BACKSLASH) {
        bytes[to] = byte;
        to += 1;
        at += 1;
        continue;
      }
      this.at = at;
      if (bytes[at + 1] === 0x75) {
        let unit = this.#hex4(at + 2);
        at += 6;
        if (unit >= 0xdc00 && unit < 0xe000) throw this.error("a surrogate stands alone");
        if (unit >= 0xd800 && unit < 0xdc00) {
          const second = bytes[at] === BACKSLASH && bytes[at + 1] === 0x75 ? this.#hex4(at + 2) : 0;
          if (second < 0xdc00 || second >= 0xe000) throw this.error("a surrogate stands alone");
          unit = 0x10000 + ((unit - 0xd800) << 10) + (second - 0xdc00);
          at += 6;
        }
        to = writeUtf8(bytes, to, unit);
      } else {
        const plain = ESCAPES[bytes[at + 1]];
        if (plain === undefined || plain === 0) throw this.error("an unknown escape");
        bytes[to] = plain;
        to += 1;
        at += 2;
      }
    }
    this.at = at;
    throw this.error("a string does not end");
  }

  #hex4(from: number): number {
    let unit = 0;
    for (let i = 0; i < 4; i += 1) {
      const byte = this.bytes[from + i];
      const digit = byte === undefined ? -1 : HEX[byte];
      if (digit === undefined || digit < 0) throw this.error("an escape is incomplete");
      unit = unit * 16 + digit;
    }
    return unit;
  }

  /** Whether the last string is this ASCII text. */
  stringIs(text: string): boolean {
    if (this.stringEnd - this.stringStart !== text.length) return false;
    for (let i = 0; i < text.length; i += 1) {
      if (this.bytes[this.stringStart + i] !== text.charCodeAt(i)) return false;
    }
    return true;
  }

  /** An integer of at most 64 bits, exactly. */
  u64(): void {
    const first = this.peek();
    if (first < ZERO || first > ZERO + 9) throw this.error("an unsigned integer is missing");
    const { bytes } = this;
    let low = 0;
    let high = 0;
    const start = this.at;
    for (;;) {
      const digit = bytes[this.at] - ZERO;
      if (!(digit >= 0 && digit <= 9)) break;
      const scaled = low * 10 + digit;
      low = scaled >>> 0;
      high = high * 10 + Math.floor(scaled / 2 ** 32);
      if (high > 0xffffffff) throw this.error("a number is larger than 64 bits");
      this.at += 1;
    }
    const next = bytes[this.at];
    if (next === 0x2e || next === 0x65 || next === 0x45) throw this.error("a number is not an integer");
    if (first === ZERO && this.at - start > 1) throw this.error("a number begins with 0");
    this.low = low;
    this.high = high;
  }

  /** Skips any value. */
  skip(depth = 0): void {
    if (depth > MAX_DEPTH) throw this.error("values are nested too deeply");
    const byte = this.peek();
    if (byte === QUOTE) this.string();
    else if (byte === 0x7b) this.#skipObject(depth);
    else if (byte === 0x5b) this.#skipArray(depth);
    else if (byte === 0x74) this.#literal("true");
    else if (byte === 0x66) this.#literal("false");
    else if (byte === 0x6e) this.#literal("null");
    else this.#skipNumber();
  }

  #skipObject(depth: number): void {
    this.expect(0x7b);
    if (this.take(0x7d)) return;
    do {
      this.string();
      this.expect(0x3a);
      this.skip(depth + 1);
    } while (this.take(0x2c));
    this.expect(0x7d);
  }

  #skipArray(depth: number): void {
    this.expect(0x5b);
    if (this.take(0x5d)) return;
    do this.skip(depth + 1);
    while (this.take(0x2c));
    this.expect(0x5d);
  }

  #skipNumber(): void {
    const { bytes } = this;
    const start = this.at;
    while (this.at < bytes.length && NUMBER_BYTES[bytes[this.at]] === 1) this.at += 1;
    const text = Buffer.from(bytes.buffer, bytes.byteOffset + start, this.at - start).toString("latin1");
    if (!/^-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?$/.test(text)) throw this.error("a value is missing");
  }
}

function writeUtf8(target: Uint8Array, offset: number, point: number): number {
  let at = offset;
  if (point < 0x80) target[at++] = point;
  else if (point < 0x800) {
    target[at++] = 0xc0 | (point >>> 6);
    target[at++] = 0x80 | (point & 0x3f);
  } else if (point < 0x10000) {
    target[at++] = 0xe0 | (point >>> 12);
    target[at++] = 0x80 | ((point >>> 6) & 0x3f);
    target[at++] = 0x80 | (point & 0x3f);
  } else {
    target[at++] = 0xf0 | (point >>> 18);
    target[at++] = 0x80 | ((point >>> 12) & 0x3f);
    target[at++] = 0x80 | ((point >>> 6) & 0x3f);
    target[at++] = 0x80 | (point & 0x3f);
  }
  return at;
}

const ESCAPES = new Uint8Array(256);
for (const [name, byte] of Object.entries({ '"': 0x22, "\\": 0x5c, "/": 0x2f, b: 8, f: 12, n: 10, r: 13, t: 9 }))
  ESCAPES[name.charCodeAt(0)] = byte;

const HEX = new Int8Array(256).fill(-1);
for (let i = 0; i < 16; i += 1) {
  HEX[i.toString(16).charCodeAt(0)] = i;
  HEX[i.toString(16).toUpperCase().charCodeAt(0)] = i;
}

const NUMBER_BYTES = new Uint8Array(256);
for (const byte of Buffer.from("0123456789+-.eE")) NUMBER_BYTES[byte] = 1;

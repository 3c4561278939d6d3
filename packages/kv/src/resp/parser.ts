// Commands out of a stream of bytes: RESP arrays of bulk strings, and inline commands. Takes no length on trust, holds no more
// than one command that is not whole yet, and looks at each byte once however they come.
import { MAX_ARGUMENTS } from "../command/limits.ts";
import { splitInline } from "./inline.ts";
import {
  MAX_BULK_BYTES,
  MAX_COMMAND_BYTES,
  MAX_LINE_BYTES,
  MAX_UNAUTHENTICATED_ARGUMENTS,
  MAX_UNAUTHENTICATED_BULK_BYTES,
} from "./limits.ts";

/** What is not the protocol: the connection ends. The message is for the client. */
export class ProtocolError extends Error {}

export interface Request {
  readonly args: readonly string[];
  /** It was larger than any command may be: not all of it is here. */
  readonly tooLarge: boolean;
}

const LF = 0x0a;
const CR = 0x0d;
const STAR = 0x2a;
const DOLLAR = 0x24;

export class RequestParser {
  /** Bytes that came and are not parsed yet, up to `#length`. */
  #held = Buffer.alloc(0);
  #length = 0;
  /** Of the command under way: what is there, how many arguments are missing, how many bytes it has. */
  #args: string[] = [];
  #missing = 0;
  #bytes = 0;
  #tooLarge = false;
  /** Of the bulk string under way; -1 before its length has come. */
  #bulk = -1;
  /** Bytes to be read past. */
  #skip = 0;
  /** Until then little is taken. */
  authenticated = false;

  /** Gives every command that is whole to `take`, in order. Throws `ProtocolError`. */
  push(chunk: Buffer, take: (request: Request) => void): void {
    const bytes = this.#length === 0 ? chunk : this.#join(chunk);
    if (bytes === undefined) return;
    const at = this.#parse(bytes, take);
    this.#length = 0;
    if (at < bytes.length) this.#hold(bytes.subarray(at));
    else this.#held = Buffer.alloc(0);
  }

  /** With what is held; undefined if that is not enough to go on. */
  #join(chunk: Buffer): Buffer | undefined {
    const before = this.#length;
    this.#hold(chunk);
    const isEnough = this.#bulk >= 0 ? this.#length >= this.#bulk + 2 : chunk.includes(LF);
    if (!isEnough && this.#bulk < 0) checkLine(this.#length, before === 0 ? chunk[0] : this.#held[0]);
    if (!isEnough) return undefined;
    const bytes = this.#held.subarray(0, this.#length);
    this.#held = Buffer.alloc(0);
    return bytes;
  }

  #hold(bytes: Buffer): void {
    const length = this.#length + bytes.length;
    if (length > this.#held.length) {
      const grown = Buffer.allocUnsafe(Math.max(2 * this.#held.length, length));
      this.#held.copy(grown, 0, 0, this.#length);
      this.#held = grown;
    }
    bytes.copy(this.#held, this.#length);
    this.#length = length;
  }

  /** Gives how far it got. */
  #parse(bytes: Buffer, take: (request: Request) => void): number {
    let at = 0;
    for (;;) {
      if (this.#skip > 0) {
        const skipped = Math.min(this.#skip, bytes.length - at);
        this.#skip -= skipped;
        at += skipped;
        if (this.#skip > 0) return at;
        this.#finishBulk("", take);
      }
      if (this.#bulk >= 0) {
        if (bytes.length - at < this.#bulk + 2) return at;
        const text = bytes.toString("latin1", at, at + this.#bulk);
        at += this.#bulk + 2;
        this.#finishBulk(text, take);
        continue;
      }
      const end = bytes.indexOf(LF, at);
      if (end < 0) {
        if (at < bytes.length) checkLine(bytes.length - at, bytes[at]);
        return at;
      }
      const lineEnd = end > at && bytes[end - 1] === CR ? end - 1 : end;
      this.#line(bytes, at, lineEnd, take);
      at = end + 1;
    }
  }

  #line(bytes: Buffer, from: number, to: number, take: (request: Request) => void): void {
    if (this.#missing > 0) {
      if (bytes[from] !== DOLLAR) {
        const got = String.fromCharCode(from < to ? bytes[from] : CR);
        throw new ProtocolError(`expected '$', got '${got}'`);
      }
      this.#beginBulk(lengthOf(bytes, from + 1, to));
    } else if (bytes[from] === STAR) {
      const count = lengthOf(bytes, from + 1, to);
      if (count === undefined || count > MAX_ARGUMENTS) throw new ProtocolError("invalid multibulk length");
      if (count > MAX_UNAUTHENTICATED_ARGUMENTS && !this.authenticated) {
        throw new ProtocolError("unauthenticated multibulk length");
      }
      this.#missing = Math.max(0, count);
    } else {
      checkLine(to - from, bytes[from]);
      const args = splitInline(bytes.toString("latin1", from, to));
      if (args === undefined) throw new ProtocolError("unbalanced quotes in request");
      if (args.length > 0) take({ args, tooLarge: false });
    }
  }

  #beginBulk(length: number | undefined): void {
    if (length === undefined || length < 0 || length > MAX_BULK_BYTES) throw new ProtocolError("invalid bulk length");
    if (length > MAX_UNAUTHENTICATED_BULK_BYTES && !this.authenticated) {
      throw new ProtocolError("unauthenticated bulk length");
    }
    this.#bytes += length;
    if (this.#bytes > MAX_COMMAND_BYTES) {
      this.#tooLarge = true;
      this.#skip = length + 2;
    } else this.#bulk = length;
  }

  #finishBulk(text: string, take: (request: Request) => void): void {
    this.#bulk = -1;
    this.#args.push(text);
    this.#missing -= 1;
    if (this.#missing > 0) return;
    const request = { args: this.#args, tooLarge: this.#tooLarge };
    this.#args = [];
    this.#bytes = 0;
    this.#tooLarge = false;
    take(request);
  }
}

function checkLine(length: number, first: number): void {
  if (length <= MAX_LINE_BYTES) return;
  const what = first === STAR ? "mbulk count string" : first === DOLLAR ? "bulk count string" : "inline request";
  throw new ProtocolError(`too big ${what}`);
}

/** A decimal integer; undefined where it is none. */
function lengthOf(bytes: Buffer, from: number, to: number): number | undefined {
  const negative = bytes[from] === 0x2d;
  const first = negative ? from + 1 : from;
  if (to <= first || to - first > 15) return undefined;
  let value = 0;
  for (let at = first; at < to; at += 1) {
    const digit = bytes[at] - 0x30;
    if (digit < 0 || digit > 9) return undefined;
    value = value * 10 + digit;
  }
  return negative ? -value : value;
}

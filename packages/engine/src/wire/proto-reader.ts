// A reader that moves over protobuf bytes: tags, varints, lengths. One object a message, none a field.
// Whatever does not parse is a WireError `bad_proto`.
import { WireError } from "./wire-error.ts";

export const WIRE_VARINT = 0;
export const WIRE_FIXED64 = 1;
export const WIRE_BYTES = 2;
export const WIRE_FIXED32 = 5;

/** A field number takes at most 29 bits. */
const MAX_TAG = 0xffffffff;
/** Groups are obsolete and nest; nobody who speaks the API sends them. */
const MAX_GROUP_DEPTH = 16;

export class ProtoReader {
  readonly bytes: Uint8Array;
  at: number;
  /** Words of the last varint. */
  low = 0;
  high = 0;

  constructor(bytes: Uint8Array, at: number) {
    this.bytes = bytes;
    this.at = at;
  }

  varint(end: number): void {
    const { bytes } = this;
    let low = 0;
    let high = 0;
    for (let shift = 0; ; shift += 7) {
      if (this.at >= end) throw badProto("it ends inside a number");
      if (shift > 63) throw badProto("a number is longer than ten bytes");
      const byte = bytes[this.at];
      this.at += 1;
      const bits = byte & 0x7f;
      if (shift < 28) low |= bits << shift;
      else if (shift === 28) {
        low |= bits << 28;
        high = bits >>> 4;
      } else if (shift === 63 && bits > 1) throw badProto("a number is larger than 64 bits");
      else high |= bits << (shift - 32);
      if (byte < 0x80) break;
    }
    this.low = low >>> 0;
    this.high = high >>> 0;
  }

  tag(end: number): number {
    this.varint(end);
    if (this.high !== 0 || this.low > MAX_TAG || this.low >>> 3 === 0)
      throw badProto("a field's number is out of range");
    return this.low;
  }

  /** Reads a length and returns where the bytes end; they begin at `at`. */
  length(end: number): number {
    this.varint(end);
    const to = this.at + this.low;
    if (this.high !== 0 || to > end) throw badProto("a field is longer than what holds it");
    return to;
  }

  skip(tag: number, end: number): void {
    this.#skip(tag, end, 0);
  }

  #skip(tag: number, end: number, depth: number): void {
    switch (tag & 7) {
      case WIRE_VARINT:
        this.varint(end);
        return;
      case WIRE_FIXED64:
        this.#advance(8, end);
        return;
      case WIRE_BYTES:
        this.at = this.length(end);
        return;
      case WIRE_FIXED32:
        this.#advance(4, end);
        return;
      case 3: {
        if (depth >= MAX_GROUP_DEPTH) throw badProto("groups are nested too deeply");
        for (;;) {
          const inner = this.tag(end);
          if ((inner & 7) === 4) {
            if (inner >>> 3 !== tag >>> 3) throw badProto("a group ends as another");
            return;
          }
          this.#skip(inner, end, depth + 1);
        }
      }
      default:
        throw badProto("a field's type is unknown");
    }
  }

  #advance(count: number, end: number): void {
    this.at += count;
    if (this.at > end) throw badProto("it ends inside a field");
  }
}

export function badProto(what: string): WireError {
  return new WireError("bad_proto", `the protobuf message does not parse: ${what}`);
}

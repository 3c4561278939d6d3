// Numbers and binary strings as bytes, written and read in order. Knows nothing of what they mean, and takes no byte on trust.

/** Thrown by `ByteReader` for what no `ByteWriter` wrote. */
export class MalformedError extends Error {}

/** Of a safe integer: 53 bits in groups of 7. */
const MAX_VARINT_BYTES = 8;

export class ByteWriter {
  #bytes: Buffer;
  #length = 0;

  constructor(capacityBytes = 256) {
    this.#bytes = Buffer.allocUnsafe(capacityBytes);
  }

  get length(): number {
    return this.#length;
  }

  byte(value: number): this {
    this.#room(1);
    this.#bytes[this.#length++] = value;
    return this;
  }

  /** A safe integer, not negative. */
  varint(value: number): this {
    if (!Number.isSafeInteger(value) || value < 0) throw new RangeError(`no varint: ${value}`);
    this.#room(MAX_VARINT_BYTES);
    let rest = value;
    while (rest >= 0x80) {
      this.#bytes[this.#length++] = (rest % 0x80) | 0x80;
      rest = Math.floor(rest / 0x80);
    }
    this.#bytes[this.#length++] = rest;
    return this;
  }

  /** Any number at all. */
  double(value: number): this {
    this.#room(8);
    this.#length = this.#bytes.writeDoubleBE(value, this.#length);
    return this;
  }

  /** A binary string with its length before it. */
  text(text: string): this {
    this.varint(text.length);
    this.#room(text.length);
    this.#bytes.write(text, this.#length, "latin1");
    this.#length += text.length;
    return this;
  }

  /** What was written, to be kept; the writer is not used any more. */
  finish(): Buffer {
    return this.#bytes.subarray(0, this.#length);
  }

  #room(bytes: number): void {
    if (this.#length + bytes <= this.#bytes.length) return;
    const grown = Buffer.allocUnsafe(Math.max(this.#bytes.length * 2, this.#length + bytes));
    this.#bytes.copy(grown, 0, 0, this.#length);
    this.#bytes = grown;
  }
}

export class ByteReader {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  get left(): number {
    return this.#bytes.length - this.#at;
  }

  byte(): number {
    if (this.left < 1) throw new MalformedError("ends early");
    return this.#bytes[this.#at++];
  }

  varint(): number {
    let value = 0;
    let scale = 1;
    for (let i = 0; i < MAX_VARINT_BYTES; i += 1) {
      const byte = this.byte();
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) {
        if (!Number.isSafeInteger(value)) break;
        return value;
      }
      scale *= 0x80;
    }
    throw new MalformedError("a varint beyond 53 bits");
  }

  /** How many things follow, each of at least `bytes`: no more than there can be. */
  count(bytes: number): number {
    const count = this.varint();
    if (count * bytes > this.left) throw new MalformedError("more things than bytes");
    return count;
  }

  double(): number {
    if (this.left < 8) throw new MalformedError("ends early");
    this.#at += 8;
    return this.#bytes.readDoubleBE(this.#at - 8);
  }

  text(): string {
    const length = this.varint();
    if (this.left < length) throw new MalformedError("ends early");
    this.#at += length;
    return this.#bytes.toString("latin1", this.#at - length, this.#at);
  }

  /** Nothing may be left. */
  end(): void {
    if (this.left > 0) throw new MalformedError(`${this.left} bytes too many`);
  }
}

// Numbers, byte strings and texts as bytes, written and read in order: of this package's records, and of machines that want the
// same. Knows nothing of what they mean, and takes no byte on trust.

/** Thrown by `ByteReader` for what no `ByteWriter` wrote. */
export class MalformedError extends Error {}

/** Of a safe integer: 53 bits in groups of 7. */
const MAX_VARINT_BYTES = 8;
const DOUBLE_BYTES = 8;

export class ByteWriter {
  #bytes: Buffer;
  #length = 0;

  constructor(capacityBytes = 64) {
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

  /** Any number at all, big endian. */
  double(value: number): this {
    this.#room(DOUBLE_BYTES);
    this.#length = this.#bytes.writeDoubleBE(value, this.#length);
    return this;
  }

  /** As they are; the reader must know how many. */
  raw(bytes: Uint8Array): this {
    this.#room(bytes.length);
    this.#bytes.set(bytes, this.#length);
    this.#length += bytes.length;
    return this;
  }

  /** With their length before them. */
  bytes(bytes: Uint8Array): this {
    return this.varint(bytes.length).raw(bytes);
  }

  /** A binary string, each of its characters a byte, with its length before it. */
  text(text: string): this {
    this.varint(text.length);
    this.#room(text.length);
    this.#bytes.write(text, this.#length, "latin1");
    this.#length += text.length;
    return this;
  }

  /** What was written, to be kept; the writer is not used any more. */
  finish(): Uint8Array {
    return new Uint8Array(this.#bytes.buffer, this.#bytes.byteOffset, this.#length);
  }

  #room(bytes: number): void {
    if (this.#length + bytes <= this.#bytes.length) return;
    const grown = Buffer.allocUnsafe(Math.max(this.#bytes.length * 2, this.#length + bytes));
    this.#bytes.copy(grown, 0, 0, this.#length);
    this.#bytes = grown;
  }
}

export class ByteReader {
  readonly #bytes: Uint8Array;
  /** The same, for what buffers can do. */
  readonly #buffer: Buffer;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  get left(): number {
    return this.#bytes.length - this.#at;
  }

  byte(): number {
    return this.#buffer[this.#past(1)];
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
    return this.#buffer.readDoubleBE(this.#past(DOUBLE_BYTES));
  }

  /** A view. */
  raw(length: number): Uint8Array {
    const from = this.#past(length);
    return this.#bytes.subarray(from, from + length);
  }

  /** A view. */
  bytes(): Uint8Array {
    return this.raw(this.varint());
  }

  text(): string {
    const length = this.varint();
    const from = this.#past(length);
    return this.#buffer.toString("latin1", from, from + length);
  }

  /** Nothing may be left. */
  end(): void {
    if (this.left > 0) throw new MalformedError(`${this.left} bytes too many`);
  }

  /** Goes on behind so many bytes, and gives where they begin. */
  #past(length: number): number {
    if (this.left < length) throw new MalformedError("ends early");
    this.#at += length;
    return this.#at - length;
  }
}

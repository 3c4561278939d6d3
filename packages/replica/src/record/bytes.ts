// Varints and byte strings, written and read in order. Knows nothing of what they mean.

/** Thrown by `ByteReader` for what was not written by `ByteWriter`. */
export class MalformedError extends Error {}

/** Of a safe integer: 53 bits in groups of 7. */
const MAX_VARINT_BYTES = 8;

export class ByteWriter {
  #bytes = new Uint8Array(64);
  #length = 0;

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

  finish(): Uint8Array {
    return this.#bytes.subarray(0, this.#length);
  }

  #room(bytes: number): void {
    if (this.#length + bytes <= this.#bytes.length) return;
    const grown = new Uint8Array(Math.max(this.#bytes.length * 2, this.#length + bytes));
    grown.set(this.#bytes.subarray(0, this.#length));
    this.#bytes = grown;
  }
}

export class ByteReader {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
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

  raw(length: number): Uint8Array {
    if (this.left < length) throw new MalformedError("ends early");
    this.#at += length;
    return this.#bytes.subarray(this.#at - length, this.#at);
  }

  bytes(): Uint8Array {
    return this.raw(this.varint());
  }

  /** Nothing may be left. */
  end(): void {
    if (this.left > 0) throw new MalformedError(`${this.left} bytes too many`);
  }
}

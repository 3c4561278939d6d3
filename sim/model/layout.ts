// Records of small numbers, laid out in bytes, so that a state is one array: cheap to copy, to hash and to compare.
// Knows nothing of the protocol.

/** A field's name, and how many bytes it takes. */
export type Widths = Readonly<Record<string, 1 | 2>>;
export type Fields<W extends Widths> = { -readonly [Name in keyof W]: number };

export interface Layout<W extends Widths> {
  readonly bytes: number;
  /** The record that starts at `offset`; reading and writing its fields reads and writes `buffer`. */
  view(buffer: Uint8Array, offset: number): Fields<W>;
}

export function layout<const W extends Widths>(widths: W): Layout<W> {
  class View {
    readonly buffer: Uint8Array;
    readonly offset: number;
    constructor(buffer: Uint8Array, offset: number) {
      this.buffer = buffer;
      this.offset = offset;
    }
  }
  let bytes = 0;
  for (const [name, width] of Object.entries(widths)) {
    const at = bytes;
    bytes += width;
    Object.defineProperty(View.prototype, name, width === 1 ? byteAt(at) : twoBytesAt(at));
  }
  return {
    bytes,
    // The fields were defined above, one by one, on the prototype.
    view: (buffer, offset) => new View(buffer, offset) as unknown as Fields<W>,
  };
}

interface Place {
  readonly buffer: Uint8Array;
  readonly offset: number;
}

function byteAt(at: number): PropertyDescriptor {
  return {
    get(this: Place): number {
      return this.buffer[this.offset + at];
    },
    set(this: Place, value: number) {
      this.buffer[this.offset + at] = value;
    },
  };
}

function twoBytesAt(at: number): PropertyDescriptor {
  return {
    get(this: Place): number {
      return this.buffer[this.offset + at] | (this.buffer[this.offset + at + 1] << 8);
    },
    set(this: Place, value: number) {
      this.buffer[this.offset + at] = value & 0xff;
      this.buffer[this.offset + at + 1] = value >> 8;
    },
  };
}

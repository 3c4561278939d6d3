// What a key of type hash holds: fields and their values.
import { DenseMap } from "./dense-map.ts";
import { fingerprint, joined } from "./fingerprint.ts";
import type { Collection } from "./value.ts";

/** Beside the characters of field and value: two strings, and their places. Estimated. */
const FIELD_BYTES = 112;

export class Hash implements Collection {
  readonly type = "hash";
  #fields = new DenseMap<string>();
  #bytes = 0;
  #sum = 0;

  get size(): number {
    return this.#fields.size;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get sum(): number {
    return this.#sum;
  }

  /** In the order of their positions, as `values` is. To be read only, and at once. */
  get fields(): readonly string[] {
    return this.#fields.keys;
  }

  get values(): readonly string[] {
    return this.#fields.values;
  }

  has(field: string): boolean {
    return this.#fields.has(field);
  }

  get(field: string): string | undefined {
    return this.#fields.get(field);
  }

  /** Whether the field is a new one. */
  set(field: string, value: string): boolean {
    const before = this.#fields.set(field, value);
    if (before !== undefined) this.#count(field, before, -1);
    this.#count(field, value, 1);
    return before === undefined;
  }

  /** Whether there was such a field. */
  delete(field: string): boolean {
    const before = this.#fields.delete(field);
    if (before !== undefined) this.#count(field, before, -1);
    return before !== undefined;
  }

  clone(): Hash {
    const clone = new Hash();
    clone.#fields = this.#fields.clone();
    clone.#bytes = this.#bytes;
    clone.#sum = this.#sum;
    return clone;
  }

  *elements(): Generator<readonly string[]> {
    for (let at = 0; at < this.size; at += 1) yield [this.fields[at], this.values[at]];
  }

  load(element: readonly string[]): void {
    if (element.length !== 2 || !this.set(element[0], element[1])) throw new Error("no element of a hash");
  }

  #count(field: string, value: string, sign: 1 | -1): void {
    this.#bytes += sign * (field.length + value.length + FIELD_BYTES);
    this.#sum = (this.#sum + sign * joined(fingerprint(field), fingerprint(value))) >>> 0;
  }
}

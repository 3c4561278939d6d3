// The names of a segment: what a listing shows of each stream that its catalog tells of, in blocks, in the order of basins and names
// (docs/format.md). Codec only.
import { compareNames } from "../catalog/byte-order.ts";
import type { StreamCipher } from "../config.ts";
import { readU64, STREAM_ID_BYTES, writeU64 } from "../shard/chunk-format.ts";
import { CorruptObjectError } from "../shard/corrupt.ts";

/** What stands before the name of each stream: its basin, its id, three numbers and the name's length. */
const ITEM_BYTES = 2 * STREAM_ID_BYTES + 8 + 8 + 1 + 2;
const CIPHERS: readonly (StreamCipher | null)[] = [null, "aegis-256", "aes-256-gcm"];

/** Where a name stands among all others of a shard. */
export interface NameKey {
  /** Hexadecimal. */
  readonly basinId: string;
  readonly name: string;
}

export interface NamedStream extends NameKey {
  /** Hexadecimal. */
  readonly id: string;
  readonly createdAtMs: number;
  readonly deletedAtMs: number | null;
  readonly cipher: StreamCipher | null;
}

export function compareKeys(a: NameKey, b: NameKey): number {
  if (a.basinId !== b.basinId) return a.basinId < b.basinId ? -1 : 1;
  return compareNames(a.name, b.name);
}

/** What stands for a name in a bloom filter. */
export function nameBytes({ basinId, name }: NameKey): Uint8Array {
  return Buffer.concat([Buffer.from(basinId, "hex"), Buffer.from(name)]);
}

export function encodeNamed(stream: NamedStream): Uint8Array {
  const name = Buffer.from(stream.name);
  const bytes = Buffer.alloc(ITEM_BYTES + name.length);
  bytes.write(stream.basinId, 0, "hex");
  bytes.write(stream.id, STREAM_ID_BYTES, "hex");
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  writeU64(view, 32, stream.createdAtMs);
  // Zero is no time of a deletion.
  writeU64(view, 40, stream.deletedAtMs ?? 0);
  bytes[48] = CIPHERS.indexOf(stream.cipher);
  view.setUint16(49, name.length, true);
  name.copy(bytes, ITEM_BYTES);
  return bytes;
}

/** A whole block, whose checksum was right. Errors: CorruptObjectError, which names `key`. */
export function decodeNames(key: string, block: Uint8Array): NamedStream[] {
  const bytes = Buffer.from(block.buffer, block.byteOffset, block.byteLength);
  const view = new DataView(block.buffer, block.byteOffset, block.byteLength);
  const streams: NamedStream[] = [];
  for (let at = 0; at < bytes.length; ) {
    const end = at + ITEM_BYTES <= bytes.length ? at + ITEM_BYTES + view.getUint16(at + 49, true) : Infinity;
    if (end > bytes.length) throw new CorruptObjectError(key, "a block of its names is too short");
    streams.push({
      basinId: bytes.toString("hex", at, at + STREAM_ID_BYTES),
      id: bytes.toString("hex", at + STREAM_ID_BYTES, at + 2 * STREAM_ID_BYTES),
      createdAtMs: readU64(view, at + 32),
      deletedAtMs: readU64(view, at + 40) || null,
      cipher: CIPHERS[bytes[at + 48]] ?? null,
      name: bytes.toString("utf8", at + ITEM_BYTES, end),
    });
    at = end;
  }
  return streams;
}

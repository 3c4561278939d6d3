// What stands in an object of the log, entry by entry (docs/format.md), for whoever looks at the bucket from outside. Reads a few fields,
// believes that owners wrote what they should, and knows nothing of the engine.

const HEADER_BYTES = 64;
const ENTRY_HEADER_BYTES = 48;
/** Fields of the header, and what the kind says of a chunk. */
const KIND_AT = 5;
const PLACE_AT = 8;
const GOES_ON_AT = 40;
const CHUNK = 1;

/** Kinds of entries. */
export const RECORDS = 1;
export const CREATED = 3;
export const DELETED = 5;
export const REMOVED = 6;
export const BASIN_REMOVED = 7;

export interface LogEntry {
  readonly kind: number;
  /** Or a basin's. Hexadecimal. */
  readonly streamId: string;
  /** Of a batch of records. */
  readonly meteredBytes: number;
  readonly payload: Buffer;
}

function placeOf(object: Uint8Array): number {
  return Number(bufferOf(object).readBigUInt64LE(PLACE_AT));
}

/** The place where the log goes on. */
function goesOnAt(object: Uint8Array): number {
  return Number(bufferOf(object).readBigUInt64LE(GOES_ON_AT));
}

/** The entries of a chunk; none of any other object. */
export function* entriesOf(object: Uint8Array): Generator<LogEntry> {
  if (object[KIND_AT] !== CHUNK) return;
  const bytes = bufferOf(object);
  for (let at = HEADER_BYTES, end = 0; at < bytes.length; at = end) {
    end = at + bytes.readUInt32LE(at + 4);
    yield {
      kind: bytes[at + 8],
      streamId: bytes.toString("hex", at + 16, at + 32),
      meteredBytes: bytes.readUInt32LE(at + 12),
      payload: bytes.subarray(at + ENTRY_HEADER_BYTES, end),
    };
  }
}

/** All that was ever in force, in order, also what is collected by now; `objects` by key. */
export function* entriesInForce(objects: ReadonlyMap<string, Uint8Array>): Generator<LogEntry> {
  let place = 0;
  for (const key of [...objects.keys()].toSorted()) {
    const object = objects.get(key);
    if (object === undefined || placeOf(object) < place) continue;
    place = goesOnAt(object);
    yield* entriesOf(object);
  }
}

function bufferOf({ buffer, byteOffset, byteLength }: Uint8Array): Buffer {
  return Buffer.from(buffer, byteOffset, byteLength);
}

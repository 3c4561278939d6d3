// Every key of every object, and nothing else (docs/format.md).
// Numbers are zero-padded so that the order of bytes is the order of numbers.

/** Wide enough for 2^53 − 1. */
const DIGITS = 16;

export const DEPLOYMENT_KEY = "deployment.json";

export function walPrefix(shard: number): string {
  return `shards/${shard}/wal/`;
}

export function walKey(shard: number, place: number): string {
  return walPrefix(shard) + String(place).padStart(DIGITS, "0");
}

export function manifestPrefix(shard: number): string {
  return `shards/${shard}/manifest/`;
}

export function manifestKey(shard: number, version: number): string {
  return manifestPrefix(shard) + String(version).padStart(DIGITS, "0");
}

export function segmentPrefix(shard: number): string {
  return `shards/${shard}/segments/`;
}

/** `incarnation` is hexadecimal. */
export function segmentKey(shard: number, epoch: number, incarnation: string, number: number): string {
  return `${segmentPrefix(shard)}${String(epoch).padStart(DIGITS, "0")}-${incarnation}-${String(number).padStart(DIGITS, "0")}`;
}

/** The epoch under which a segment was written, by its key; undefined for a key that is not one. */
export function epochOfSegmentKey(key: string): number | undefined {
  const name = key.slice(key.lastIndexOf("/") + 1);
  return /^[0-9]{16}-[0-9a-f]{32}-[0-9]{16}$/.test(name) ? Number(name.slice(0, DIGITS)) : undefined;
}

/** The place or version that a key of ours ends in; undefined when it is not one. */
export function numberOfKey(key: string): number | undefined {
  const digits = key.slice(key.lastIndexOf("/") + 1);
  if (digits.length !== DIGITS || !/^[0-9]+$/.test(digits)) return undefined;
  return Number(digits);
}

// Protobuf varints of u64 values held as (low, high) 32-bit words or as safe integers. No BigInt, no allocation.

/** Bytes that a u64 takes as a varint. */
export function varintBytes(low: number, high: number): number {
  if (high === 0) {
    if (low < 0x80) return 1;
    if (low < 0x4000) return 2;
    if (low < 0x200000) return 3;
    if (low < 0x10000000) return 4;
    return 5;
  }
  if (high < 0x8) return 5;
  if (high < 0x400) return 6;
  if (high < 0x20000) return 7;
  if (high < 0x1000000) return 8;
  if (high < 0x80000000) return 9;
  return 10;
}

/** Writes a u64 as a varint; returns the offset behind it. */
export function writeVarint(target: Uint8Array, offset: number, low: number, high: number): number {
  let at = offset;
  let lo = low >>> 0;
  let hi = high >>> 0;
  while (hi !== 0) {
    target[at] = (lo & 0x7f) | 0x80;
    lo = ((lo >>> 7) | (hi << 25)) >>> 0;
    hi >>>= 7;
    at += 1;
  }
  while (lo >= 0x80) {
    target[at] = (lo & 0x7f) | 0x80;
    lo >>>= 7;
    at += 1;
  }
  target[at] = lo;
  return at + 1;
}

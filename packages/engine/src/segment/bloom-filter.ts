// A bloom filter: what it does not hold was never added; what it holds almost always was (1 in 120 of others passes). Pure bytes, as they are stored.

/** Bits for each key, and probes: 0.8 % of what was never added passes. */
const BITS_PER_KEY = 10;
const PROBES = 7;

const FNV_OFFSET = 0x811c9dc5;
const FNV_PRIME = 0x01000193;

/** FNV-1a over the bytes, and the last mixing of MurmurHash3: 32 bits. */
export function bloomHash(bytes: Uint8Array): number {
  let hash = FNV_OFFSET;
  for (let i = 0; i < bytes.length; i += 1) hash = Math.imul(hash ^ bytes[i], FNV_PRIME);
  return mixed(hash);
}

function mixed(hash: number): number {
  let h = hash;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}

/** The filter of these hashes; empty for none. */
export function encodeBloom(hashes: readonly number[]): Uint8Array {
  const bytes = new Uint8Array(Math.ceil((hashes.length * BITS_PER_KEY) / 8));
  for (const hash of hashes) {
    probe(hash, 8 * bytes.length, (bit) => {
      bytes[bit >>> 3] |= 1 << (bit & 7);
      return true;
    });
  }
  return bytes;
}

export function bloomHas(bytes: Uint8Array, hash: number): boolean {
  return bytes.length > 0 && probe(hash, 8 * bytes.length, (bit) => (bytes[bit >>> 3] & (1 << (bit & 7))) !== 0);
}

/** Whether `visit` says true of every bit that stands for the hash. */
function probe(hash: number, bits: number, visit: (bit: number) => boolean): boolean {
  const step = mixed(hash ^ 0x9e3779b9) | 1;
  for (let i = 0, at = hash; i < PROBES; i += 1, at = (at + step) >>> 0) if (!visit(at % bits)) return false;
  return true;
}

// Short hashes of binary strings, for digests: they find replicas that differ by accident, and are no defence against anybody.
import { crc32 } from "node:zlib";

/** Up to here a loop over characters is faster than the way into native code. */
const LOOP_CHARACTERS = 256;
/** Larger ones are rare enough to have a buffer each. */
const SCRATCH_BYTES = 16 * 1024;
/** A buffer for each would have V8 mark its heap again and again, since it counts what they hold. */
const scratch = Buffer.allocUnsafeSlow(SCRATCH_BYTES);

/** Of a binary string, as an unsigned 32-bit integer. */
export function fingerprint(text: string): number {
  if (text.length > SCRATCH_BYTES) return crc32(Buffer.from(text, "latin1"));
  if (text.length > LOOP_CHARACTERS) return crc32(scratch.subarray(0, scratch.write(text, 0, "latin1")));
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i += 1) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  return spread(hash);
}

/** Of two fingerprints in this order. */
export function joined(first: number, second: number): number {
  return spread(Math.imul(first ^ (first >>> 15), 0x2c1b3c6d) ^ second);
}

/** Every bit of the input moves half of the output's: of what was spread, sums keep their meaning. */
function spread(hash: number): number {
  let mixed = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
  return (mixed ^ (mixed >>> 16)) >>> 0;
}

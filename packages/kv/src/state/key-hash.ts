// HalfSipHash-1-3 of binary strings, under a key of this process's own: nobody who may choose keys can make them collide. Unlike
// V8's own hash of a string it takes no way out of compiled code, which for keys that just came off the wire is most of a lookup.
// biome-ignore lint/style/noRestrictedImports: no answer and no order depends on where keys are found.
import { randomBytes } from "node:crypto";

const secret = randomBytes(8);
const K0 = secret.readInt32LE(0);
const K1 = secret.readInt32LE(4);
const FINAL_ROUNDS = 3;

/** As a signed 32-bit integer. Of the published function with this key, or with the process's own. */
export function keyHash(text: string, k0 = K0, k1 = K1): number {
  let v0 = k0;
  let v1 = k1;
  let v2 = k0 ^ 0x6c796765;
  let v3 = k1 ^ 0x74656462;
  const words = text.length >>> 2;
  // The rounds are written out: a function of four results would have to make an object.
  for (let word = 0, at = 0; word <= words + FINAL_ROUNDS; word += 1, at += 4) {
    let message = 0;
    if (word < words) {
      message =
        text.charCodeAt(at) |
        (text.charCodeAt(at + 1) << 8) |
        (text.charCodeAt(at + 2) << 16) |
        (text.charCodeAt(at + 3) << 24);
    } else if (word === words) {
      message = text.length << 24;
      for (let i = at; i < text.length; i += 1) message |= text.charCodeAt(i) << ((i - at) * 8);
    } else if (word === words + 1) v2 ^= 0xff;
    v3 ^= message;
    v0 = (v0 + v1) | 0;
    v1 = ((v1 << 5) | (v1 >>> 27)) ^ v0;
    v0 = (v0 << 16) | (v0 >>> 16);
    v2 = (v2 + v3) | 0;
    v3 = ((v3 << 8) | (v3 >>> 24)) ^ v2;
    v0 = (v0 + v3) | 0;
    v3 = ((v3 << 7) | (v3 >>> 25)) ^ v0;
    v2 = (v2 + v1) | 0;
    v1 = ((v1 << 13) | (v1 >>> 19)) ^ v2;
    v2 = (v2 << 16) | (v2 >>> 16);
    v0 ^= message;
  }
  return v1 ^ v3;
}

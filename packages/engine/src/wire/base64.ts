// Strict base64 (RFC 4648, section 4, padded), decoded in place: Node's own decoder lets anything pass.

const DIGITS = new Int8Array(256).fill(-1);
Buffer.from("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/").forEach((byte, digit) => {
  DIGITS[byte] = digit;
});
const PAD = 0x3d;

/** Decodes bytes[start, end) over itself; returns where the result, which begins at `start`, ends, or -1 when it is not base64. */
export function decodeBase64InPlace(bytes: Uint8Array, start: number, end: number): number {
  const length = end - start;
  if (length === 0) return start;
  if (length % 4 !== 0) return -1;
  const pads = bytes[end - 1] === PAD ? (bytes[end - 2] === PAD ? 2 : 1) : 0;
  const whole = pads === 0 ? end : end - 4;
  let to = start;
  for (let at = start; at < whole; at += 4) {
    const a = DIGITS[bytes[at]];
    const b = DIGITS[bytes[at + 1]];
    const c = DIGITS[bytes[at + 2]];
    const d = DIGITS[bytes[at + 3]];
    if ((a | b | c | d) < 0) return -1;
    bytes[to] = (a << 2) | (b >>> 4);
    bytes[to + 1] = (b << 4) | (c >>> 2);
    bytes[to + 2] = (c << 6) | d;
    to += 3;
  }
  if (pads > 0) {
    const a = DIGITS[bytes[whole]];
    const b = DIGITS[bytes[whole + 1]];
    const c = pads === 2 ? 0 : DIGITS[bytes[whole + 2]];
    if ((a | b | c) < 0) return -1;
    // Bits that no byte takes must be zero.
    if (pads === 2 ? (b & 15) !== 0 : (c & 3) !== 0) return -1;
    bytes[to] = (a << 2) | (b >>> 4);
    to += 1;
    if (pads === 1) {
      bytes[to] = (b << 4) | (c >>> 2);
      to += 1;
    }
  }
  return to;
}

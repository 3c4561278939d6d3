// Chunks of any size as pieces of a bounded one, and back: each chunk with its length before it, the whole cut into pieces.
import { ByteWriter, MalformedError } from "../record/bytes.ts";

/** Pieces of at most `pieceBytes`; all but the last have just that. Takes chunks only as pieces are asked for. */
export function* packed(chunks: Iterable<Uint8Array>, pieceBytes: number): Generator<Uint8Array, void, void> {
  let piece = new Uint8Array(pieceBytes);
  let filled = 0;
  for (const chunk of chunks) {
    for (const part of [new ByteWriter().varint(chunk.length).finish(), chunk]) {
      for (let at = 0; at < part.length; ) {
        const taken = Math.min(part.length - at, pieceBytes - filled);
        piece.set(part.subarray(at, at + taken), filled);
        at += taken;
        filled += taken;
        if (filled < pieceBytes) continue;
        yield piece;
        // Whoever was given it may still be sending it.
        piece = new Uint8Array(pieceBytes);
        filled = 0;
      }
    }
  }
  if (filled > 0) yield piece.subarray(0, filled);
}

/** The chunks that `packed` was given. Throws `MalformedError` where the pieces end within a chunk. */
export async function* unpacked(pieces: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void, void> {
  /** Of a chunk that is not whole yet; put together only once it is, so that large ones are copied once, and others not at all. */
  let parts: Uint8Array[] = [];
  let have = 0;
  let needed = 1;
  for await (const piece of pieces) {
    let rest = piece;
    while (have > 0) {
      const taken = Math.min(needed - have, rest.length);
      parts.push(rest.subarray(0, taken));
      have += taken;
      rest = rest.subarray(taken);
      if (have < needed) break;
      const joined = parts.length === 1 ? parts[0] : Buffer.concat(parts);
      const frame = frameOf(joined);
      if (frame?.end === have) {
        yield joined.subarray(frame.start);
        parts = [];
        have = 0;
      } else {
        parts = [joined];
        needed = frame?.end ?? have + 1;
      }
    }
    if (rest.length === 0) continue;
    let frame = frameOf(rest);
    while (frame !== undefined && frame.end <= rest.length) {
      yield rest.subarray(frame.start, frame.end);
      rest = rest.subarray(frame.end);
      frame = frameOf(rest);
    }
    if (rest.length > 0) parts = [rest];
    have = rest.length;
    needed = frame?.end ?? have + 1;
  }
  if (have > 0) throw new MalformedError("the pieces end within a chunk");
}

/** Where the first chunk lies; undefined while not even its length is there. */
function frameOf(bytes: Uint8Array): { readonly start: number; readonly end: number } | undefined {
  let length = 0;
  let scale = 1;
  for (let at = 0; at < bytes.length; at += 1) {
    length += (bytes[at] & 0x7f) * scale;
    if (!Number.isSafeInteger(length)) throw new MalformedError("a chunk's length beyond 53 bits");
    if (bytes[at] < 0x80) return { start: at + 1, end: at + 1 + length };
    scale *= 0x80;
  }
  return undefined;
}

// A history: chunks in the order in which they count, packed into one number, three bits a chunk behind a leading one.

export const EMPTY_HISTORY = 1;
/** What fits two bytes. */
export const MAX_HISTORY = 5;

export function extended(history: number, chunk: number): number {
  if (lengthOf(history) >= MAX_HISTORY) throw new Error("the bounds allow more chunks than a history can hold");
  return (history << 3) | chunk;
}

export function lengthOf(history: number): number {
  return ((31 - Math.clz32(history)) / 3) | 0;
}

export function isPrefix(shorter: number, longer: number): boolean {
  const more = lengthOf(longer) - lengthOf(shorter);
  return more >= 0 && longer >> (3 * more) === shorter;
}

/** Whether a chunk is in it more than once. */
export function doubles(history: number): boolean {
  let seen = 0;
  for (let left = lengthOf(history) - 1; left >= 0; left -= 1) {
    const bit = 1 << ((history >> (3 * left)) & 7);
    if ((seen & bit) !== 0) return true;
    seen |= bit;
  }
  return false;
}

/** The chunks, oldest first. */
export function chunksOf(history: number): number[] {
  const chunks: number[] = [];
  for (let left = lengthOf(history) - 1; left >= 0; left -= 1) chunks.push((history >> (3 * left)) & 7);
  return chunks;
}

// The order of names: by their UTF-8 bytes, as the API lists them. JavaScript's own order of strings is by UTF-16 units,
// which differs where a name has characters beyond the basic plane.

/** Moves surrogates above the rest of the basic plane, which is where their characters' UTF-8 bytes sort. */
function rank(unit: number): number {
  if (unit < 0xd800) return unit;
  return unit >= 0xe000 ? unit - 0x800 : unit + 0x2000;
}

export function compareNames(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i += 1) {
    const left = a.charCodeAt(i);
    const right = b.charCodeAt(i);
    if (left !== right) return rank(left) - rank(right);
  }
  return a.length - b.length;
}

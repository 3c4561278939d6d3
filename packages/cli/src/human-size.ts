// Sizes as people write them, "512MiB", "2 GB", "1g" (a bare number is bytes), and as they like to read them.

const KIB = 1024;
const UNIT_BYTES: ReadonlyMap<string, number> = new Map(
  Object.entries({
    "": 1,
    b: 1,
    k: KIB,
    kb: 1000,
    kib: KIB,
    m: KIB ** 2,
    mb: 1000 ** 2,
    mib: KIB ** 2,
    g: KIB ** 3,
    gb: 1000 ** 3,
    gib: KIB ** 3,
    t: KIB ** 4,
    tb: 1000 ** 4,
    tib: KIB ** 4,
  }),
);

/** Whole bytes, or undefined when it is no size. */
export function parseSizeBytes(text: string): number | undefined {
  const match = /^([0-9]+(?:\.[0-9]+)?) *([a-zA-Z]*)$/.exec(text.trim());
  const unit = UNIT_BYTES.get(match?.[2].toLowerCase() ?? "?");
  if (match === null || unit === undefined) return undefined;
  const bytes = Math.round(Number(match[1]) * unit);
  return Number.isSafeInteger(bytes) ? bytes : undefined;
}

const READ_UNITS = ["KiB", "MiB", "GiB", "TiB"];

/** Three digits or so: `812 B`, `1.3 MiB`, `42 GiB`. */
export function sizeText(bytes: number): string {
  if (bytes < KIB) return `${bytes} B`;
  let value = bytes / KIB;
  let unit = 0;
  while (value >= KIB - 0.5 && unit < READ_UNITS.length - 1) {
    value /= KIB;
    unit += 1;
  }
  return `${value < 9.95 ? value.toFixed(1) : Math.round(value)} ${READ_UNITS[unit]}`;
}

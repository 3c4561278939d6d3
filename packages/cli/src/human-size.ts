// Sizes of memory as people write them: "512MiB", "2 GB", "1g". A bare number is bytes.

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

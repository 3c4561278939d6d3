// Durations as people write them: "7days", "1h 30m", "90s".

const UNIT_SECS: Readonly<Record<string, number>> = {
  s: 1,
  sec: 1,
  secs: 1,
  second: 1,
  seconds: 1,
  m: 60,
  min: 60,
  mins: 60,
  minute: 60,
  minutes: 60,
  h: 3600,
  hr: 3600,
  hrs: 3600,
  hour: 3600,
  hours: 3600,
  d: 86_400,
  day: 86_400,
  days: 86_400,
  w: 604_800,
  week: 604_800,
  weeks: 604_800,
  M: 2_630_016,
  month: 2_630_016,
  months: 2_630_016,
  y: 31_557_600,
  year: 31_557_600,
  years: 31_557_600,
};

/** Whole seconds, or undefined when it is no duration. */
export function parseDurationSecs(text: string): number | undefined {
  const parts = [...text.matchAll(/\s*([0-9]+)\s*([a-zA-Z]+)\s*/gy)];
  if (parts.length === 0 || parts.reduce((length, part) => length + part[0].length, 0) !== text.length)
    return undefined;
  let total = 0;
  for (const [, count, unit] of parts) {
    const secs = UNIT_SECS[unit];
    if (secs === undefined) return undefined;
    total += Number(count) * secs;
  }
  return Number.isSafeInteger(total) ? total : undefined;
}

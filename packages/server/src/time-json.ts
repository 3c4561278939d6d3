// Times of the control plane in JSON.

/** RFC 3339, in UTC, with milliseconds. */
export function timeJson(ms: number): string {
  return new Date(ms).toISOString();
}

const RFC_3339 = /^\d{4}-\d{2}-\d{2}[Tt ]\d{2}:\d{2}:\d{2}(\.\d+)?([Zz]|[+-]\d{2}:\d{2})$/;

/** Milliseconds of an RFC 3339 time, fractions of them cut off; undefined where it is none. */
export function parseTime(text: string): number | undefined {
  if (!RFC_3339.test(text)) return undefined;
  const ms = Date.parse(text.replace(" ", "T").toUpperCase());
  return Number.isNaN(ms) ? undefined : ms;
}

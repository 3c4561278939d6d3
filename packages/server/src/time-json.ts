// Times of the control plane in JSON.

/** RFC 3339, in UTC, with milliseconds. */
export function timeJson(ms: number): string {
  return new Date(ms).toISOString();
}

// What a look at a store has found wrong. Gathers, up to a bound, and counts the rest; decides nothing.

/** Findings that are told one by one; beyond, they are counted. */
const MAX_TOLD = 1_000;

export interface Finding {
  /** The object that it is about. */
  readonly key: string;
  /** One clause for people: "its header's checksum is wrong". */
  readonly what: string;
}

export class Findings {
  readonly told: Finding[] = [];
  count = 0;

  /** The same thing found twice is told once. */
  add(key: string, what: string): void {
    if (this.told.some((each) => each.key === key && each.what === what)) return;
    this.count += 1;
    if (this.told.length < MAX_TOLD) this.told.push({ key, what });
  }
}

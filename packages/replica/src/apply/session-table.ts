// Who may still propose, and what of theirs was applied: the part of the state that makes proposals count exactly once.
// Deterministic: the same records in the same order make the same table in every replica. Bounded: the least recently heard
// of leaves first. A session is named by the sequence number of the record that opened it, so a name never comes again, and
// whoever has left stays out: its late records are refused, never mistaken for new ones.

export type Admission =
  | "next"
  /** Applied before. */
  | "repeated"
  /** A predecessor is missing: not applied, and to be sent again after it. */
  | "gap"
  /** Never opened, or left since. */
  | "unknown";

export class SessionTable {
  readonly capacity: number;
  /** The counter that each session's next command must bear, least recently heard of first. */
  readonly #next = new Map<number, number>();

  constructor(capacity: number) {
    this.capacity = capacity;
  }

  /** Opens a session; the one that had to leave for it, if any. */
  open(session: number): number | undefined {
    this.#next.set(session, 0);
    if (this.#next.size <= this.capacity) return undefined;
    const [evicted] = this.#next.keys();
    this.#next.delete(evicted);
    return evicted;
  }

  /** Takes a session's command; it is to be applied only if it is "next". */
  admit(session: number, counter: number): Admission {
    const next = this.#next.get(session);
    if (next === undefined) return "unknown";
    // Whatever it sends, it lives.
    this.#next.delete(session);
    this.#next.set(session, counter === next ? next + 1 : next);
    if (counter === next) return "next";
    return counter < next ? "repeated" : "gap";
  }

  /** The counter of a session's next command; undefined for one that is not there. */
  nextOf(session: number): number | undefined {
    return this.#next.get(session);
  }

  /** Sessions with their next counters, least recently heard of first. */
  *[Symbol.iterator](): Iterator<readonly [session: number, next: number]> {
    yield* this.#next;
  }

  /** A table from what another one's iteration gave. */
  static from(capacity: number, entries: Iterable<readonly [number, number]>): SessionTable {
    const table = new SessionTable(capacity);
    for (const [session, next] of entries) table.#next.set(session, next);
    return table;
  }
}

// The two newest snapshots that the log has announced: what may be trimmed follows from them, in every replica alike. Part of
// the deterministic state.

/** A snapshot: of the state before the record `next`, in pieces from `first` on in the stream of snapshots. */
export interface AnnouncedSnapshot {
  readonly next: number;
  readonly first: number;
}

/** Everything before these is needed by none of the two newest snapshots. */
export interface Trims {
  readonly log: number;
  readonly snapshots: number;
}

export class KnownSnapshots {
  /** Newest first. */
  #known: readonly AnnouncedSnapshot[];
  /** What begins before this in the stream of snapshots may have been trimmed. */
  #cut: number;

  constructor(known: readonly AnnouncedSnapshot[] = [], cut = 0) {
    this.#known = known;
    this.#cut = cut;
  }

  get known(): readonly AnnouncedSnapshot[] {
    return this.#known;
  }

  get cut(): number {
    return this.#cut;
  }

  /** What may go now; nothing while there are fewer than two, or where the announced one came too late to count. */
  announce(announced: AnnouncedSnapshot): Trims | undefined {
    const late = announced.first < this.#cut;
    if (late || this.#known.some(({ next }) => next === announced.next)) return undefined;
    this.#known = [...this.#known, announced].sort((a, b) => b.next - a.next).slice(0, 2);
    if (this.#known.length < 2) return undefined;
    const [newest, second] = this.#known;
    this.#cut = Math.max(this.#cut, Math.min(newest.first, second.first));
    return { log: second.next, snapshots: this.#cut };
  }
}

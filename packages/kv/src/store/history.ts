// The newest changes of keys, in the order of the log: what watchers are told and what a key's history is made of. Each replica
// keeps them for itself, out of what it applies, up to a bound of bytes; values are those of the state, not copies. Must never
// have a gap: what it no longer has is below `floor`.
import { NEVER } from "../state/entry.ts";
import type { Keyspace } from "../state/keyspace.ts";
import { type TypeName, typeOf } from "../state/value.ts";

export interface Change {
  /** Undefined: all keys were removed. */
  readonly key: string | undefined;
  /** One revision may change several keys, and each of them once. */
  readonly revision: number;
  /** What the key has become; undefined: it is gone. */
  readonly type: TypeName | undefined;
  /** Of a string. */
  readonly value: string | undefined;
  readonly contentType: string;
  /** By the log's time; `NEVER` without. */
  readonly expiresAtMs: number;
}

interface Kept extends Change {
  /** Place of the key's change before this one, if there was one since all were removed. */
  readonly before: number;
}

/** What a change takes in memory beside its key and its value. Estimated. */
const CHANGE_BYTES = 200;
const NONE = -1;
/** What has left is cut off when it is so much, and half of all. */
const SWEEP_FROM = 1024;

export class History {
  readonly #maxBytes: number;
  /** The first `#gone` have left. */
  #changes: Kept[] = [];
  #gone = 0;
  /** Places are counted from the first change ever; of the first in `#changes`. */
  #base = 0;
  #bytes = 0;
  #floor = 0;
  /** The place of a key's newest change, of those that are there. */
  #newest = new Map<string, number>();
  /** Places at which all keys were removed. */
  #clears: number[] = [];
  #keyspace: Keyspace | undefined;
  readonly #listeners = new Set<() => void>();
  #isDue = false;

  /** 0: keeps nothing. */
  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** Everything that changed at later revisions is there, and nothing of this one and before. */
  get floor(): number {
    return this.#maxBytes === 0 ? Number.POSITIVE_INFINITY : this.#floor;
  }

  /** The place of the first change that is there: what stood before has left. */
  get first(): number {
    return this.#base + this.#gone;
  }

  /** Behind the newest change. */
  get end(): number {
    return this.#base + this.#changes.length;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** The state is this one: what led to it is not known. */
  began(keyspace: Keyspace): void {
    this.#keyspace = keyspace;
    // Who stood at the end must see that something is missing.
    this.#base = this.end + 1;
    this.#changes = [];
    this.#gone = 0;
    this.#bytes = 0;
    this.#newest.clear();
    this.#clears = [];
    this.#floor = keyspace.revision;
    this.#tell();
  }

  touched(key: string): void {
    if (this.#keyspace === undefined || this.#maxBytes === 0) return;
    const { revision } = this.#keyspace;
    const entry = this.#keyspace.get(key);
    const value = typeof entry?.value === "string" ? entry.value : undefined;
    const { contentType = "", expiresAtMs = NEVER } = entry ?? {};
    const change = { key, revision, type: entry && typeOf(entry.value), value, contentType, expiresAtMs };
    const before = this.#newest.get(key) ?? NONE;
    const known = before === NONE ? undefined : this.at(before);
    if (known?.revision === revision) {
      this.#bytes += sizeOf(change) - sizeOf(known);
      this.#changes[before - this.#base] = { ...change, before: known.before };
    } else {
      this.#newest.set(key, this.end);
      this.#add({ ...change, before });
    }
    this.#bound();
    this.#tell();
  }

  cleared(): void {
    if (this.#keyspace === undefined || this.#maxBytes === 0) return;
    const { revision } = this.#keyspace;
    this.#newest.clear();
    this.#clears.push(this.end);
    const gone = { key: undefined, type: undefined, value: undefined, contentType: "", expiresAtMs: NEVER };
    this.#add({ ...gone, revision, before: NONE });
    this.#bound();
    this.#tell();
  }

  /** The place of the first change of a later revision; undefined if some of them are no longer there. */
  after(revision: number): number | undefined {
    if (revision < this.floor) return undefined;
    let low = this.#gone;
    let high = this.#changes.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#changes[middle].revision <= revision) low = middle + 1;
      else high = middle;
    }
    return this.#base + low;
  }

  /** The change at a place; undefined if it is no longer there, or not yet. */
  at(place: number): Kept | undefined {
    return place < this.#base + this.#gone ? undefined : this.#changes[place - this.#base];
  }

  /** The key's changes that are there, the newest first. */
  *of(key: string): Generator<Change> {
    let newest = this.#newest.get(key) ?? NONE;
    // Where all keys were removed, so was this one, if it was there; its changes before are not chained to those behind.
    for (let i = this.#clears.length - 1; i >= 0; i -= 1) {
      yield* this.#chain(newest);
      const cleared = this.#clears[i];
      newest = this.#newestBetween(key, this.#clears[i - 1] ?? NONE, cleared);
      const clear = this.at(cleared);
      if (clear !== undefined && this.at(newest)?.type !== undefined) yield { ...clear, key };
    }
    yield* this.#chain(newest);
  }

  /** Calls back after each record that changed something, until the function given back is called. Must not throw. */
  on(callback: () => void): () => void {
    this.#listeners.add(callback);
    return () => this.#listeners.delete(callback);
  }

  *#chain(from: number): Generator<Change> {
    for (let change = this.at(from); change !== undefined; change = this.at(change.before)) yield change;
  }

  #newestBetween(key: string, after: number, before: number): number {
    for (let place = before - 1; place > after; place -= 1) {
      const change = this.at(place);
      if (change === undefined) return NONE;
      if (change.key === key) return place;
    }
    return NONE;
  }

  #add(change: Kept): void {
    this.#changes.push(change);
    this.#bytes += sizeOf(change);
  }

  /** Lets go of the oldest, whole revisions at a time. */
  #bound(): void {
    while (this.#bytes > this.#maxBytes && this.#gone < this.#changes.length) {
      const { revision } = this.#changes[this.#gone];
      this.#floor = revision;
      while (this.#gone < this.#changes.length && this.#changes[this.#gone].revision === revision) this.#drop();
    }
    if (this.#gone < SWEEP_FROM || this.#gone < this.#changes.length / 2) return;
    this.#changes.splice(0, this.#gone);
    this.#base += this.#gone;
    this.#gone = 0;
  }

  #drop(): void {
    const change = this.#changes[this.#gone];
    const place = this.#base + this.#gone;
    if (change.key !== undefined && this.#newest.get(change.key) === place) this.#newest.delete(change.key);
    if (this.#clears[0] === place) this.#clears.shift();
    this.#bytes -= sizeOf(change);
    this.#gone += 1;
  }

  #tell(): void {
    if (this.#isDue || this.#listeners.size === 0) return;
    this.#isDue = true;
    // A record is applied in one go, so this runs behind it.
    queueMicrotask(() => {
      this.#isDue = false;
      for (const listener of [...this.#listeners]) listener();
    });
  }
}

function sizeOf({ key = "", value = "", contentType }: Change): number {
  return CHANGE_BYTES + key.length + value.length + contentType.length;
}

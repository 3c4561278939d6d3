// All keys and what they hold: the state of a key-value store. Owns lookups, changes and expiry.
// Deterministic: its time is told (`advance`), it has no chance, and equal histories give equal states, orders included.
// Must never show a key whose time is over, nor change what a snapshot shows.
import { SnapshotMap } from "@tailrace/replica";
import { type Entry, NEVER } from "./entry.ts";
import { ExpiryOrder } from "./expiry-order.ts";
import { KeyTable } from "./key-table.ts";
import { ABSENT } from "./revision.ts";
import { ScanOrder } from "./scan-order.ts";
import { bytesOf, type Counted, Totals } from "./totals.ts";
import type { Collection, Value } from "./value.ts";

interface Kept extends Counted {
  value: Value;
  expiresAtMs: number;
  contentType: string;
  revision: number;
  /** The freeze after which it was made; snapshots of later ones may show it. */
  readonly era: number;
}

/** What a keyspace tells its surroundings, for each change at once; must change nothing. */
export interface KeyspaceListener {
  /** The key was set, changed or removed, or has expired. */
  touched(key: string): void;
  /** All keys are gone. */
  cleared(): void;
}

export class Keyspace {
  readonly #entries = new SnapshotMap<string, Kept>([], new KeyTable());
  readonly #expiryOrder = new ExpiryOrder((key) => this.#entries.get(key)?.expiresAtMs);
  readonly #scanOrder: ScanOrder;
  /** Keys that have an expiry. */
  #expiring = 0;
  readonly #totals = new Totals();
  /** Freezes so far, and how many of them are still read. */
  #era = 0;
  #frozen = 0;
  #nowMs = 0;
  #listener: KeyspaceListener | undefined;
  /** What changes from now on bears this. Set by who applies commands. */
  revision = ABSENT;

  constructor(nextOrdinal = 1) {
    this.#scanOrder = new ScanOrder((key) => this.#entries.get(key)?.ordinal, nextOrdinal);
  }

  /** How many keys there are. */
  get size(): number {
    return this.#entries.size;
  }

  /** How many of them have an expiry. */
  get expiring(): number {
    return this.#expiring;
  }

  /** What all of it takes in memory, estimated. */
  get bytes(): number {
    return this.#totals.bytes;
  }

  /** The log's time, as far as records tell: never goes back. */
  get nowMs(): number {
    return this.#nowMs;
  }

  /** The earliest moment at which a key expires; undefined if none does. */
  get nextExpiryMs(): number | undefined {
    return this.#expiryOrder.next();
  }

  /** Differs when what is in it differs. */
  get digest(): readonly number[] {
    return [this.size, this.bytes, this.#nowMs, this.#scanOrder.next, this.#totals.sum];
  }

  listen(listener: KeyspaceListener | undefined): void {
    this.#listener = listener;
  }

  /** Time is `nowMs` or later: removes what has expired. */
  advance(nowMs: number): void {
    this.#nowMs = Math.max(this.#nowMs, nowMs);
    for (let key = this.#expiryOrder.due(this.#nowMs); key !== undefined; key = this.#expiryOrder.due(this.#nowMs)) {
      this.remove(key);
    }
  }

  /** What the key has now; to be read only. */
  get(key: string): Entry | undefined {
    return this.#entries.get(key);
  }

  /** What the key takes in memory, estimated; undefined if it is not there. */
  bytesOf(key: string): number | undefined {
    const entry = this.#entries.get(key);
    return entry && bytesOf(key, entry);
  }

  /** Of the key's last change; `ABSENT` if it is not there. */
  revisionOf(key: string): number {
    return this.#entries.get(key)?.revision ?? ABSENT;
  }

  /** Sets the key, whatever it was. A moment that has passed removes it. */
  set(key: string, value: Value, expiresAtMs = NEVER, contentType = ""): void {
    if (expiresAtMs <= this.#nowMs) {
      this.remove(key);
      return;
    }
    const entry = this.#entries.get(key);
    if (entry === undefined) {
      const { revision } = this;
      this.#add(key, { value, expiresAtMs, contentType, revision, ordinal: this.#scanOrder.add(key) });
    } else this.#edit(key, entry, value, expiresAtMs, contentType);
    this.#listener?.touched(key);
  }

  /**
   * Changes a collection in place: the key's own, or where there is none, what `create` gives. `change` gets it, and may give
   * back anything. `changed` tells from that whether anything is another now: if not, the revision stays. A collection left
   * empty is removed. The key must hold no other type.
   */
  change<C extends Collection, R>(
    key: string,
    create: () => C,
    change: (collection: C) => R,
    changed: (result: R) => boolean = () => true,
  ): R {
    const entry = this.#entries.get(key);
    if (entry === undefined) {
      const created = create();
      const result = change(created);
      if (created.size > 0) this.set(key, created);
      return result;
    }
    // The caller has looked at the type.
    const collection = (this.#isShown(entry) ? (entry.value as C).clone() : entry.value) as C;
    this.#totals.take(key, entry);
    const result = change(collection);
    const isChanged = changed(result);
    const own = isChanged ? this.#ownEntry(key, entry) : entry;
    if (isChanged) {
      own.value = collection;
      own.revision = this.revision;
    }
    this.#totals.put(key, own);
    if (isChanged) {
      if (collection.size === 0) this.remove(key);
      else this.#listener?.touched(key);
    }
    return result;
  }

  /** Whether there was such a key. */
  remove(key: string): boolean {
    const entry = this.#entries.get(key);
    if (entry === undefined) return false;
    this.#totals.take(key, entry);
    if (entry.expiresAtMs !== NEVER) this.#expiring -= 1;
    this.#entries.delete(key);
    this.#scanOrder.removed();
    this.#listener?.touched(key);
    return true;
  }

  /** Gives a key that is there another expiry; a moment that has passed removes it. */
  expire(key: string, expiresAtMs: number): void {
    const entry = this.#entries.get(key);
    if (entry === undefined) return;
    if (expiresAtMs <= this.#nowMs) {
      this.remove(key);
      return;
    }
    this.#edit(key, entry, entry.value, expiresAtMs, entry.contentType);
    this.#listener?.touched(key);
  }

  /** What `from`, which is there, holds is held by `to` instead, expiry included. */
  rename(from: string, to: string): void {
    const entry = this.#entries.get(from);
    if (entry === undefined || from === to) return;
    const { value, expiresAtMs, contentType } = entry;
    const own = typeof value !== "string" && this.#isShown(entry) ? value.clone() : value;
    this.remove(from);
    this.set(to, own, expiresAtMs, contentType);
  }

  /** Removes everything. */
  clear(): void {
    for (const [key] of [...this.#entries]) this.#entries.delete(key);
    this.#scanOrder.clear();
    this.#totals.clear();
    this.#expiring = 0;
    this.#listener?.cleared();
  }

  /** All keys, in the order in which they came. Not while anything changes. */
  *keys(): Generator<string> {
    for (const [key] of this.#entries) yield key;
  }

  /** Up to `count` keys of a SCAN. */
  scan(cursor: number, count: number): { readonly items: string[]; readonly cursor: number } {
    return this.#scanOrder.page(cursor, count);
  }

  /** Some key, by a number in [0, 1). */
  pick(fraction: number): string | undefined {
    return this.#scanOrder.pick(fraction);
  }

  /** What a copy must be made with to go on as this does. */
  get nextOrdinal(): number {
    return this.#scanOrder.next;
  }

  /** All entries as they are at this moment, whenever they are taken; to be taken to the end, or left (`return`). */
  freeze(): IterableIterator<readonly [key: string, entry: Entry]> {
    this.#era += 1;
    this.#frozen += 1;
    let over = false;
    const end = (): void => {
      if (!over) this.#frozen -= 1;
      over = true;
    };
    const entries = this.#entries.freeze();
    return {
      next: () => {
        const item = entries.next();
        if (item.done === true) end();
        return item;
      },
      return: () => {
        end();
        return entries.return?.() ?? { done: true, value: undefined };
      },
      [Symbol.iterator]() {
        return this;
      },
    };
  }

  /** An entry as `freeze` of another keyspace gave it, in that order; nothing else may come between. False for a key that came
   * before: then this must not be used any more. */
  load(key: string, entry: Entry): boolean {
    const { size } = this;
    this.#scanOrder.load(key, entry.ordinal);
    this.#add(key, entry);
    // Each look for a key costs as much as all the rest.
    return this.size > size;
  }

  #add(key: string, { value, expiresAtMs, contentType, revision, ordinal }: Entry): void {
    const entry: Kept = { value, expiresAtMs, contentType, revision, ordinal, sum: 0, era: this.#era };
    this.#entries.set(key, entry);
    this.#totals.put(key, entry);
    if (expiresAtMs !== NEVER) this.#expires(key, expiresAtMs, 1);
  }

  /** Sets what an entry holds. */
  #edit(key: string, entry: Kept, value: Value, expiresAtMs: number, contentType: string): void {
    this.#totals.take(key, entry);
    const own = this.#ownEntry(key, entry);
    const before = own.expiresAtMs;
    own.value = value;
    own.expiresAtMs = expiresAtMs;
    own.contentType = contentType;
    own.revision = this.revision;
    this.#totals.put(key, own);
    if (expiresAtMs === before) return;
    const more = (expiresAtMs === NEVER ? 0 : 1) - (before === NEVER ? 0 : 1);
    if (expiresAtMs === NEVER) this.#expiring += more;
    else this.#expires(key, expiresAtMs, more);
  }

  #expires(key: string, atMs: number, more: number): void {
    this.#expiring += more;
    this.#expiryOrder.add(key, atMs, this.#expiring);
  }

  #isShown(entry: Kept): boolean {
    return this.#frozen > 0 && entry.era < this.#era;
  }

  /** The entry, or a copy in its place where a snapshot shows it. */
  #ownEntry(key: string, entry: Kept): Kept {
    if (!this.#isShown(entry)) return entry;
    const copy: Kept = { ...entry, era: this.#era };
    this.#entries.set(key, copy);
    return copy;
  }
}

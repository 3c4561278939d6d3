// The simulated object store itself: what is durable in the world, whoever is alive. Consistent at every instant, as the design
// requires of a store; everything unpleasant happens on the way to it (`bucket-client.ts`) or to its disks (`rot`).
import { MAX_LIST_KEYS } from "@tailrace/engine/object-store";
import type { Chance } from "./chance.ts";
import { Lane } from "./scheduler.ts";

/** Damage that was done to one object. */
export interface Rot {
  readonly key: string;
  readonly what: string;
}

export class Bucket {
  readonly lane = new Lane("bucket");
  /** True when a lock lets one process at a time use it, and nothing of a dead process arrives any more: a disk. */
  readonly exclusive: boolean;
  /** Whose lock it is, where it is exclusive. */
  holder: Lane | undefined;
  /** Requests that arrived so far. */
  requests = 0;
  readonly #objects = new Map<string, Uint8Array>();
  /** Objects of the log as they first came to stand, those that were collected included: for whoever judges a run. */
  readonly logged = new Map<string, Uint8Array>();
  /** All keys in order, made when first needed after a change. */
  #sortedKeys: string[] | undefined;

  constructor(exclusive: boolean) {
    this.exclusive = exclusive;
  }

  get(key: string): Uint8Array | undefined {
    return this.#objects.get(key);
  }

  /** False when an object is there. */
  putIfAbsent(key: string, bytes: Uint8Array): boolean {
    if (this.#objects.has(key)) return false;
    this.put(key, bytes);
    return true;
  }

  put(key: string, bytes: Uint8Array): void {
    if (!this.#objects.has(key)) this.#sortedKeys = undefined;
    this.#objects.set(key, bytes);
    if (key.includes("/wal/") && !this.logged.has(key)) this.logged.set(key, bytes);
  }

  delete(key: string): void {
    if (this.#objects.delete(key)) this.#sortedKeys = undefined;
  }

  get keys(): readonly string[] {
    // Keys are ASCII, so the order of UTF-16 units is the order of bytes.
    this.#sortedKeys ??= [...this.#objects.keys()].sort();
    return this.#sortedKeys;
  }

  list(prefix: string, after: string): string[] {
    return this.keys.filter((key) => key.startsWith(prefix) && key > after).slice(0, MAX_LIST_KEYS);
  }

  /** Damages one of `keys`: flips a bit, or cuts the end off. */
  rot(keys: readonly string[], chance: Chance): Rot | undefined {
    if (keys.length === 0) return undefined;
    const key = chance.pick(keys);
    const bytes = this.#objects.get(key);
    if (bytes === undefined || bytes.length === 0) return undefined;
    if (chance.happens(0.1)) {
      this.put(key, bytes.slice(0, chance.between(0, bytes.length - 1)));
      return { key, what: "its end is gone" };
    }
    const damaged = Uint8Array.from(bytes);
    const bit = chance.between(0, 8 * bytes.length - 1);
    damaged[bit >> 3] ^= 1 << (bit & 7);
    this.put(key, damaged);
    return { key, what: `bit ${bit} of ${8 * bytes.length} is flipped` };
  }
}

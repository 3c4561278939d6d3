// A chunk while it lives in memory: gathering entries, in flight, or durable and cached.
// Its bytes are bound to one place for good; what follows from its becoming durable waits here in order.
import { crc32 } from "node:zlib";
import { CHUNK_HEADER_BYTES } from "./chunk-format.ts";
import type { Instant } from "./lease.ts";

/** What happens once a chunk is durable, in the order in which its entries were sequenced. */
export interface Effect {
  /** Called once, when the chunk and all before it are durable. */
  apply(): void;
  /** Called at most once, when the outcome will not be known in time; `apply` may still follow. */
  fail(error: Error): void;
}

/** A contiguous piece of a chunk's content. */
export interface ChunkPart {
  readonly slab: Uint8Array;
  readonly start: number;
  end: number;
  /** Offset of `start` in the object. */
  readonly objectOffset: number;
}

export class Chunk {
  readonly place: number;
  readonly parts: ChunkPart[] = [];
  contentBytes = 0;
  entryCount = 0;
  contentCrc = 0;
  /** Earliest time at which an entry wants to go out, monotonic. */
  deadlineMs = Number.POSITIVE_INFINITY;
  /** When the oldest of those who still wait came in, monotonic. */
  waitingSinceMs = Number.POSITIVE_INFINITY;
  /** Start of the first attempt to put it; a retry does not move it. */
  firstAttempt: Instant | undefined;
  state: "open" | "in-flight" | "stored" | "durable" = "open";
  readonly #effects: Effect[] = [];
  /** Those who only want to know when it is durable. Once told that it takes too long, they are gone, and a store that is away for hours gathers none of them. */
  #waiters: { readonly resolve: () => void; readonly reject: (error: Error) => void }[] = [];
  /** Effects before this index have been failed already. */
  #failedEffects = 0;

  constructor(place: number) {
    this.place = place;
  }

  /** The object's length. */
  get objectBytes(): number {
    return CHUNK_HEADER_BYTES + this.contentBytes;
  }

  /** Counts a sealed entry in. */
  addEntryCrc(slab: Uint8Array, entryOffset: number): void {
    this.contentCrc = crc32(slab.subarray(entryOffset, entryOffset + 4), this.contentCrc);
    this.entryCount += 1;
  }

  addEffect(effect: Effect): void {
    this.#effects.push(effect);
  }

  /** Resolves once this chunk is durable; rejects when its outcome will not be known in time. */
  whenDurable(): Promise<void> {
    if (this.state === "durable") return Promise.resolve();
    return new Promise((resolve, reject) => this.#waiters.push({ resolve, reject }));
  }

  get waiters(): number {
    return this.#waiters.length;
  }

  /** Everything in here is durable, and so is all before it. */
  settle(): void {
    this.state = "durable";
    for (const effect of this.#effects) effect.apply();
    this.#effects.length = 0;
    for (const waiter of this.#waiters) waiter.resolve();
    this.#waiters = [];
  }

  /** The outcome is unknown: those who wait by now are told, while the put goes on. */
  fail(error: Error): void {
    for (; this.#failedEffects < this.#effects.length; this.#failedEffects += 1)
      this.#effects[this.#failedEffects].fail(error);
    for (const waiter of this.#waiters) waiter.reject(error);
    this.#waiters = [];
    this.waitingSinceMs = Number.POSITIVE_INFINITY;
  }

  /** The part that holds the object's byte `offset`. */
  partAt(offset: number): ChunkPart | undefined {
    for (const part of this.parts) {
      if (offset >= part.objectOffset && offset < part.objectOffset + (part.end - part.start)) return part;
    }
    return undefined;
  }
}

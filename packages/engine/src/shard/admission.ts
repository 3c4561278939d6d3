// Which append may be sequenced now: bytes in flight are bounded for the process, and each stream has a share of them.
// When there is no room, streams that wait take turns, so that none starves another. Knows no stream, only keys.
import { EngineError } from "../errors.ts";

export interface AdmissionLimits {
  readonly totalBytes: number;
  readonly perStreamBytes: number;
  readonly waitingBytes: number;
}

interface Waiter {
  readonly bytes: number;
  readonly admit: () => void;
}

/** First in, first out. Taking one costs the same however many wait. */
class WaitingLine {
  #waiters: (Waiter | undefined)[] = [];
  #first = 0;

  get first(): Waiter | undefined {
    return this.#waiters[this.#first];
  }

  push(waiter: Waiter): void {
    this.#waiters.push(waiter);
  }

  takeFirst(): void {
    // It must not hold on to what the one who was taken holds.
    this.#waiters[this.#first] = undefined;
    this.#first += 1;
    if (2 * this.#first < this.#waiters.length) return;
    this.#waiters = this.#waiters.slice(this.#first);
    this.#first = 0;
  }
}

interface Share {
  usedBytes: number;
  readonly waiters: WaitingLine;
}

export class Admission<Key extends object> {
  readonly #limits: AdmissionLimits;
  /** Streams with something in flight or waiting. */
  readonly #shares = new Map<Key, Share>();
  /** Streams with waiters that their own share does not hold back, in the order of their turns. */
  readonly #turns = new Set<Key>();
  #usedBytes = 0;
  #waitingBytes = 0;
  #admitting = false;

  constructor(limits: AdmissionLimits) {
    this.#limits = limits;
  }

  get usedBytes(): number {
    return this.#usedBytes;
  }

  get waitingBytes(): number {
    return this.#waitingBytes;
  }

  /** Takes room if there is some and nobody of this stream waits for it. */
  tryAdmit(key: Key, bytes: number): boolean {
    const share = this.#shares.get(key);
    if (this.#turns.size > 0 || !this.#hasRoom(share?.usedBytes ?? 0, bytes) || share?.waiters.first !== undefined)
      return false;
    this.#take(key, share, bytes);
    return true;
  }

  /** Calls `admit` once there is room, in order within the stream; room is taken by then. Throws `hot_server` when too much waits already. */
  wait(key: Key, bytes: number, admit: () => void): void {
    if (this.#waitingBytes + bytes > this.#limits.waitingBytes) {
      throw new EngineError("hot_server", "too many appends are waiting for the object store");
    }
    let share = this.#shares.get(key);
    if (share === undefined) {
      share = { usedBytes: 0, waiters: new WaitingLine() };
      this.#shares.set(key, share);
    }
    share.waiters.push({ bytes, admit });
    this.#waitingBytes += bytes;
    this.#turns.add(key);
    this.#admitWaiting();
  }

  /** Gives back what an append took. */
  release(key: Key, bytes: number): void {
    const share = this.#shares.get(key);
    if (share === undefined || share.usedBytes < bytes) throw new Error("more append bytes released than were taken");
    share.usedBytes -= bytes;
    this.#usedBytes -= bytes;
    if (share.waiters.first !== undefined) this.#turns.add(key);
    else if (share.usedBytes === 0) this.#shares.delete(key);
    if (this.#turns.size > 0) this.#admitWaiting();
  }

  /** Something larger than a share may go alone. */
  #hasRoom(usedByStream: number, bytes: number): boolean {
    const inShare = usedByStream === 0 || usedByStream + bytes <= this.#limits.perStreamBytes;
    return inShare && (this.#usedBytes === 0 || this.#usedBytes + bytes <= this.#limits.totalBytes);
  }

  #take(key: Key, share: Share | undefined, bytes: number): void {
    if (share === undefined) this.#shares.set(key, { usedBytes: bytes, waiters: new WaitingLine() });
    else share.usedBytes += bytes;
    this.#usedBytes += bytes;
  }

  /** Who is let in may give its room back at once: the loop under way goes on with that, however often it happens. */
  #admitWaiting(): void {
    if (this.#admitting) return;
    this.#admitting = true;
    try {
      this.#admitInTurn();
    } finally {
      this.#admitting = false;
    }
  }

  #admitInTurn(): void {
    for (const key of this.#turns) {
      const share = this.#shares.get(key);
      const next = share?.waiters.first;
      if (share === undefined || next === undefined) {
        this.#turns.delete(key);
        continue;
      }
      if (!this.#hasRoom(share.usedBytes, next.bytes)) {
        // Held back by its own share: its turn comes with its own release. Held back by the total: it keeps its turn.
        if (share.usedBytes !== 0 && share.usedBytes + next.bytes > this.#limits.perStreamBytes)
          this.#turns.delete(key);
        else return;
        continue;
      }
      share.waiters.takeFirst();
      this.#waitingBytes -= next.bytes;
      this.#take(key, share, next.bytes);
      // To the end of the line: a Set iterates what is added while it is iterated.
      this.#turns.delete(key);
      if (share.waiters.first !== undefined) this.#turns.add(key);
      next.admit();
    }
  }
}

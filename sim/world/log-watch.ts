// Looks at what owners put into the log as it leaves them, and holds it to the rules that a correct run seldom shows the want of: a place is
// offered one content for ever, nothing goes out beyond the window, what has failed is not sent again without a pause. Changes nothing.
import type { Bucket } from "./bucket.ts";
import type { Lane } from "./scheduler.ts";

/** Attempts at one place within a second, at most: pauses grow from 20 ms on. */
const MAX_ATTEMPTS_A_SECOND = 8;
const SECOND_MS = 1_000;

interface Offer {
  readonly bytes: Uint8Array;
  /** When it was sent lately. */
  readonly attemptsMs: number[];
}

export class LogWatch {
  readonly #bucket: Bucket;
  readonly #onViolation: (what: string) => void;
  readonly #offers = new Map<Lane, Map<string, Offer>>();
  /** By process: places that it offered, and that were not seen filled yet. */
  readonly #unfilled = new Map<Lane, Set<number>>();
  /** Who filled a place. What is collected later counts as filled for ever. */
  readonly #authors = new Map<string, Lane>();
  readonly #filled = new Map<Lane, number>();
  #window: number | undefined;

  constructor(bucket: Bucket, onViolation: (what: string) => void) {
    this.#bucket = bucket;
    this.#onViolation = onViolation;
  }

  /** A process sends an object on its way. */
  offered(process: Lane, key: string, bytes: Uint8Array, nowMs: number): void {
    const place = placeOf(key);
    if (place === undefined) return;
    // Looked up at the first put: later it may have rotted.
    this.#windowOf();
    const offers = this.#offers.get(process) ?? new Map<string, Offer>();
    this.#offers.set(process, offers);
    const offer = offers.get(key) ?? { bytes, attemptsMs: [] };
    offers.set(key, offer);
    if (Buffer.compare(offer.bytes, bytes) !== 0)
      this.#onViolation(`${process.name} offers other bytes than before for ${key}`);
    while (offer.attemptsMs.length > 0 && offer.attemptsMs[0] <= nowMs - SECOND_MS) offer.attemptsMs.shift();
    offer.attemptsMs.push(nowMs);
    if (offer.attemptsMs.length === MAX_ATTEMPTS_A_SECOND + 1)
      this.#onViolation(`${process.name} tries to put ${key} more than ${MAX_ATTEMPTS_A_SECOND} times within a second`);
    this.#holdToWindow(process, place);
  }

  /** An owner acknowledges in order: what it was never told of cannot be acknowledged, and holds up all that is a window behind it. */
  #holdToWindow(process: Lane, place: number): void {
    const unfilled = this.#unfilled.get(process) ?? new Set<number>();
    this.#unfilled.set(process, unfilled);
    for (const before of unfilled) {
      if (this.#authors.has(keyOf(before))) unfilled.delete(before);
      else if (before + this.#windowOf() <= place)
        this.#onViolation(`${process.name} puts place ${place} of its log although place ${before} is empty`);
    }
    unfilled.add(place);
  }

  #windowOf(): number {
    if (this.#window === undefined) {
      const deployment: unknown = JSON.parse(Buffer.from(this.#bucket.get("deployment.json") ?? "{}").toString());
      const window = (deployment as { readonly window?: unknown }).window;
      if (typeof window !== "number") throw new Error("a log is written where nothing is deployed");
      this.#window = window;
    }
    return this.#window;
  }

  /** An object has come to stand in the bucket. */
  landed(process: Lane, key: string): void {
    if (placeOf(key) === undefined) return;
    this.#authors.set(key, process);
    this.#filled.set(process, this.filledBy(process) + 1);
  }

  /** How many places of the log a process has filled. */
  filledBy(process: Lane): number {
    return this.#filled.get(process) ?? 0;
  }

  /** The process whose object stands in a place of the log, or stood there. */
  authorOf(place: number): Lane | undefined {
    return this.#authors.get(keyOf(place));
  }
}

const WAL = "shards/0/wal/";
const DIGITS = 16;

function keyOf(place: number): string {
  return WAL + String(place).padStart(DIGITS, "0");
}

function placeOf(key: string): number | undefined {
  return key.startsWith(WAL) ? Number(key.slice(WAL.length)) : undefined;
}

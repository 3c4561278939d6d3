// The only way from the engine to the world: clock, timers, randomness, work for threads.
// Owns the interface alone. The system's implementation is in `system.ts`, a virtual one for tests in `virtual.ts`.
// Nothing else in the engine, and no request handler of the server, may name Date.now, setTimeout, Math.random, fs or net.

import type { AeadJob, AeadOpened } from "./aead.ts";
import type { BranchCounts } from "./branches.ts";

/** Milliseconds on a clock. Monotonic and wall-clock readings are both of this type; never mix the two. */
export type Milliseconds = number;

/** A pending timer; give it to `Timers.clear`. */
export interface TimerHandle {
  readonly timerId: unknown;
}

export interface Clock {
  /** Milliseconds on a clock that never goes back; fractions allowed. Only differences mean anything. */
  monotonicMs(): Milliseconds;
  /** Whole milliseconds since the Unix epoch. May jump. */
  wallMs(): Milliseconds;
}

export interface Timers {
  /** Calls `callback` once, `delayMs` from now. A pending timer does not keep the process alive. */
  set(delayMs: Milliseconds, callback: () => void): TimerHandle;
  clear(timer: TimerHandle): void;
  /** Calls `callback` once what is ready now has run (the end of this turn of the event loop). */
  immediate(callback: () => void): void;
}

export interface Random {
  /** `length` bytes, unpredictable in production, seeded in simulation. */
  bytes(length: number): Uint8Array;
  /** A number in [0, 1). */
  fraction(): number;
}

export type Compression = "zstd" | "gzip";

/** Work that would block the event loop, handed to threads. */
export interface Threads {
  compress(compression: Compression, bytes: Uint8Array): Promise<Uint8Array>;
  /** Rejects with `InflateError` when the bytes do not inflate, or to more than `maxBytes`. */
  decompress(compression: Compression, bytes: Uint8Array, maxBytes: number): Promise<Uint8Array>;
  /** Answers `job.sealed` with ciphertexts and tags filled in. Its memory must be the job's own: it may be handed over and come back as another array. */
  seal(job: AeadJob): Uint8Array | Promise<Uint8Array>;
  /** Answers `job.plain` with the texts filled in, as far as the messages are authentic. The memory of both must be the job's own. */
  open(job: AeadJob): AeadOpened | Promise<AeadOpened>;
}

/** Bytes that cannot be inflated (`corrupt`), or whose inflated form is over the caller's limit (`too-large`). */
export class InflateError extends Error {
  readonly reason: "corrupt" | "too-large";
  constructor(reason: "corrupt" | "too-large", message: string) {
    super(message);
    this.name = "InflateError";
    this.reason = reason;
  }
}

export interface Runtime {
  readonly clock: Clock;
  readonly timers: Timers;
  readonly random: Random;
  readonly threads: Threads;
  /** Where rare branches are counted. */
  readonly branches: BranchCounts;
}

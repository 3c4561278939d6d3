// The runtime of one simulated process: the production engine's only way to the world, and the world is the scheduler.
// Its clocks drift, each by itself, its wall clock jumps, and its monotonic clock stands still while its machine is suspended.
import {
  AEAD_CIPHERS,
  type AeadJob,
  type BranchCounts,
  type Clock,
  type Random,
  type Runtime,
  type Threads,
  type Timers,
  VirtualRuntime,
} from "@tailrace/engine/runtime";
import type { Chance } from "./chance.ts";
import type { Drift } from "./drift.ts";
import type { Lane, Scheduler, SimEvent } from "./scheduler.ts";

/** 2026-01-01T00:00:00Z. */
const WALL_EPOCH_MS = 1_767_225_600_000;
/** How long work takes on a thread, mostly. */
const THREAD_MS = 1;

/** A record that was sealed: by its nonce it is found again wherever it stands. */
export interface Sealing {
  readonly nonce: Uint8Array;
  readonly plain: Uint8Array;
}

/** Computes on the spot. */
const { threads: inline } = new VirtualRuntime({ seed: 0 });

export class ProcessRuntime implements Runtime {
  readonly clock: Clock;
  readonly timers: Timers;
  readonly random: Random;
  readonly threads: Threads;
  readonly branches: BranchCounts;
  /** How much the wall clock has jumped. */
  wallOffsetMs = 0;
  #suspendedMs = 0;
  readonly #pending = new Set<SimEvent>();

  /** `sealings`: takes note of what is sealed. */
  constructor(
    scheduler: Scheduler,
    lane: Lane,
    chance: Chance,
    drift: Drift,
    branches: BranchCounts,
    sealings: Sealing[],
  ) {
    this.branches = branches;
    const { monotonicRate: rate } = drift;
    // Every machine has been up for a time of its own.
    const upMs = chance.between(0, 1_000_000);
    this.clock = {
      monotonicMs: () => upMs + (scheduler.nowMs - this.#suspendedMs) * rate,
      wallMs: () =>
        WALL_EPOCH_MS + Math.floor(scheduler.nowMs + drift.wallErrorMs(scheduler.nowMs)) + this.wallOffsetMs,
    };
    this.timers = {
      set: (delayMs, callback) => {
        const event = scheduler.after(
          Math.ceil(delayMs / rate),
          lane,
          "timer",
          () => {
            this.#pending.delete(event);
            callback();
          },
          true,
        );
        this.#pending.add(event);
        return { timerId: event };
      },
      clear: (timer) => {
        const event = timer.timerId as SimEvent; // Made by `set` above.
        if (this.#pending.delete(event)) scheduler.cancel(event);
      },
      immediate: (callback) => {
        scheduler.after(0, lane, "immediate", callback);
      },
    };
    this.random = {
      bytes: (length) => {
        const bytes = new Uint8Array(length);
        for (let i = 0; i < length; i += 1) bytes[i] = chance.word();
        return bytes;
      },
      fraction: () => chance.fraction(),
    };
    const onThread = async <T>(work: () => Promise<T>): Promise<T> => {
      await scheduler.pause(chance.delayMs(THREAD_MS), lane, "thread");
      return work();
    };
    this.threads = {
      compress: (compression, bytes) => onThread(() => inline.compress(compression, bytes)),
      decompress: (compression, bytes, maxBytes) => onThread(() => inline.decompress(compression, bytes, maxBytes)),
      seal: (job) => {
        sealings.push(...sealingsOf(job));
        return onThread(async () => inline.seal(job));
      },
      open: (job) => onThread(async () => inline.open(job)),
    };
  }

  /** Timers not fired yet. */
  get pendingTimers(): number {
    return this.#pending.size;
  }

  /** The machine slept: the monotonic clock did not move. */
  suspended(ms: number): void {
    this.#suspendedMs += ms;
  }
}

function sealingsOf({ cipher, clearBytes, sealed, sealedSpans, plain, plainSpans }: AeadJob): Sealing[] {
  return Array.from({ length: plainSpans.length / 2 }, (_, i) => {
    const at = sealedSpans[2 * i] + clearBytes;
    return {
      nonce: sealed.slice(at, at + AEAD_CIPHERS[cipher].nonceBytes),
      plain: plain.slice(plainSpans[2 * i], plainSpans[2 * i + 1]),
    };
  });
}

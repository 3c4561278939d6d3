// A runtime whose time stands still until told to pass, and whose chances follow from a seed: for tests and simulation.
// Two runs with one seed and the same calls are the same run. Never reads a real clock, never waits for real time.
import { gunzipSync, gzipSync, zstdCompressSync, zstdDecompressSync } from "node:zlib";
import { type AeadJob, openMessages, sealMessages } from "./aead.ts";
import { BranchCounts } from "./branches.ts";
import type { Clock, Compression, Milliseconds, Random, Runtime, Threads, TimerHandle, Timers } from "./runtime.ts";
import { COMPRESS_OPTIONS, decompressOptions, inflatesTooLarge, toInflateError } from "./system.ts";

export interface VirtualRuntimeOptions {
  /** Any integer; only its low 32 bits count. */
  readonly seed: number;
  /** What the wall clock shows at first. */
  readonly wallMs?: Milliseconds;
}

/** 2026-01-01T00:00:00Z: any date that looks like one. */
const DEFAULT_WALL_MS = Date.UTC(2026, 0, 1);
/** More timers than this without time passing between them is a loop that would never end. */
const MAX_TIMERS_AT_ONE_INSTANT = 100_000;
/** How much virtual time `until` lets pass when not told: an hour is longer than any time-out of ours. */
const DEFAULT_UNTIL_MS = 3_600_000;

interface VirtualTimer extends TimerHandle {
  readonly timerId: number;
  readonly dueMs: Milliseconds;
  readonly callback: () => void;
}

export class VirtualRuntime implements Runtime {
  readonly clock: Clock;
  readonly timers: Timers;
  readonly random: Random;
  readonly threads: Threads = inlineThreads;
  readonly branches = new BranchCounts();
  #nowMs: Milliseconds = 0;
  #wallOffsetMs: Milliseconds;
  /** By due time, then in the order in which they were set. */
  readonly #pending: VirtualTimer[] = [];
  #immediates: (() => void)[] = [];
  #nextTimerId = 1;

  constructor(options: VirtualRuntimeOptions) {
    this.#wallOffsetMs = options.wallMs ?? DEFAULT_WALL_MS;
    this.clock = {
      monotonicMs: () => this.#nowMs,
      wallMs: () => Math.floor(this.#nowMs + this.#wallOffsetMs),
    };
    this.timers = {
      set: (delayMs, callback) => this.#set(delayMs, callback),
      clear: (timer) => this.#clear(timer),
      immediate: (callback) => {
        this.#immediates.push(callback);
      },
    };
    this.random = seededRandom(options.seed);
  }

  /** Timers not fired yet. */
  get pendingTimers(): number {
    return this.#pending.length;
  }

  /** Moves the wall clock alone, forwards or back. */
  jumpWallClock(byMs: Milliseconds): void {
    this.#wallOffsetMs += byMs;
  }

  /** Lets promise jobs and immediates run until there are none left. No time passes, and no timer fires. */
  async settle(): Promise<void> {
    do {
      const immediates = this.#immediates;
      this.#immediates = [];
      for (const callback of immediates) {
        callback();
        await drainPromiseJobs();
      }
      await drainPromiseJobs();
    } while (this.#immediates.length > 0);
  }

  /** Lets `ms` pass: fires what falls due, in order and each at its own time, with everything settled in between. */
  async advance(ms: Milliseconds): Promise<void> {
    const targetMs = this.#nowMs + ms;
    await this.settle();
    await this.#fireUpTo(targetMs, () => false);
    this.#nowMs = Math.max(this.#nowMs, targetMs);
  }

  /** Lets time pass from timer to timer until `promise` is settled, and answers or rejects as it does. Rejects when `limitMs`
   * would pass, or when nothing is left that could settle it. */
  async until<T>(promise: Promise<T>, limitMs: Milliseconds = DEFAULT_UNTIL_MS): Promise<T> {
    let settled = false;
    const mark = () => {
      settled = true;
    };
    promise.then(mark, mark);
    await this.settle();
    await this.#fireUpTo(this.#nowMs + limitMs, () => settled);
    if (!settled) throw new Error(`still pending at ${this.#nowMs} ms, with ${this.#pending.length} timers left`);
    return promise;
  }

  async #fireUpTo(targetMs: Milliseconds, enough: () => boolean): Promise<void> {
    let firedAtThisInstant = 0;
    while (!enough()) {
      const timer = this.#pending[0];
      if (timer === undefined || timer.dueMs > targetMs) return;
      this.#pending.shift();
      firedAtThisInstant = timer.dueMs > this.#nowMs ? 0 : firedAtThisInstant + 1;
      if (firedAtThisInstant > MAX_TIMERS_AT_ONE_INSTANT) throw new Error(`timers without end at ${this.#nowMs} ms`);
      this.#nowMs = Math.max(this.#nowMs, timer.dueMs);
      timer.callback();
      await this.settle();
    }
  }

  #set(delayMs: Milliseconds, callback: () => void): TimerHandle {
    const timer: VirtualTimer = { timerId: this.#nextTimerId++, dueMs: this.#nowMs + Math.max(0, delayMs), callback };
    let index = this.#pending.length;
    while (index > 0 && this.#pending[index - 1].dueMs > timer.dueMs) index--;
    this.#pending.splice(index, 0, timer);
    return timer;
  }

  #clear(timer: TimerHandle): void {
    const index = this.#pending.findIndex((pending) => pending.timerId === timer.timerId);
    if (index >= 0) this.#pending.splice(index, 1);
  }
}

/** A turn of the real event loop: by its end, every promise job has run. */
function drainPromiseJobs(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

const inlineThreads: Threads = {
  // What uses AEGIS-256 loads it first: loading takes real time, which must not pass inside a run.
  seal(job: AeadJob): Uint8Array {
    sealMessages(job);
    return job.sealed;
  },
  open(job: AeadJob) {
    return { plain: job.plain, opened: openMessages(job) };
  },
  async compress(compression: Compression, bytes: Uint8Array): Promise<Uint8Array> {
    return compression === "zstd"
      ? zstdCompressSync(bytes, COMPRESS_OPTIONS.zstd)
      : gzipSync(bytes, COMPRESS_OPTIONS.gzip);
  },
  async decompress(compression: Compression, bytes: Uint8Array, maxBytes: number): Promise<Uint8Array> {
    const options = decompressOptions(compression, maxBytes);
    let inflated: Uint8Array;
    try {
      inflated = compression === "zstd" ? zstdDecompressSync(bytes, options) : gunzipSync(bytes, options);
    } catch (error) {
      throw toInflateError(error, maxBytes);
    }
    if (inflated.length > maxBytes) throw inflatesTooLarge(maxBytes);
    return inflated;
  },
};

/** A 32-bit counter run through a mixing function (SplitMix's construction): small, and good enough to drive tests. */
function seededRandom(seed: number): Random {
  let counter = seed | 0;
  const nextWord = (): number => {
    counter = (counter + 0x9e3779b9) | 0;
    let mixed = Math.imul(counter ^ (counter >>> 16), 0x21f0aaad);
    mixed = Math.imul(mixed ^ (mixed >>> 15), 0x735a2d97);
    return (mixed ^ (mixed >>> 15)) >>> 0;
  };
  return {
    bytes(length) {
      const bytes = new Uint8Array(length);
      for (let i = 0; i < length; i++) bytes[i] = nextWord() >>> 24;
      return bytes;
    },
    fraction: () => nextWord() / 0x1_0000_0000,
  };
}

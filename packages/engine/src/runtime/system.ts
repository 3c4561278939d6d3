// The runtime of a real process: the system's clocks and timers, the kernel's randomness, zlib on libuv's threads.
// Owns nothing but the binding to Node; it must never hold state that one engine could see of another.
import { getRandomValues, randomBytes } from "node:crypto";
import {
  gunzip,
  gzip,
  type InputType,
  type ZlibOptions,
  type ZstdOptions,
  constants as zlib,
  zstdCompress,
  zstdDecompress,
} from "node:zlib";
import type { AeadJob, AeadOpened } from "./aead.ts";
import { AeadPool } from "./aead-pool.ts";
import { BranchCounts } from "./branches.ts";
import { type Compression, InflateError, type Runtime, type Threads, type TimerHandle } from "./runtime.ts";

/** Bodies are compressed once and sent once: the fastest level that still pays. */
const ZSTD_LEVEL = 1;
const GZIP_LEVEL = 1;
/** A zstd frame may ask for a window of up to this many bytes, as a power of two (8 MiB: what RFC 8878 asks every decoder to bear). */
const ZSTD_MAX_WINDOW_LOG = 23;
/** 2^32: turns a 32-bit word into a fraction. */
const WORD_RANGE = 0x1_0000_0000;
/** `setTimeout` turns longer delays into 1 ms; nothing that we time is as long as these 24 days. */
const MAX_TIMER_MS = 0x7fff_ffff;

type ZlibCallback = (error: Error | null, result: Buffer) => void;

/** Exported for the virtual runtime, which computes the same bytes on the spot. */
export const COMPRESS_OPTIONS: { readonly zstd: ZstdOptions; readonly gzip: ZlibOptions } = {
  zstd: { params: { [zlib.ZSTD_c_compressionLevel]: ZSTD_LEVEL } },
  gzip: { level: GZIP_LEVEL },
};

/** `maxBytes` of 0 still needs room for one byte: zlib takes no smaller limit. */
export function decompressOptions(compression: Compression, maxBytes: number): ZstdOptions & ZlibOptions {
  const maxOutputLength = Math.max(1, maxBytes);
  return compression === "gzip"
    ? { maxOutputLength }
    : { maxOutputLength, params: { [zlib.ZSTD_d_windowLogMax]: ZSTD_MAX_WINDOW_LOG } };
}

/** What zlib says, in our words. */
export function toInflateError(error: unknown, maxBytes: number): InflateError {
  const tooLarge = error instanceof Error && "code" in error && error.code === "ERR_BUFFER_TOO_LARGE";
  if (tooLarge) return inflatesTooLarge(maxBytes);
  return new InflateError("corrupt", `does not inflate: ${error instanceof Error ? error.message : String(error)}`);
}

export function inflatesTooLarge(maxBytes: number): InflateError {
  return new InflateError("too-large", `inflates to more than ${maxBytes} bytes`);
}

class SystemThreads implements Threads {
  readonly #aead = new AeadPool();

  seal(job: AeadJob): Uint8Array | Promise<Uint8Array> {
    return this.#aead.seal(job);
  }

  open(job: AeadJob): AeadOpened | Promise<AeadOpened> {
    return this.#aead.open(job);
  }

  compress(compression: Compression, bytes: Uint8Array): Promise<Uint8Array> {
    return new Promise((resolve, reject) => {
      const done: ZlibCallback = (error, result) => (error === null ? resolve(result) : reject(error));
      const input: InputType = bytes;
      if (compression === "zstd") zstdCompress(input, COMPRESS_OPTIONS.zstd, done);
      else gzip(input, COMPRESS_OPTIONS.gzip, done);
    });
  }

  decompress(compression: Compression, bytes: Uint8Array, maxBytes: number): Promise<Uint8Array> {
    return new Promise((resolve, reject) => {
      const done: ZlibCallback = (error, result) => {
        if (error !== null) reject(toInflateError(error, maxBytes));
        else if (result.length > maxBytes) reject(inflatesTooLarge(maxBytes));
        else resolve(result);
      };
      const options = decompressOptions(compression, maxBytes);
      if (compression === "zstd") zstdDecompress(bytes, options, done);
      else gunzip(bytes, options, done);
    });
  }
}

/** Words of chance, made many at once: one at a time costs a call of the operating system's each. */
const words = new Uint32Array(1024);
let wordsUsed = words.length;

function randomWord(): number {
  if (wordsUsed === words.length) {
    getRandomValues(words);
    wordsUsed = 0;
  }
  return words[wordsUsed++];
}

export const systemRuntime: Runtime = {
  clock: {
    monotonicMs: () => performance.now(),
    wallMs: () => Date.now(),
  },
  timers: {
    set(delayMs, callback) {
      const timeout = setTimeout(callback, Math.min(Math.max(0, delayMs), MAX_TIMER_MS));
      timeout.unref();
      return { timerId: timeout };
    },
    clear(timer: TimerHandle) {
      // `timerId` is opaque to holders; only `set` above makes one.
      clearTimeout(timer.timerId as NodeJS.Timeout);
    },
    immediate(callback) {
      setImmediate(callback);
    },
  },
  random: {
    bytes: (length) => randomBytes(length),
    fraction: () => randomWord() / WORD_RANGE,
  },
  threads: new SystemThreads(),
  branches: new BranchCounts(),
};

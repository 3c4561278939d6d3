// Appends to a shard's streams: waits for room, sequences a batch into the open chunk, and answers once that is durable; or refuses, once the state that a
// refusal rests on is. One synchronous function decides (`sequence`); nothing of an append is in the chunk before it has.
import type { AppendAck } from "../engine-api.ts";
import { ConditionFailedError, EngineError } from "../errors.ts";
import {
  APPEND_DEADLINE_MS,
  MAX_IN_FLIGHT_BYTES,
  MAX_IN_FLIGHT_BYTES_PER_STREAM,
  MAX_WAITING_BYTES,
} from "../limits.ts";
import type { Retention } from "../retention/retention.ts";
import type { Runtime } from "../runtime/index.ts";
import type { Unflushed } from "../segment/unflushed.ts";
import { type Sequenced, sequence } from "../stream/sequencer.ts";
import { assertInMemory, type Stream } from "../stream/stream.ts";
import type { UsageMeter } from "../usage/usage-meter.ts";
import type { AppendInput } from "../wire/index.ts";
import { Admission } from "./admission.ts";
import { AppendEffect } from "./append-effect.ts";
import type { ChunkLog } from "./chunk-log.ts";

export interface AppendsOptions {
  readonly runtime: Runtime;
  readonly log: ChunkLog;
  readonly unflushed: Unflushed;
  readonly retention: Retention;
  readonly usage: UsageMeter;
  /** How long an append to a stream of a basin (by id) with a storage class may wait for company. */
  readonly lingerMs: (basinId: string, storageClass: string) => number;
  /** Resolves once all that is assigned of the stream is durable, with the lease held. Errors: EngineError. */
  readonly settled: (stream: Stream) => Promise<void>;
  /** An append waits to be accepted: the stream stays in memory until it does not wait any more. */
  readonly waits: (stream: Stream) => void;
  readonly waited: (stream: Stream) => void;
}

/** Carries an appender's failure from one of its appends to all later ones, which fail with it and no sooner: what it is may not be known yet. */
export interface AppendGuard {
  failure: Promise<Error> | undefined;
}

export class Appends {
  readonly #runtime: Runtime;
  readonly #log: ChunkLog;
  readonly #unflushed: Unflushed;
  readonly #retention: Retention;
  readonly #usage: UsageMeter;
  readonly #lingerMs: AppendsOptions["lingerMs"];
  readonly #settled: AppendsOptions["settled"];
  readonly #waits: AppendsOptions["waits"];
  readonly #waited: AppendsOptions["waited"];
  readonly #admission = new Admission<Stream>({
    totalBytes: MAX_IN_FLIGHT_BYTES,
    perStreamBytes: MAX_IN_FLIGHT_BYTES_PER_STREAM,
    waitingBytes: MAX_WAITING_BYTES,
  });
  recordsAppended = 0;

  constructor({ runtime, log, unflushed, retention, usage, lingerMs, settled, waits, waited }: AppendsOptions) {
    this.#runtime = runtime;
    this.#log = log;
    this.#unflushed = unflushed;
    this.#retention = retention;
    this.#usage = usage;
    this.#lingerMs = lingerMs;
    this.#settled = settled;
    this.#waits = waits;
    this.#waited = waited;
  }

  /** Bytes that are accepted and not durable yet. */
  get inFlightBytes(): number {
    return this.#admission.usedBytes;
  }

  /** Bytes that wait to be accepted. */
  get waitingBytes(): number {
    return this.#admission.waitingBytes;
  }

  /** Sequences a batch and resolves once it is durable. Errors: ConditionFailedError, EngineError. `onDurable` is called even when the answer came too late. */
  append(
    stream: Stream,
    input: AppendInput,
    guard: AppendGuard | undefined,
    onDurable: (sequenced: Sequenced) => void,
  ): Promise<AppendAck> {
    return new Promise((resolve, reject) => {
      const fail = (error: Error) => {
        if (guard !== undefined) guard.failure ??= Promise.resolve(error);
        reject(error);
      };
      const bytes = admissionBytes(input);
      const go = () => {
        if (guard?.failure !== undefined) {
          this.#admission.release(stream, bytes);
          void guard.failure.then(reject);
          return;
        }
        try {
          this.#log.assertAccepting();
          this.#sequence(stream, input, bytes, resolve, fail, onDurable);
        } catch (error) {
          // Anything else broke half-way through writing the open chunk, which must not go out like that.
          if (!isRefusal(error)) this.#log.halt(asError(error));
          this.#admission.release(stream, bytes);
          const refusal = this.#refusal(stream, error);
          if (guard !== undefined) guard.failure ??= refusal;
          void refusal.then(reject);
        }
      };
      if (guard?.failure !== undefined) {
        void guard.failure.then(reject);
        return;
      }
      try {
        this.#log.assertAccepting();
        if (this.#admission.tryAdmit(stream, bytes)) go();
        else this.#waitForRoom(stream, bytes, go, fail);
      } catch (error) {
        fail(asError(error));
      }
    });
  }

  #waitForRoom(stream: Stream, bytes: number, go: () => void, fail: (error: Error) => void): void {
    this.#runtime.branches.reached("append-waited-for-room");
    let late = false;
    const timer = this.#runtime.timers.set(APPEND_DEADLINE_MS, () => {
      late = true;
      fail(new EngineError("hot_server", "the append waited too long to be accepted"));
    });
    this.#waits(stream);
    try {
      this.#admission.wait(stream, bytes, () => {
        this.#runtime.timers.clear(timer);
        if (late) this.#admission.release(stream, bytes);
        else go();
        this.#waited(stream);
      });
    } catch (error) {
      this.#runtime.timers.clear(timer);
      this.#waited(stream);
      throw error;
    }
  }

  #sequence(
    stream: Stream,
    input: AppendInput,
    bytes: number,
    resolve: (ack: AppendAck) => void,
    fail: (error: Error) => void,
    onDurable: (sequenced: Sequenced) => void,
  ): void {
    assertInMemory(stream);
    const chunk = this.#log.open;
    const sequenced = sequence(stream, input, this.#runtime.clock.wallMs(), chunk, this.#log.slabs);
    chunk.addEffect(
      new AppendEffect(stream, chunk, sequenced, resolve, fail, (durable) => {
        this.#admission.release(stream, bytes);
        this.recordsAppended += durable.nextSeqNum - durable.firstSeqNum;
        this.#usage.appended(stream, durable.meteredBytes);
        this.#unflushed.touch(stream);
        if (durable.state !== undefined || this.#retention.mustWatch(stream)) this.#retention.watch(stream);
        onDurable(durable);
      }),
    );
    this.#log.gathered(this.#lingerMs(stream.basinId, stream.config.storageClass));
  }

  /** What a refused append is told, once the state that it rests on is durable, and under the lease. */
  async #refusal(stream: Stream, error: unknown): Promise<Error> {
    if (error instanceof EngineError && (error.code === "unavailable" || error.code === "server_draining"))
      return error;
    if (stream.lastChunk !== undefined) this.#runtime.branches.reached("refusal-waited");
    try {
      await this.#settled(stream);
      return asError(error);
    } catch (unsettled) {
      return asError(unsettled);
    }
  }
}

/** What an append holds in memory until it is durable: with what it came in, which may be more than its records. */
function admissionBytes(input: AppendInput): number {
  return input.batch.bytes.byteLength + 32 * input.batch.count;
}

function isRefusal(error: unknown): boolean {
  return error instanceof EngineError || error instanceof ConditionFailedError;
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}

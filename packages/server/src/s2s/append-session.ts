// An append session: AppendInputs in, AppendAcks out in order, many in flight (API: S2S).
// The first failure ends it, after the acknowledgements of what came before. Reads no further ahead than it may hold.
import { EngineError, type StreamAppender } from "@tailrace/engine";
import { type Compression, InflateError } from "@tailrace/engine/runtime";
import { encodeAppendAck, parseAppendInput, WireError } from "@tailrace/engine/wire";
import { notAuthenticated } from "../access/access.ts";
import { requireBatch } from "../access/targets.ts";
import type { SessionOutput, SessionRequest } from "../api-request.ts";
import type { Context } from "../context.ts";
import { serverDraining } from "../drain.ts";
import { errorAnswer } from "../errors.ts";
import { traceAppend } from "../tracing.ts";
import type { UnfinishedPart } from "../unfinished.ts";
import {
  type Frame,
  FrameDecoder,
  frameHeader,
  MAX_INFLATED_BYTES,
  RECONNECT_ADVISED,
  terminalFrame,
} from "./frame.ts";

/** Bytes that a session may have appended and not yet seen acknowledged; beyond, it is not read from. */
const MAX_OUTSTANDING_BYTES = 16 * 1024 * 1024;
/** Batches likewise. */
const MAX_OUTSTANDING_BATCHES = 10_000;
/** Acknowledgements that a client may leave untaken; beyond, it is not read from. */
const MAX_UNTAKEN_BYTES = 256 * 1024;

export class AppendSession {
  readonly #context: Context;
  readonly #appender: StreamAppender;
  readonly #request: SessionRequest;
  readonly #basin: string;
  #output: SessionOutput | undefined;
  #outstandingBytes = 0;
  #outstandingBatches = 0;
  /** Acknowledgements of this turn, written together. */
  #pieces: Uint8Array[] = [];
  #flushPending = false;
  /** Bytes written since the client last had taken everything. */
  #untakenBytes = 0;
  #appends = 0;
  /** The earliest in the order of the appends, not of time: what is told must hold for all that were not acknowledged. */
  #failure: { readonly index: number; readonly error: unknown } | undefined;
  /** Wakes whoever waits for the outstanding to become less, or for the session's end. */
  #changed: (() => void) | undefined;
  #ended = false;
  /** The frame that has come in part. */
  #part: UnfinishedPart | undefined;
  #stopReading: (() => void) | undefined;

  // Acknowledgements are never long enough to be compressed.
  constructor(
    context: Context,
    request: SessionRequest,
    basin: string,
    appender: StreamAppender,
    _compression: Compression | undefined,
  ) {
    this.#context = context;
    this.#appender = appender;
    this.#request = request;
    this.#basin = basin;
  }

  async run(output: SessionOutput): Promise<void> {
    try {
      await this.#run(output);
    } finally {
      this.#appender.close();
    }
  }

  async #run(output: SessionOutput): Promise<void> {
    this.#output = output;
    output.onClose(() => this.#end());
    const offDrain = this.#context.drain.onDrain(() => this.#end());
    const offAccess = this.#request.access.onEnd(() => this.#fail(this.#appends, notAuthenticated()));
    try {
      await this.#readAll();
    } catch (error) {
      this.#fail(this.#appends, error);
    }
    this.#part?.end();
    while (this.#outstandingBatches > 0 && !output.closed) await this.#change();
    offDrain();
    offAccess();
    if (output.closed) return;
    this.#flush();
    const draining = this.#context.drain.draining && this.#failure === undefined;
    const failure = draining ? { error: serverDraining() } : this.#failure;
    if (failure === undefined) return;
    this.#context.audit.failed(this.#request, failure.error);
    const { status, json } = errorAnswer(failure.error);
    await output.write([terminalFrame(status, json)]);
  }

  async #readAll(): Promise<void> {
    const decoder = new FrameDecoder(this.#context.frameMemory);
    const chunks = this.#request.chunks[Symbol.asyncIterator]();
    for (;;) {
      const next = await this.#next(chunks);
      if (next === undefined || this.#failure !== undefined) return;
      if (next.done === true) {
        decoder.finish();
        return;
      }
      for (const frame of decoder.push(next.value)) {
        await this.#untilWithinQuota();
        if (this.#ended) return;
        const pending = this.#take(frame);
        if (pending !== undefined) await pending;
        if (this.#failure !== undefined) return;
        this.#part?.end();
        this.#part = undefined;
      }
      this.#count(decoder.unfinishedBytes);
      while (this.#full && !this.#ended && this.#output?.closed === false) await this.#change();
    }
  }

  /** A frame that does not come to its end may cost its session its place. */
  #count(unfinishedBytes: number): void {
    if (unfinishedBytes === 0) return;
    this.#part ??= this.#context.unfinished.begin(() =>
      this.#fail(
        this.#appends,
        new EngineError("hot_server", "too much was under way, and this session's frame came slowly"),
      ),
    );
    this.#part.holds(unfinishedBytes);
  }

  /** A session is slowed down where a single append would be refused. */
  async #untilWithinQuota(): Promise<void> {
    const { quotas, runtime } = this.#context;
    while (!this.#ended && this.#output?.closed === false) {
      const waitMs = quotas.waitMs(this.#request.access, this.#basin);
      if (waitMs === 0) return;
      runtime.branches.reached("session-held-up-by-quota");
      const timer = runtime.timers.set(waitMs, () => this.#changed?.());
      await this.#change();
      runtime.timers.clear(timer);
    }
  }

  /** What comes next, or undefined when the session ends first. (A race with one promise of the end would grow that promise with every read.) */
  #next(chunks: AsyncIterator<Uint8Array>): Promise<IteratorResult<Uint8Array> | undefined> {
    if (this.#ended) return Promise.resolve(undefined);
    return new Promise((resolve, reject) => {
      this.#stopReading = () => resolve(undefined);
      chunks.next().then(resolve, reject);
    });
  }

  get #full(): boolean {
    return (
      this.#outstandingBytes > MAX_OUTSTANDING_BYTES ||
      this.#outstandingBatches >= MAX_OUTSTANDING_BATCHES ||
      this.#untakenBytes > MAX_UNTAKEN_BYTES
    );
  }

  /** Appends what a frame holds; the promise, if there is one, is its inflation. */
  #take(frame: Frame): Promise<void> | undefined {
    if (frame.terminal) throw new WireError("bad_frame", "a client sends no terminal frames");
    const { frameMemory, runtime } = this.#context;
    if (frame.compression === "none") {
      this.#append(frame.body, frame.memory);
      return undefined;
    }
    return runtime.threads.decompress(frame.compression, frame.body, MAX_INFLATED_BYTES).then(
      (body) => {
        frameMemory.give(frame.memory);
        // It may have failed meanwhile, with this frame as the first that is not appended.
        if (!this.#ended) this.#append(body);
      },
      (error: unknown) => {
        throw error instanceof InflateError
          ? new WireError("bad_frame", `a frame does not inflate: ${error.message}`)
          : error;
      },
    );
  }

  /** `memory`: what the body lies in, and is given back with it. */
  #append(body: Uint8Array, memory?: Uint8Array): void {
    const input = parseAppendInput(body);
    requireBatch(this.#request.access, input.batch);
    this.#context.quotas.spend(this.#request.access, this.#basin, input.batch.meteredBytes);
    const { frameMemory, metrics, runtime } = this.#context;
    const { count, meteredBytes } = input.batch;
    const index = this.#appends;
    this.#appends += 1;
    const startedMs = runtime.clock.monotonicMs();
    this.#outstandingBytes += meteredBytes;
    this.#outstandingBatches += 1;
    const acknowledged = this.#appender.append(input);
    if (this.#request.span !== undefined) traceAppend(this.#request.span, input.batch, acknowledged);
    // Answered, it is in the log or will never be: who waits for room is not looked at again.
    const settled = () => {
      if (memory !== undefined) frameMemory.give(memory);
      this.#settled(meteredBytes);
    };
    acknowledged.then(
      (ack) => {
        settled();
        // Clients count acknowledgements: there must be none missing before one.
        if (this.#failure !== undefined && this.#failure.index < index) return;
        metrics.appendAckSeconds.observe((runtime.clock.monotonicMs() - startedMs) / 1000);
        metrics.appendBatchRecords.observe(count);
        metrics.appendBatchBytes.observe(meteredBytes);
        const bytes = encodeAppendAck(ack);
        const flags = this.#context.drain.draining ? RECONNECT_ADVISED : 0;
        this.#pieces.push(frameHeader(bytes.length, "none", flags), bytes);
        this.#flushSoon();
      },
      (error: unknown) => {
        settled();
        this.#fail(index, error);
      },
    );
  }

  #settled(meteredBytes: number): void {
    this.#outstandingBytes -= meteredBytes;
    this.#outstandingBatches -= 1;
    this.#changed?.();
  }

  #flushSoon(): void {
    if (this.#flushPending) return;
    this.#flushPending = true;
    this.#context.runtime.timers.immediate(() => {
      this.#flushPending = false;
      this.#flush();
    });
  }

  /** Acknowledgements wait for nobody: a client that does not take them is no longer read from, and in the end dropped. */
  #flush(): void {
    if (this.#pieces.length === 0) return;
    const bytes = Buffer.concat(this.#pieces);
    this.#pieces = [];
    if (this.#output?.closed !== false) return;
    const taken = this.#output.write([bytes]);
    if (taken === undefined) return;
    this.#untakenBytes += bytes.length;
    void taken.then(() => {
      this.#untakenBytes = 0;
      this.#changed?.();
    });
  }

  #fail(index: number, error: unknown): void {
    if (this.#failure === undefined || index < this.#failure.index) this.#failure = { index, error };
    this.#end();
  }

  #end(): void {
    this.#ended = true;
    this.#stopReading?.();
    this.#changed?.();
  }

  #change(): Promise<void> {
    return new Promise((resolve) => {
      this.#changed = resolve;
    });
  }
}

// Threads for sealing and opening what would hold up the event loop. Bounded in threads and in queued bytes, started by the first job
// that is worth the hop, gone again when there has been none for a while. Small jobs, and those that find the queue full, are done on the spot.
import { availableParallelism } from "node:os";
import { Worker } from "node:worker_threads";
import {
  type AeadCipher,
  type AeadJob,
  type AeadOpened,
  aeadLoaded,
  loadAegis,
  openMessages,
  sealMessages,
} from "./aead.ts";
import type { AeadRequest, AeadResponse } from "./aead-worker.ts";

/** What a job takes, as measured: microseconds a message, and nanoseconds a byte. */
const COST: Readonly<Record<AeadCipher, { readonly messageUs: number; readonly byteNs: number }>> = {
  "aegis-256": { messageUs: 4, byteNs: 9 },
  "aes-256-gcm": { messageUs: 10, byteNs: 1 },
};
/** A hop to a worker and back takes some 130 µs; from here on the event loop is better off without the job. */
const WORTH_A_HOP_US = 500;
/** One core is the event loop's. */
const MAX_WORKERS = Math.max(1, Math.min(4, availableParallelism() - 1));
/** Bytes that wait for a worker; beyond it a job is done on the spot, which holds up those who bring more. */
const MAX_QUEUED_BYTES = 32 * 1024 * 1024;
/** A worker without work is ended after this. */
const IDLE_MS = 10_000;

interface Queued {
  readonly request: AeadRequest;
  readonly bytes: number;
  readonly resolve: (response: Extract<AeadResponse, { kind: "done" }>) => void;
  readonly reject: (error: Error) => void;
}

export class AeadPool {
  readonly #workers = new Set<Worker>();
  readonly #idle: Worker[] = [];
  readonly #busy = new Map<Worker, Queued>();
  readonly #queue: Queued[] = [];
  #queuedBytes = 0;
  #idleTimer: NodeJS.Timeout | undefined;

  /** As `Threads.seal`. */
  seal(job: AeadJob): Uint8Array | Promise<Uint8Array> {
    if (this.#worthAHop(job)) {
      // The texts stay the caller's; the sealed messages' memory goes and comes back.
      const own = { ...job, plain: Uint8Array.from(job.plain) };
      return this.#run({ kind: "seal", job: own }).then(({ sealed }) => sealed);
    }
    if (!aeadLoaded(job.cipher)) return loadAegis().then(() => this.seal(job));
    sealMessages(job);
    return job.sealed;
  }

  /** As `Threads.open`. */
  open(job: AeadJob): AeadOpened | Promise<AeadOpened> {
    if (this.#worthAHop(job)) return this.#run({ kind: "open", job });
    if (!aeadLoaded(job.cipher)) return loadAegis().then(() => this.open(job));
    return { plain: job.plain, opened: openMessages(job) };
  }

  /** Workers alive. */
  get workers(): number {
    return this.#workers.size;
  }

  #worthAHop(job: AeadJob): boolean {
    const { messageUs, byteNs } = COST[job.cipher];
    const costUs = (job.plainSpans.length / 2) * messageUs + (job.sealed.length * byteNs) / 1000;
    return costUs >= WORTH_A_HOP_US && this.#queuedBytes <= MAX_QUEUED_BYTES;
  }

  #run(request: AeadRequest): Promise<Extract<AeadResponse, { kind: "done" }>> {
    return new Promise((resolve, reject) => {
      const bytes = request.job.sealed.length + request.job.plain.length;
      this.#queue.push({ request, bytes, resolve, reject });
      this.#queuedBytes += bytes;
      this.#dispatch();
    });
  }

  #dispatch(): void {
    while (this.#queue.length > 0) {
      const worker = this.#idle.pop() ?? (this.#workers.size < MAX_WORKERS ? this.#start() : undefined);
      if (worker === undefined) return;
      const queued = this.#queue.shift();
      if (queued === undefined) return;
      this.#queuedBytes -= queued.bytes;
      this.#give(worker, queued);
    }
  }

  #start(): Worker {
    const worker = new Worker(new URL("./aead-worker.ts", import.meta.url), { name: "aead" });
    this.#workers.add(worker);
    worker.on("message", (response: AeadResponse) => {
      const queued = this.#busy.get(worker);
      this.#busy.delete(worker);
      this.#idle.push(worker);
      // Only while it has work does a worker keep the process alive.
      worker.unref();
      if (response.kind === "done") queued?.resolve(response);
      else queued?.reject(new Error(`sealing or opening failed: ${response.message}`));
      this.#dispatch();
      this.#endWhenIdle();
    });
    worker.on("error", (error) => {
      const queued = this.#busy.get(worker);
      this.#busy.delete(worker);
      this.#workers.delete(worker);
      const at = this.#idle.indexOf(worker);
      if (at >= 0) this.#idle.splice(at, 1);
      queued?.reject(new Error(`a worker has died: ${error instanceof Error ? error.name : "unknown"}`));
      this.#dispatch();
    });
    return worker;
  }

  #give(worker: Worker, queued: Queued): void {
    clearTimeout(this.#idleTimer);
    worker.ref();
    this.#busy.set(worker, queued);
    const { sealed, plain } = queued.request.job;
    worker.postMessage(queued.request, [ownBuffer(sealed), ownBuffer(plain)]);
  }

  /** Ends the workers that have no work: all of them, once everything has been answered. */
  async close(): Promise<void> {
    clearTimeout(this.#idleTimer);
    await this.#end();
  }

  async #end(): Promise<void> {
    const idle = this.#idle.splice(0);
    for (const worker of idle) this.#workers.delete(worker);
    await Promise.all(idle.map((worker) => worker.terminate()));
  }

  #endWhenIdle(): void {
    if (this.#idle.length < this.#workers.size) return;
    this.#idleTimer = setTimeout(() => void this.#end(), IDLE_MS);
    this.#idleTimer.unref();
  }
}

/** Memory that is handed over must be a message's own: neither shared nor part of something larger. */
function ownBuffer(bytes: Uint8Array): ArrayBuffer {
  const { buffer } = bytes;
  if (!(buffer instanceof ArrayBuffer) || buffer.byteLength !== bytes.length)
    throw new Error("the memory of a job is not its own");
  return buffer;
}

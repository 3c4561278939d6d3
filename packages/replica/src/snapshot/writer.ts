// Writes one snapshot into the stream of snapshots, piece by piece, each before the next is made, and reads it back. Only what
// was read back whole is worth a word in the log. Gives up rather than to hold a state's past for ever.
import { createHash } from "node:crypto";
import { UnavailableError } from "../errors.ts";
import { MAX_RETRY_MS, MIN_RETRY_MS, SNAPSHOT_PATIENCE_MS, SNAPSHOT_PIECE_BYTES } from "../limits.ts";
import { type AppendAck, type Log, LogError } from "../log/log.ts";
import { encodeRecord, NONCE_BYTES, type ReplicaRecord, type WholeRecord } from "../record/envelope.ts";
import { Backoff, Pause, type ReplicaRuntime } from "../runtime.ts";
import { packed } from "./frames.ts";
import { readSnapshot } from "./reader.ts";

export interface SnapshotToWrite {
  readonly machine: string;
  readonly version: number;
  /** The state is as it was before this record. */
  readonly next: number;
  readonly chunks: Iterable<Uint8Array>;
}

export class SnapshotWriter {
  readonly #stream: Log;
  readonly #runtime: ReplicaRuntime;
  readonly #pause: Pause;
  #ended = false;

  constructor(stream: Log, runtime: ReplicaRuntime) {
    this.#stream = stream;
    this.#runtime = runtime;
    this.#pause = new Pause(runtime);
  }

  /** Resolves once it is durable and was read back. Rejects with `LogError`, `UnavailableError`, `BadSnapshotError`, or what the chunks threw. */
  async write({ machine, version, next, chunks }: SnapshotToWrite): Promise<WholeRecord> {
    const nonce = this.#runtime.randomBytes(NONCE_BYTES);
    const hash = createHash("sha256");
    let first: number | undefined;
    let pieces = 0;
    for (const bytes of packed(chunks, SNAPSHOT_PIECE_BYTES)) {
      hash.update(bytes);
      const { start } = await this.#append({ kind: "piece", nonce, index: pieces, bytes });
      first ??= start;
      pieces += 1;
    }
    const sha256 = hash.digest();
    const whole: WholeRecord = { kind: "whole", nonce, machine, version, next, first: first ?? 0, pieces, sha256 };
    await this.#append(whole);
    await this.#retried(() => readSnapshot(this.#stream, whole, readThrough));
    return whole;
  }

  /** What is being written is given up. */
  end(): void {
    this.#ended = true;
    this.#pause.end();
  }

  /** A piece that is written twice is read once. */
  #append(record: ReplicaRecord): Promise<AppendAck> {
    return this.#retried(() => this.#stream.append({ entries: [encodeRecord(record)] }));
  }

  async #retried<T>(work: () => Promise<T>): Promise<T> {
    const backoff = new Backoff(this.#runtime, MIN_RETRY_MS, MAX_RETRY_MS);
    const patientUntilMs = this.#runtime.monotonicMs() + SNAPSHOT_PATIENCE_MS;
    for (;;) {
      if (this.#ended) throw new UnavailableError("the replica stopped while it wrote a snapshot");
      try {
        return await work();
      } catch (error) {
        const worthIt = error instanceof LogError && error.failure === "unknown";
        if (!worthIt || this.#runtime.monotonicMs() > patientUntilMs) throw error;
        await this.#pause.wait(backoff.nextMs());
      }
    }
  }
}

async function readThrough(chunks: AsyncIterable<Uint8Array>): Promise<void> {
  for await (const _ of chunks);
}
